"""The edits of a batch, and the change of text and plain values that each edit leads to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import Any

from tarmak_iam.document.arrangement import reorder_items
from tarmak_iam.document.comments import own_comment_lines
from tarmak_iam.document.members import (
    add_items,
    add_members,
    begin,
    emptied_by,
    is_empty_target,
    remove_members,
    remove_root,
    replace_items,
    sparing,
    takes_members,
)
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, is_block
from tarmak_iam.document.plain_values import (
    UnwritableValue,
    plain,
    same,
    value_at,
)
from tarmak_iam.document.scalars import readings
from tarmak_iam.document.splices import Splice, member_count
from tarmak_iam.document.target import Target, kind_of
from tarmak_iam.document.tree import Comment
from tarmak_iam.document.write import drops_custom_tag, write_value
from tarmak_iam.errors import EditRefused
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Path, Route, Step


@dataclass(frozen=True)
class DocumentChange(ABC):
    """A change of one node. `target` is the node that changes, or whose members do. All of its route exists."""

    target: Target

    @property
    def new_keys(self) -> MappingOf[int, Node]:
        """By the id of a key that is written anew, a node that is like the new one."""
        return {}

    @abstractmethod
    def splices(self) -> list[Splice]:
        """The change of the text. Raises EditRefused."""


@dataclass(frozen=True)
class Write(DocumentChange):
    """Replaces the node with another value."""

    value: Any

    def splices(self) -> list[Splice]:
        return write_value(self.target, self.value) if self.target.holders else begin(self.target, self.value)


@dataclass(frozen=True)
class Replace(Write):
    """Replaces a list, none of whose items stay, and the comments that belong to them."""

    def splices(self) -> list[Splice]:
        return replace_items(self.target, self.value)


@dataclass(frozen=True)
class AddMembers(DocumentChange):
    """Adds keys to a mapping, or to an empty node."""

    new: dict[Any, Any]

    def splices(self) -> list[Splice]:
        return add_members(self.target, self.new)


@dataclass(frozen=True)
class AddItems(DocumentChange):
    """Adds items to a list, or to an empty node, from `index` on."""

    index: int
    new: list[Any]

    def splices(self) -> list[Splice]:
        return add_items(self.target, self.index, self.new)


@dataclass(frozen=True)
class RemoveMembers(DocumentChange):
    """Removes members by their numbers in the collection. Of the comment lines only those in `own` go, if it is set.
    `with_comments`: in a flow collection those above a member go too, as in a block."""

    numbers: tuple[int, ...]
    own: tuple[Comment, ...] | None = None
    with_comments: bool = False

    def splices(self) -> list[Splice]:
        splices = remove_members(self.target, frozenset(self.numbers), with_comments=self.with_comments)
        return splices if self.own is None else sparing(self.target.tree, splices, self.own)


@dataclass(frozen=True)
class RemoveRoot(DocumentChange):
    """Removes the whole document; of its comment lines only those in `own`."""

    own: tuple[Comment, ...]

    def splices(self) -> list[Splice]:
        return sparing(self.target.tree, remove_root(self.target.tree), self.own)


@dataclass(frozen=True)
class Reorder(DocumentChange):
    """Reorders the items of a list. `order` has the current index of every item, in the new order."""

    order: tuple[int, ...]

    def splices(self) -> list[Splice]:
        return reorder_items(self.target, self.order)


@dataclass(frozen=True, slots=True)
class Set:
    """Sets the value at a path, as `Document.set` does: missing parents are created, and a mapping that
    replaces a mapping changes only what differs. A custom tag (`!secret x`) of a value that is replaced is removed;
    with `keep_tag` it stays. With `rewrite` a scalar that has the value already is written anew if another reader reads
    another value there.

    With `through_alias` the path may lead through aliases and merge keys: the value is changed where it is anchored,
    and with it every other use."""

    path: Path | Route
    value: Any
    keep_tag: bool = False
    rewrite: bool = False
    through_alias: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """Adds an item to the end of the list at a path, as `Document.append` does. The list is created if the path is
    null or does not exist. `through_alias` is that of `Set`."""

    path: Path | Route
    value: Any
    through_alias: bool = False


@dataclass(frozen=True, slots=True)
class Insert:
    """Inserts an item into a list, as `Document.insert` does. The last step of the path is the new item's index.
    `through_alias` is that of `Set`."""

    path: Path | Route
    value: Any
    through_alias: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a key or item, as `Document.remove` does. A parent that is left empty becomes {} or []; with `prune` it
    is removed too. `through_alias` is that of `Set`; an alias at the end of the path is removed itself."""

    path: Path | Route
    prune: bool = False
    through_alias: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """Gives the entry at a path another key, as `Document.rename` does. `through_alias` is that of `Set`, but an entry
    whose value is an alias is renamed itself."""

    path: Path | Route
    key: str
    through_alias: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """Moves an entry or item to another path, as `Document.move` does. `to` is its path when it is gone from `path`. A
    parent that is left empty becomes {} or []; with `prune` it is removed too."""

    path: Path | Route
    to: Path | Route
    prune: bool = False


ValueEdit = Set | Append | Insert | Remove
"""An edit that sets or removes a value."""

