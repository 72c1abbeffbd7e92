"""Whether somebody sits there."""

from __future__ import annotations

from typing import TextIO

__all__ = ["is_terminal"]


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at it, or types into it; None is one that the caller has closed."""
    return stream is not None and stream.isatty()
