"""Kubernetes objects as plain data: their identity, the fields that were set on purpose, whether tarmak-iam manages
them, the kinds that CustomResourceDefinitions define, and batches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from tarmak_iam.emit.kubernetes_objects import OWN_ANNOTATIONS
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.installation.backend_payloads import CONFIG_KEY

MANAGER = "tarmak-iam"
"""Our name as a field manager, and as the value of `app.kubernetes.io/managed-by`."""

ENTRY_KINDS = tuple(f"{each.kind.lower()}.{each.group}" for each in ENTRY_OBJECTS.values() if not each.names)
"""The custom resources of the authenticator's backends, as kubectl takes them."""

CHANGED_AT = "tarmak-iam/changed-at"
"""Annotation of a ConfigMap: when its data changed, where its managedFields do not show that."""

_MANAGED_BY = "app.kubernetes.io/managed-by"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# Set by the API server, and set again when the object is written back.
_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_ANNOTATIONS = ("deprecated.daemonset.template.generation",)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """Which object it is. `namespace` is empty for a cluster-scoped object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Object) -> Ref:
        metadata = obj.get("metadata") or {}
        namespace, name = str(metadata.get("namespace") or ""), str(metadata.get("name", ""))
        return cls(str(obj.get("apiVersion", "")), str(obj.get("kind", "")), namespace, name)

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for two references to the same object, apart from the namespace: that may come from the kubeconfig."""
        return self.group, self.kind, self.name

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """As kubectl accepts it: `DaemonSet.v1.apps`, `ConfigMap`."""
        group, _, version = self.api_version.rpartition("/")
        return f"{self.kind}.{version}.{group}" if group else self.kind

    @property
    def scope(self) -> tuple[str, ...]:
        """kubectl's options for the namespace."""
        return ("--namespace", self.namespace) if self.namespace else ()

    @property
    def stub(self) -> Object:
        """The minimal object with which it can be requested."""
        metadata = {"name": self.name, **({"namespace": self.namespace} if self.namespace else {})}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata}

    def is_same(self, other: Ref) -> bool:
        """Whatever the API version. An empty namespace stands for that of the kubeconfig."""
        is_there = self.namespace == other.namespace or not self.namespace or not other.namespace
        return self.key == other.key and is_there

    def among(self, objects: Iterable[Object]) -> Object | None:
        return next((obj for obj in objects if self.is_same(Ref.of(obj))), None)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Index:
    """Objects by group, kind and name, whatever their API version."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self._named: dict[tuple[str, str, str], list[tuple[Ref, Object]]] = {}
        for obj in objects:
            ref = Ref.of(obj)
            self._named.setdefault(ref.key, []).append((ref, obj))

    def get(self, ref: Ref) -> Object | None:
        return next((obj for indexed, obj in self._named.get(ref.key, ()) if ref.is_same(indexed)), None)


def without_server_fields(obj: Object) -> Object:
    """The object as it can be written back: without status and the metadata that the API server sets."""
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in _METADATA}
    kept = {key: value for key, value in obj.items() if key != "status"} | {"metadata": metadata}
    return _without_annotations(kept, _ANNOTATIONS)


def comparable(obj: Object) -> Object:
    """For comparing and showing: `without_server_fields`, and also without what controllers add, the annotation of
    kubectl's client-side apply, and our own annotations."""
    kept = without_server_fields(obj)
    annotations = kept["metadata"].get("annotations")
    if isinstance(annotations, dict):
        ours = (key for key in annotations if key.startswith(OWN_ANNOTATIONS))
        kept = _without_annotations(kept, (LAST_APPLIED, *ours))
    if kept.get("kind") == "ServiceAccount":  # below 1.24 a controller creates a token, and adds its name here
        kept = {key: value for key, value in kept.items() if key != "secrets"}
    return {**kept, "metadata": {key: value for key, value in kept["metadata"].items() if key != "finalizers"}}


def last_applied(obj: Object) -> Object | None:
    """The object that kubectl's client-side apply sent last; None if it was not used."""
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    with suppress(ValueError):
        sent = json.loads(text) if isinstance(text, str) else None
        return sent if isinstance(sent, dict) else None
    return None


def with_last_applied(obj: Object, sent: Object) -> Object:
    """The object as kubectl's client-side apply leaves it after sending that."""
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), LAST_APPLIED: json.dumps(sent)}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def without_last_applied(obj: Object) -> Object:
    """The object without the annotation of kubectl's client-side apply."""
    return _without_annotations(obj, (LAST_APPLIED,))


def is_ours(obj: Object) -> bool:
    """Whether tarmak-iam manages it: by its label, or because it was applied under our name."""
    return labels_of(obj).get(_MANAGED_BY) == MANAGER or is_applied(obj)


def is_applied(obj: Object) -> bool:
    """Whether it was server-side applied under our name."""
    return any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in managed_entries(obj))


def labels_of(obj: Object) -> dict[str, str]:
    return dict((obj.get("metadata") or {}).get("labels") or {})


