"""The edits that a batch is made of: what is wanted, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tarmak_iam.routes import Path, Route

__all__ = ["Append", "Edit", "Insert", "Remove", "Set"]


@dataclass(frozen=True, slots=True)
class Set:
    """A value at a path; missing parents are made. A mapping over a mapping changes only what differs."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Append:
    """An item at the end of the list at the path, which is made where there is null or nothing."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Insert:
    """An item into a list: the path's last step is the index that it will have."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    """A key or item taken out. Parents left empty become {} or []; with `prune` they go too."""

    path: Path | Route
    prune: bool = False


Edit = Set | Append | Insert | Remove
"""One change of a document. Several go into one `Document.edit`, which proves the result once."""
