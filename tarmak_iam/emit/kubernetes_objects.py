"""Kubernetes objects as plain data: whether one is well-formed, its key, checksum and place in the apply order."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from typing import Any

from tarmak_iam.document.plain_values import plain
from tarmak_iam.installation.backend_payloads import Manifest

ObjectKey = tuple[str, str, str, str]
"""Group, kind, namespace and name. Objects with the same key are one object, whatever their API versions."""

_API_VERSION = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?v[0-9][a-z0-9]*\Z", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*\Z", re.ASCII)

# The most permissive rule of Kubernetes for names, that of RBAC: a segment of a path, such as `system:node`.
_NAME = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x20\x7f-\xa0/%\u2028\u2029\ufeff]{1,253}\Z")

# kustomize (measured with v5.5) writes these unescaped; it then reads NEL as a blank, and cannot read the others.
_GARBLED = re.compile(r"[\x7f-\x9f\ufffe\uffff]")


def object_key(manifest: Manifest) -> ObjectKey:
    """The key of a well-formed object; without a namespace, that part is empty."""
    metadata = manifest["metadata"]
    group = manifest["apiVersion"].rpartition("/")[0]
    return group, manifest["kind"], metadata.get("namespace") or "", metadata["name"]


def object_text(key: ObjectKey) -> str:
    """For messages: `ConfigMap kube-system/aws-auth`."""
    group, kind, namespace, name = key
    return f"{kind}{group and '.' + group} {namespace and namespace + '/'}{name}"


def well_formed(value: Any) -> Manifest:
    """A copy of the object in plain types. Raises TypeError, which says why the value is not a Kubernetes object."""
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__} instead of a Kubernetes object")
    manifest: Manifest = plain(value)
    _check_json(manifest)
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    fields = (
        ("apiVersion", manifest.get("apiVersion"), _API_VERSION),
        ("kind", manifest.get("kind"), _KIND),
        ("metadata.name", metadata.get("name"), _NAME),
        ("metadata.namespace", metadata.get("namespace"), _NAME),
    )
    for name, field, pattern in fields:
        if field is None and name != "metadata.namespace":
            raise TypeError(f"an object without {name}")
        if field is not None and (not isinstance(field, str) or not pattern.match(field)):
            raise TypeError(f"an object whose {name} is {field!r}")
    if manifest["kind"] == "List":
        raise TypeError("a List instead of a Kubernetes object: return its items")
    return manifest


def garbled(value: Any) -> str | None:
    """The first string in it that kustomize would change; None if kustomize keeps all of them."""
    if isinstance(value, str):
        return value if _GARBLED.search(value) else None
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return next(filter(None, map(garbled, value)), None) if isinstance(value, list) else None


def _check_json(value: Any) -> None:
    """Objects are sent as JSON, which has fewer kinds of values than YAML."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"an object with the number {value}, which JSON does not support")
    for key in value if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise TypeError(f"an object with the key {key!r}, which is not a string")
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            _check_json(child)


OWN_ANNOTATIONS = "tarmak-iam/"  # the prefix of our own annotations, which the checksum does not cover
MANIFEST_CHECKSUM = f"{OWN_ANNOTATIONS}manifest-checksum"


def with_checksum(manifest: Manifest) -> Manifest:
    """The object with the checksum annotation; unchanged where its annotations are not a YAML mapping."""
    annotations = manifest["metadata"].get("annotations") or {}
    if not isinstance(annotations, dict):
        return manifest
    annotations = {**annotations, MANIFEST_CHECKSUM: _checksum(manifest)}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def checksum_of(manifest: Manifest) -> str | None:
    """The value of the checksum annotation; None without one."""
    annotations = (manifest.get("metadata") or {}).get("annotations")
    checksum = annotations.get(MANIFEST_CHECKSUM) if isinstance(annotations, dict) else None
    return checksum if isinstance(checksum, str) else None


def is_intact(manifest: Manifest) -> bool:
    """Whether the object is as `manifests` generated it: it has the checksum annotation, and the checksum matches."""
    checksum = checksum_of(manifest)
    return checksum is not None and checksum == _checksum(manifest)


def _checksum(manifest: Manifest) -> str:
    """Does not cover the namespace, which kubectl adds where it is missing (kubectl's apply, SetNamespace)."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in ("annotations", "namespace")}
    annotations = manifest["metadata"].get("annotations") or {}
    others = {key: value for key, value in annotations.items() if not key.startswith(OWN_ANNOTATIONS)}
    content = {**manifest, "metadata": {**metadata, **({"annotations": others} if others else {})}}
    text = json.dumps(_normalised(content), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _normalised(value: Any) -> Any:
    """The value as kubectl returns it: JSON in Go does not distinguish 1.0 from 1, and null is dropped."""
    if isinstance(value, dict):
        return {key: _normalised(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_normalised(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_FIRST = (
    *("Namespace", "CustomResourceDefinition", "PodSecurityPolicy", "ServiceAccount"),
    *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "Secret"),
)
_LAST = ("Deployment", "StatefulSet", "DaemonSet")
"""Workloads. Kinds in neither list, such as custom resources, come before them."""


def in_apply_order(objects: Iterable[Manifest]) -> list[Manifest]:
    """Objects of one kind keep their order."""
    ranks = {kind: rank for rank, kind in enumerate((*_FIRST, None, *_LAST))}
    return sorted(objects, key=lambda manifest: ranks.get(manifest.get("kind"), len(_FIRST)))


_ESCAPED = re.compile("[<>&\u2028\u2029]")  # six bytes each in Go's JSON


def fits_client_side_apply(manifest: Manifest) -> bool:
    """Whether `kubectl apply` without --server-side can apply it."""
    annotations = manifest["metadata"].get("annotations") or {}
    others = sum(len(text.encode()) for pair in annotations.items() for text in pair)
    # kubectl adds empty annotations where they are missing, and a line end.
    copied = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
    text = json.dumps(copied, separators=(",", ":"), ensure_ascii=False)
    copy_size = len(_ESCAPED.sub("x" * 6, text).encode()) + 1
    # Bytes of all names and values together (apimachinery, TotalAnnotationSizeLimitB).
    return others + len("kubectl.kubernetes.io/last-applied-configuration") + copy_size <= 256 * 1024
