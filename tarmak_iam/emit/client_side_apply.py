"""kubectl's own apply (client-side) keeps a copy of each object in an annotation, and annotations have a limit."""

from __future__ import annotations

import json
import re

from tarmak_iam.emit.artifact import Manifest

__all__ = ["fits_client_side_apply"]

_MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all names and values together (apimachinery, TotalAnnotationSizeLimitB)."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ESCAPED = re.compile("[<>&\u2028\u2029]")
"""Six bytes each in Go's JSON."""


def fits_client_side_apply(manifest: Manifest) -> bool:
    """Whether `kubectl apply` without --server-side can apply it."""
    annotations = manifest["metadata"].get("annotations") or {}
    others = sum(len(text.encode()) for pair in annotations.items() for text in pair)
    return others + len(_LAST_APPLIED) + _copy_size(manifest) <= _MAX_ANNOTATIONS


def _copy_size(manifest: Manifest) -> int:
    # kubectl adds empty annotations where there are none, and a line end.
    metadata = manifest["metadata"]
    copied = {**manifest, "metadata": {**metadata, "annotations": metadata.get("annotations") or {}}}
    text = json.dumps(copied, separators=(",", ":"), ensure_ascii=False)
    return len(_ESCAPED.sub("x" * 6, text).encode()) + 1
