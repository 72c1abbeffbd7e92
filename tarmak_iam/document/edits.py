"""The edits of a batch, and the change of text and plain values that each edit leads to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tarmak_iam.document.comments import own_comment_lines
from tarmak_iam.document.members import (
    add_items,
    add_members,
    begin,
    emptied_by,
    is_empty_target,
    remove_members,
    remove_root,
    reorder_items,
    sparing,
    takes_members,
)
from tarmak_iam.document.nodes import Mapping, Sequence, is_block
from tarmak_iam.document.plain_values import (
    UnwritableValue,
    assigned,
    extended,
    inserted,
    plain,
    same,
    value_at,
    without,
)
from tarmak_iam.document.splices import Splice, member_count, member_start, starts_line
from tarmak_iam.document.target import Target, kind_of
from tarmak_iam.document.tree import Comment
from tarmak_iam.document.write import write_value
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Path, Route, Step


@dataclass(frozen=True)
class DocumentChange(ABC):
    """A change of one node. `target` is the node that changes, or whose members do. All of its route exists."""

    target: Target

    @abstractmethod
    def splices(self) -> list[Splice]:
        """The change of the text. Raises EditRefused."""

    @abstractmethod
    def applied(self, data: Any, /) -> Any:
        """The plain values after the change. `data` itself is not modified."""

    @property
    def members(self) -> tuple[Route, ...] | None:
        """The routes of the members that are added or removed; None if the whole node changes."""
        return None

    def may_follow(self, earlier: DocumentChange) -> bool:
        """Whether this change can be planned on a tree to which the earlier change is not applied yet."""
        if self.members is not None and earlier.members is not None and self.target.route == earlier.target.route:
            return self._is_independent_of(earlier)
        return not earlier._reaches(self.target.route) and not self._takes(earlier.target.route)

    def completes(self, _waiting: Iterable[DocumentChange]) -> bool:
        """Whether it and the waiting changes together need another change of the text than each of them alone."""
        return False

    def joined_to(self, _earlier: DocumentChange) -> DocumentChange | None:
        """One change with the effect of the earlier change and this one; None if they cannot be joined."""
        return None

    def touches(self, route: Route) -> bool:
        """Whether the change affects the node at a route, or a node below it."""
        return self._reaches(route) or route.leads_to(self.target.route)

    def _is_independent_of(self, _earlier: DocumentChange) -> bool:
        """Whether this change is independent of an earlier change of members of the same collection."""
        return False

    def _takes(self, route: Route) -> bool:
        """Whether the node at a route is part of what this changes."""
        if self.members is None:
            return self.target.route.leads_to(route)
        return any(member.leads_to(route) for member in self.members)

    def _reaches(self, route: Route) -> bool:
        """Whether a route leads to another node after the change."""
        if self.members is not None and isinstance(self.target.node, Sequence):
            return self.target.route.leads_to(route)  # every item added or removed shifts the indices after it
        return self._takes(route)


@dataclass(frozen=True)
class Write(DocumentChange):
    """Replaces the node with another value."""

    value: Any

    def splices(self) -> list[Splice]:
        return write_value(self.target, self.value) if self.target.holders else begin(self.target, self.value)

    def applied(self, data: Any) -> Any:
        return assigned(data, self.target.native_path, self.value)


@dataclass(frozen=True)
class AddMembers(DocumentChange):
    """Adds keys to a mapping, or to an empty node."""

    new: dict[Any, Any]

    def splices(self) -> list[Splice]:
        return add_members(self.target, self.new)

    def applied(self, data: Any) -> Any:
        return extended(data, self.target.native_path, self.new)

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty_target(self.target) else tuple(self.target.route / str(key) for key in self.new)

    def joined_to(self, earlier: DocumentChange) -> DocumentChange | None:
        if not isinstance(earlier, AddMembers) or earlier.target.route != self.target.route:
            return None
        return AddMembers(self.target, {**earlier.new, **self.new})

    def _is_independent_of(self, earlier: DocumentChange) -> bool:
        if isinstance(earlier, AddMembers):
            return _is_block(self.target) and not self.new.keys() & earlier.new.keys()
        return isinstance(earlier, RemoveMembers) and earlier.leaves_a_block


@dataclass(frozen=True)
class AddItems(DocumentChange):
    """Adds items to a list, or to an empty node, from `index` on."""

    index: int
    new: list[Any]

    def splices(self) -> list[Splice]:
        return add_items(self.target, self.index, self.new)

    def applied(self, data: Any) -> Any:
        return inserted(data, self.target.native_path, self.index, self.new)

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty_target(self.target) else (self.target.route / self.index,)

    def joined_to(self, earlier: DocumentChange) -> DocumentChange | None:
        """Only additions to the end of the list are joined."""
        if not isinstance(earlier, AddItems) or earlier.target.route != self.target.route:
            return None
        end = member_count(self.target.node) if self.target.node else 0
        is_joint = earlier.index == self.index == end or is_empty_target(self.target)
        return AddItems(self.target, earlier.index, [*earlier.new, *self.new]) if is_joint else None

    def _is_independent_of(self, earlier: DocumentChange) -> bool:
        return isinstance(earlier, AddItems) and self.index < earlier.index


@dataclass(frozen=True)
class RemoveMembers(DocumentChange):
    """Removes members by their numbers in the collection. Of the comment lines only those in `own` go, if it is set."""

    numbers: tuple[int, ...]
    own: tuple[Comment, ...] | None = None

    def splices(self) -> list[Splice]:
        splices = remove_members(self.target, self.numbers)
        return splices if self.own is None else sparing(self.target.tree, splices, self.own)

    def applied(self, data: Any) -> Any:
        keys = [self.target.member(number).holders[-1].native for number in self.numbers]
        return without(data, self.target.native_path, keys)

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return tuple(self.target.member(number).route for number in self.numbers)

    @property
    def leaves_a_block(self) -> bool:
        """Whether a block mapping keeps members. Then adding and removing members do not affect each other."""
        return _is_block(self.target) and len(self.numbers) < member_count(self.target.holders[-1].node)

    def completes(self, waiting: Iterable[DocumentChange]) -> bool:
        """Removing the last member leaves {} or []."""
        others = (other for other in waiting if isinstance(other, RemoveMembers))
        taken = sum(len(other.numbers) for other in others if other.target.route == self.target.route)
        return bool(taken) and taken + len(self.numbers) == member_count(self.target.holders[-1].node)

    def _is_independent_of(self, earlier: DocumentChange) -> bool:
        if isinstance(earlier, RemoveMembers):
            return self._takes_whole_lines and earlier._takes_whole_lines
        return isinstance(earlier, AddMembers) and self.leaves_a_block

    @property
    def _takes_whole_lines(self) -> bool:
        """Whether no other member moves. The next one moves if the first one, after a dash, is removed; in a list all
        later ones move."""
        node, source = self.target.node, self.target.tree.source
        if not isinstance(node, Mapping) or node.flow or self.own is not None:
            return False
        return starts_line(source, member_start(source, node, min(self.numbers)))


@dataclass(frozen=True)
class RemoveRoot(DocumentChange):
    """Removes the whole document; of its comment lines only those in `own`."""

    own: tuple[Comment, ...]

    def splices(self) -> list[Splice]:
        return sparing(self.target.tree, remove_root(self.target.tree), self.own)

    def applied(self, _data: Any) -> Any:
        return None


@dataclass(frozen=True)
class Reorder(DocumentChange):
    """Reorders the items of a list. `order` has the current index of every item, in the new order."""

    order: tuple[int, ...]

    def splices(self) -> list[Splice]:
        return reorder_items(self.target, self.order)

    def applied(self, data: Any) -> Any:
        items = value_at(data, self.target.native_path)
        return assigned(data, self.target.native_path, [items[number] for number in self.order])


def _is_block(target: Target) -> bool:
    """Whether the target is a block mapping with members, whose lines are independent of each other."""
    return isinstance(target.node, Mapping) and not target.node.flow and bool(target.node.entries)


@dataclass(frozen=True, slots=True)
class Set:
    """Sets the value at a path, as `Document.set` does: missing parents are created, and a mapping that
    replaces a mapping changes only what differs."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Append:
    """Adds an item to the end of the list at a path, as `Document.append` does. The list is created if the path is
    null or does not exist."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Insert:
    """Inserts an item into a list, as `Document.insert` does. The last step of the path is the new item's index."""

    path: Path | Route
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a key or item, as `Document.remove` does. A parent that is left empty becomes {} or []; with `prune` it
    is removed too."""

    path: Path | Route
    prune: bool = False


Edit = Set | Append | Insert | Remove
"""One edit of a document. `Document.edit` makes several of them and checks the result once."""


def planned_change(edit: Edit, locate: Callable[[Route], Target], data: Any) -> DocumentChange | None:
    """The change that an edit leads to; None if it would not change `data`, the values intended so far.

    Raises EditRefused.
    """
    route = Route.of(edit.path)
    if isinstance(edit, Remove):
        return _removal(locate(route), prune=edit.prune)
    if isinstance(edit, Set):
        target = locate(route)
        return _assignment(target, _checked(target, edit.value), data)
    if isinstance(edit, Insert) and not route.steps:
        raise refused_edit(
            locate(route), "the path of an insert has no index", "end the path with the index of the new item"
        )
    target = locate(route.parent if isinstance(edit, Insert) else route)
    return _addition(target, edit, _checked(target, edit.value))


def refused_edit(target: Target, what: str, remedy: str = "") -> EditRefused:
    place = target.tree.position(target.route)
    return EditRefused(what, remedy=remedy or "edit this place by hand", place=place)


def _checked(target: Target, value: Any) -> Any:
    try:
        return plain(value)
    except UnwritableValue as error:
        raise refused_edit(target, str(error), error.remedy) from None


def _assignment(target: Target, value: Any, data: Any) -> DocumentChange | None:
    if target.missing:
        return _creation(target, value)
    if same(value_at(data, target.native_path), value):
        return None
    if not takes_members(target, value):
        return Write(target, value)
    return AddMembers(target, value) if isinstance(value, dict) else AddItems(target, 0, value)


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
    if target.missing or len(target.holders) < 2:
        node, step = target.node, target.missing[0] if target.missing else None
        merged = isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text) is not None
        if merged:
            raise refused_edit(target, f"{target.route} comes from a merge key (<<)", "edit the merged mapping")
        raise refused_edit(target, f"{target.route} does not exist", "there is nothing to remove")
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


def _own_comments(target: Target) -> list[Comment]:
    parent = target.parent.node
    return own_comment_lines(target.tree, parent, target.number) if is_block(parent) else []