SharedEdit = ValueEdit | Rename
"""An edit that may have its effect at every use of a shared value."""

Edit = SharedEdit | Move
"""One edit of a document. `Document.edit` makes several of them and checks the result once."""


def planned_change(edit: ValueEdit, locate: Callable[[Route], Target], data: Any) -> DocumentChange | None:
    """The change that an edit leads to; None if it would not change `data`, the values intended so far.

    Raises EditRefused.
    """
    route = Route.of(edit.path)
    if isinstance(edit, Remove):
        return _removal(locate(route), prune=edit.prune)
    if isinstance(edit, Set):
        target = replace(locate(route), keeps_tags=edit.keep_tag)
        return _assignment(target, checked(target, edit.value), data, rewrite=edit.rewrite)
    if isinstance(edit, Insert) and not route.steps:
        raise refused_edit(
            locate(route), "the path of an insert has no index", "end the path with the index of the new item"
        )
    target = locate(route.parent if isinstance(edit, Insert) else route)
    return _addition(target, edit, checked(target, edit.value))


def refused_edit(target: Target, what: str, remedy: str = "") -> EditRefused:
    place = target.tree.position(target.route)
    return EditRefused(what, remedy=remedy or "edit this place by hand", place=place)


def checked(target: Target, value: Any) -> Any:
    """The value in plain types. Raises EditRefused for one that cannot be written."""
    try:
        return plain(value)
    except UnwritableValue as error:
        raise refused_edit(target, str(error), error.remedy) from None


def _assignment(target: Target, value: Any, data: Any, *, rewrite: bool) -> DocumentChange | None:
    if target.missing:
        return _creation(target, value)
    if same(value_at(data, target.native_path), value):
        return Write(target, value) if rewrite and _is_ambiguous(target) else None
    if not takes_members(target, value):
        return Write(target, value)
    return AddMembers(target, value) if isinstance(value, dict) else AddItems(target, 0, value)


def _is_ambiguous(target: Target) -> bool:
    """Whether another reader reads another value than yaml.v2, or may do so because of a tag that need not stay."""
    node = target.node
    if not isinstance(node, Scalar) or target.tree.is_json:
        return False
    return drops_custom_tag(target) or bool(readings(node))


def _creation(target: Target, value: Any) -> DocumentChange:
    """Adds the value inside its missing parents. A new list can only begin with index 0."""
    first, *rest = target.missing
    for step in reversed(rest):
        value = {step.text: value} if isinstance(step, Key) else _new_list(target, step, value)
    if isinstance(first, Key):
        return AddMembers(target.existing, {first.text: value})
    return AddItems(target.existing, 0, _new_list(target, first, value))


def _new_list(target: Target, index: Step, value: Any) -> list[Any]:
    if index != 0:
        raise refused_edit(target, f"index {index} is out of range for a new list", "use index 0, or append")
    return [value]


def _addition(target: Target, edit: Append | Insert, value: Any) -> DocumentChange:
    if target.missing:
        return _creation(target, _new_list(target, _index(edit, target, 0), value))
    length = member_count(target.holders[-1].node) if target.holders else 0
    if not is_empty_target(target) and not isinstance(target.holders[-1].node, Sequence):
        what = f"{target.route} is {kind_of(target.holders[-1].node)}, not a list"
        raise refused_edit(target, what, "items can only be added to a list")
    return AddItems(target, _index(edit, target, length), [value])


def _index(edit: Append | Insert, target: Target, length: int) -> int:
    if isinstance(edit, Append):
        return length
    *_, index = Route.of(edit.path).steps
    if not isinstance(index, int) or not 0 <= index <= length:
        what = f"a new item cannot be inserted into {target.route} at {index}"
        raise refused_edit(target, what, f"use an index from 0 to {length}" if length else "use index 0, or append")
    return index


def _removal(target: Target, *, prune: bool) -> DocumentChange:
    if not target.route.steps:
        raise refused_edit(target, "the whole document cannot be removed", "set the path () to null")
    check_exists(target, "remove")
    top = emptied_by(target) if prune else target
    if top.route == target.route:
        return RemoveMembers(target.parent, (target.number,))
    own = _own_comments(target)
    parent = target.parent
    while len(parent.holders) >= max(len(top.holders), 2):  # other comments inside the parents may be about anything
        own += [c for c in _own_comments(parent) if c.span.start < parent.holders[-1].node.span.start]
        parent = parent.parent
    if len(top.holders) == 1:
        return RemoveRoot(top, tuple(own))
    return RemoveMembers(top.parent, (top.number,), tuple(own))


def check_exists(target: Target, verb: str) -> None:
    """Raises EditRefused if the target's route leads to nothing. `verb` is what would be done."""
    if not target.missing and len(target.holders) >= 2:
        return
    node, step = target.node, target.missing[0] if target.missing else None
    if isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text) is not None:
        raise refused_edit(target, f"{target.route} comes from a merge key (<<)", "edit the merged mapping")
    raise refused_edit(target, f"{target.route} does not exist", f"there is nothing to {verb}")


def _own_comments(target: Target) -> list[Comment]:
    parent = target.parent.node
    return own_comment_lines(target.tree, parent, target.number) if is_block(parent) else []
