"""The checksum that every manifest carries: by it a copy that somebody has edited is told from the manifest itself."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tarmak_iam.emit.artifact import Manifest

__all__ = ["MANIFEST_CHECKSUM", "OWN_ANNOTATIONS", "checksum_of", "is_intact", "with_checksum"]

OWN_ANNOTATIONS = "tarmak-iam/"
"""What the names of our own annotations begin with. They are no part of what the checksum is of."""

MANIFEST_CHECKSUM = f"{OWN_ANNOTATIONS}manifest-checksum"


def with_checksum(manifest: Manifest) -> Manifest:
    """The object with the annotation; as it is where its annotations are not a mapping."""
    annotations = manifest["metadata"].get("annotations") or {}
    if not isinstance(annotations, dict):
        return manifest
    annotations = {**annotations, MANIFEST_CHECKSUM: _checksum(manifest)}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def checksum_of(each: Manifest) -> str | None:
    """What the annotation says; None where there is none."""
    annotations = (each.get("metadata") or {}).get("annotations")
    found = annotations.get(MANIFEST_CHECKSUM) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) else None


def is_intact(each: Manifest) -> bool:
    """Whether it is as `manifests` made it: it has the annotation, and nothing else in it is another one."""
    found = checksum_of(each)
    return found is not None and found == _checksum(each)


def _checksum(manifest: Manifest) -> str:
    """Without the namespace, which kubectl adds where there is none (kubectl's apply, SetNamespace)."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in ("annotations", "namespace")}
    annotations = manifest["metadata"].get("annotations") or {}
    others = {key: value for key, value in annotations.items() if not key.startswith(OWN_ANNOTATIONS)}
    content = {**manifest, "metadata": {**metadata, **({"annotations": others} if others else {})}}
    text = json.dumps(_normalised(content), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _normalised(value: Any) -> Any:
    """As it comes back through kubectl: JSON in Go knows no 1.0, and null is not kept."""
    if isinstance(value, dict):
        return {key: _normalised(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_normalised(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