def managed_entries(obj: Object) -> Iterator[dict[str, Any]]:
    """The entries of managedFields: one for each manager and operation."""
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    return (entry for entry in entries if isinstance(entry, dict))


def version_of(obj: Object) -> str:
    return str((obj.get("metadata") or {}).get("resourceVersion") or "")


def time_of(text: object) -> datetime | None:
    """Parses a timestamp of the API server: `2026-05-04T12:00:00Z`, also MicroTime."""
    with suppress(ValueError):
        time = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return None


def last_change(config_map: Object, key: str = CONFIG_KEY) -> datetime | None:
    """When the text under the key changed last, by the API server's clock; None where that is unknown, as after a
    change by hand below Kubernetes 1.16."""
    annotations = (config_map.get("metadata") or {}).get("annotations") or {}
    text, _, digest = str(annotations.get(CHANGED_AT, "")).partition(" ")
    # The annotation may belong to other data, as after `kubectl get`, an edit and `kubectl apply`.
    noted = time_of(text) if digest == config_digest(config_map, key) else None
    owners: list[tuple[datetime, bool]] = []  # the last write of each, and whether it was not an apply by tarmak-iam
    for entry in managed_entries(config_map):
        fields: Any = entry.get("fieldsV1") or {}
        time = time_of(entry.get("time", ""))
        if time is not None and any(f"f:{key}" in (fields.get(name) or {}) for name in ("f:data", "f:binaryData")):
            owners.append((time, (entry.get("manager"), entry.get("operation")) != (MANAGER, "Apply")))
    last, is_others = max(owners, default=(noted, False))
    return last if is_others or noted is None else noted


def config_digest(config_map: Object, key: str = CONFIG_KEY) -> str:
    return hashlib.sha256(str(config_text(config_map, key)).encode()).hexdigest()[:16]


def config_text(config_map: Object, key: str = CONFIG_KEY) -> object:
    return (config_map.get("data") or {}).get(key)


def _without_annotations(obj: Object, names: Iterable[str]) -> Object:
    annotations = obj["metadata"].get("annotations")
    if not isinstance(annotations, dict) or not set(names) & set(annotations):
        return obj
    left = {key: value for key, value in annotations.items() if key not in names}
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, "annotations": left} if left else metadata}


CRD = "CustomResourceDefinition"
_UNKNOWN_FIELDS = "preserveUnknownFields"
GroupKind = tuple[str, str]
"""API group and kind."""


def defined_kind(obj: Object) -> GroupKind | None:
    """The kind that a definition defines; None for any other object."""
    spec = obj.get("spec") or {}
    return (str(spec["group"]), str(spec["names"]["kind"])) if obj.get("kind") == CRD else None


def group_kind(obj: Object) -> GroupKind:
    ref = Ref.of(obj)
    return ref.group, ref.kind


def fitted(wanted: Object, live: Object | None) -> Object:
    """The object to apply so that the live object becomes the wanted one. A definition that was created as v1beta1
    preserves unknown fields until `preserveUnknownFields` is set to false, only where that is needed: the API server
    drops the default."""
    if not _keeps_unknown_fields(live) or not _is_v1(wanted):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "preserveUnknownFields": False}}


def restorable(before: Object, live: Object | None) -> Object:
    """The object as it was before, as far as the API server accepts it: v1 rejects a change of preserveUnknownFields
    to true (in every release that has v1: apiextensions' validatePreserveUnknownFields)."""
    if not _is_v1(before) or not _keeps_unknown_fields(before) or _keeps_unknown_fields(live):
        return before
    return {**before, "spec": {key: value for key, value in before["spec"].items() if key != _UNKNOWN_FIELDS}}


def _is_v1(obj: Object) -> bool:
    return obj.get("kind") == CRD and obj.get("apiVersion") == "apiextensions.k8s.io/v1"


def _keeps_unknown_fields(crd: Object | None) -> bool:
    return bool(((crd or {}).get("spec") or {}).get(_UNKNOWN_FIELDS))


T = TypeVar("T")
# kubectl makes up to three requests for each: at 200 ms, 100 objects take a minute, a hundred times its start.
_OBJECTS = 100
_BYTES = 4_000_000


def in_batches(
    items: Iterable[T], object_of: Callable[[T], Object], *, is_of_one_kind: bool = False
) -> Iterator[list[T]]:
    """Batches in the given order, each for one call. `is_of_one_kind`: another kind starts another batch."""
    batch: list[T] = []
    kind, size = "", 0
    for item in items:
        obj = object_of(item)
        resource, length = Ref.of(obj).resource, len(json.dumps(obj))
        is_another = is_of_one_kind and resource != kind
        if batch and (is_another or len(batch) == _OBJECTS or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        kind, size = resource, size + length
    if batch:
        yield batch


def by_kind(objects: Iterable[Object]) -> list[list[Object]]:
    """Grouped by kind, in the order of the first object of each."""
    kinds: dict[str, list[Object]] = {}
    for obj in objects:
        kinds.setdefault(Ref.of(obj).resource, []).append(obj)
    return list(kinds.values())
