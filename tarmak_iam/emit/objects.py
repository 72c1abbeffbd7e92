"""What makes plain data a Kubernetes object, and which object it is."""

from __future__ import annotations

import math
import re
from typing import Any

from tarmak_iam.document.intent import plain
from tarmak_iam.emit.artifact import Manifest

__all__ = ["Key", "described", "garbled", "key_of", "well_formed"]

Key = tuple[str, str, str, str]
"""Group, kind, namespace and name: objects that agree in these are one object, whatever their API version."""

_API_VERSION = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?v[0-9][a-z0-9]*\Z", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*\Z", re.ASCII)
# The loosest rule that Kubernetes has for names, which is RBAC's: a segment of a path, such as `system:node`.
_NAME = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x20\x7f-\xa0/%\u2028\u2029\ufeff]{1,253}\Z")

# kustomize (measured with v5.5) writes them as they are, and then reads NEL as a blank and the others not at all.
_GARBLED = re.compile(r"[\x7f-\x9f\ufffe\uffff]")


def key_of(manifest: Manifest) -> Key:
    """Of a well-formed object; a namespace that is not there is the empty one."""
    metadata = manifest["metadata"]
    group = manifest["apiVersion"].rpartition("/")[0]
    return group, manifest["kind"], metadata.get("namespace") or "", metadata["name"]


def described(key: Key) -> str:
    """For messages: `ConfigMap kube-system/aws-auth`."""
    group, kind, namespace, name = key
    return f"{kind}{group and '.' + group} {namespace and namespace + '/'}{name}"


def well_formed(value: Any) -> Manifest:
    """A copy of the object in plain types. Raises TypeError, which says what keeps it from being an object."""
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__} where a Kubernetes object belongs")
    manifest: Manifest = plain(value)
    _check_json(manifest)
    _check_field("apiVersion", manifest.get("apiVersion"), _API_VERSION)
    _check_field("kind", manifest.get("kind"), _KIND)
    if manifest["kind"] == "List":
        raise TypeError("a List where a Kubernetes object belongs: give its items")
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    _check_field("metadata.name", metadata.get("name"), _NAME)
    if metadata.get("namespace") is not None:
        _check_field("metadata.namespace", metadata["namespace"], _NAME)
    return manifest


def garbled(value: Any) -> str | None:
    """The first text in it that kustomize would not carry over as it is, None if there is none."""
    if isinstance(value, str):
        return value if _GARBLED.search(value) else None
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return next(filter(None, map(garbled, value)), None) if isinstance(value, list) else None


def _check_field(name: str, value: Any, pattern: re.Pattern[str]) -> None:
    if value is None:
        raise TypeError(f"an object without {name}")
    if not isinstance(value, str) or not pattern.match(value):
        raise TypeError(f"an object whose {name} is {value!r}")


def _check_json(value: Any) -> None:
    """Objects are JSON in the end, which has fewer values than YAML."""
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise TypeError(f"an object with the key {key!r}, which is no text")
            _check_json(child)
    elif isinstance(value, list):
        for child in value:
            _check_json(child)
    elif isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"an object with the number {value}, which JSON does not have")
