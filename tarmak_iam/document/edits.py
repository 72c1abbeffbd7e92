"""The edits of a document, as values: `Document.edit` makes them."""

from __future__ import annotations

from typing import Any, NamedTuple

from tarmak_iam.routes import Path, Route


class Set(NamedTuple):
    """Sets the value at a path, as `Document.set` does."""

    path: Path | Route
    value: Any
    keep_tag: bool = False
    rewrite: bool = False
    through_alias: bool = False


class Append(NamedTuple):
    """Adds an item to the end of the list at a path, as `Document.append` does."""

    path: Path | Route
    value: Any
    through_alias: bool = False


class Insert(NamedTuple):
    """Inserts an item into a list, as `Document.insert` does. The last step of the path is the new item's index."""

    path: Path | Route
    value: Any
    through_alias: bool = False


class Remove(NamedTuple):
    """Removes a key or item, as `Document.remove` does."""

    path: Path | Route
    prune: bool = False
    through_alias: bool = False


class Rename(NamedTuple):
    """Gives the entry at a path another key, as `Document.rename` does."""

    path: Path | Route
    key: str
    through_alias: bool = False


class Move(NamedTuple):
    """Moves an entry or item to another path, as `Document.move` does. `to` is its path when it is gone from `path`."""

    path: Path | Route
    to: Path | Route
    prune: bool = False


ValueEdit = Set | Append | Insert | Remove
"""An edit that sets or removes a value."""

Edit = ValueEdit | Rename | Move
"""One edit of a document. `Document.edit` makes several of them, one after the other."""


class AddKeys(NamedTuple):
    """Adds new keys, which need not be strings, to a mapping. This edit and those below are parts of others."""

    path: Path | Route
    members: dict[Any, Any]
    through_alias: bool = False


class ChangeItems(NamedTuple):
    """Adds and removes items of a list, with the indices before the edit: of what the new ones come above."""

    path: Path | Route
    added: dict[int, list[Any]]
    gone: tuple[int, ...] = ()
    through_alias: bool = False


class Drop(NamedTuple):
    """Removes members of a mapping by their numbers, merge keys and equal keys too."""

    path: Path | Route
    numbers: tuple[int, ...]
    through_alias: bool = False


class Arrange(NamedTuple):
    """Puts the items of a list in another order, which has the index of each item, up to the last that moves."""

    path: Path | Route
    order: tuple[int, ...]
    through_alias: bool = False


class Rewrite(NamedTuple):
    """Writes a whole collection again."""

    path: Path | Route
    value: Any
    through_alias: bool = False


class ReplaceAlias(Rewrite):
    """Writes a value in the place of an alias. What it refers to stays."""


SharedEdit = ValueEdit | Rename | AddKeys | ChangeItems | Drop | Arrange | Rewrite
"""An edit that can be made where a shared value is anchored."""

AnyEdit = SharedEdit | Move
