"""Plain data as YAML that every reader takes the same way."""

from __future__ import annotations

from typing import Any

from tarmak_iam.document.render import Layout, block_lines

_LAYOUT = Layout(step=2, dash=0, item=2, quote="double")


def yaml_bytes(value: dict[str, Any]) -> bytes:
    """YAML that every reader takes the same way: whatever could be another type is quoted."""
    return ("\n".join(block_lines(value, _LAYOUT) or ["{}"]) + "\n").encode()
