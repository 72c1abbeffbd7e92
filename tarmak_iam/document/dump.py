"""Writes plain data as YAML that every reader understands in the same way."""

from __future__ import annotations

from typing import Any

from tarmak_iam.document.render import Layout, block_lines

_LAYOUT = Layout(step=2, dash=0, item=2, quote="double")


def yaml_bytes(value: dict[str, Any]) -> bytes:
    """A dict as YAML that every parser reads as the same values: strings that could be another type are quoted.

    Raises TypeError for values that YAML does not have.
    """
    return ("\n".join(block_lines(value, _LAYOUT) or ["{}"]) + "\n").encode()
