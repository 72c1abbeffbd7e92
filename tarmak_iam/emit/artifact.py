"""What emitters make: named bytes with a file mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.layout import Layout
from tarmak_iam.document.render import block_lines

__all__ = ["Artifact", "Manifest", "manifest_artifact", "yaml_bytes"]

Manifest = dict[str, Any]
"""A Kubernetes object as plain data."""

_LAYOUT = Layout(step=2, dash=0, item=2, quote="double")


@dataclass(frozen=True, slots=True)
class Artifact:
    """`name` is a file name; `mode` its permissions: 0600 for what is nobody else's business."""

    name: str
    data: bytes
    mode: int = 0o644


def yaml_bytes(value: Manifest) -> bytes:
    """YAML that every reader takes the same way: whatever could be another type is quoted."""
    return ("\n".join(block_lines(value, _LAYOUT) or ["{}"]) + "\n").encode()


def manifest_artifact(manifest: Manifest) -> Artifact:
    return Artifact(f"{manifest['kind'].lower()}.yaml", yaml_bytes(manifest))
