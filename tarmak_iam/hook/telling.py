"""Whoever wants to know what is going on while it takes long."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Tell", "silent"]

Tell = Callable[[str], None]
"""Takes one line about what is going on."""


def silent(_: str) -> None:
    """Tells nobody."""
