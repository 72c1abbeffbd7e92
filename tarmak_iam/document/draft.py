"""What several edits make of one tree, before any of it is text.

Edits that touch each other are planned on one tree here, so that a batch is spliced and read again once. The draft
knows only what edits usually do. Where it does not, the edits so far are applied first, and then the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from functools import partial
from typing import Any

from tarmak_iam.document.edits import (
    AddItems,
    AddMembers,
    DocumentChange,
    RemoveMembers,
    RemoveRoot,
    Reorder,
    Write,
)
from tarmak_iam.document.members import is_empty_target, takes_members
from tarmak_iam.document.nodes import Entry, Mapping, Node, Sequence
from tarmak_iam.document.splices import member_count
from tarmak_iam.document.target import Target, entry_number, native_keys
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import LAST, Key, Route, Step


class Unclear(Exception):
    """The draft cannot take the edit, or cannot be applied at once."""


@dataclass(slots=True, eq=False)
class _New:
    """A member that the edits add: the only value in the box."""

    box: list[Any]


@dataclass(slots=True)
class _Members:
    """The members of a collection. Original ones are named by their number in it.

    `gone`: the comments that go with a removed one, if those are settled. `items`: those of a list, in their present
    order. `added`: the new keys of a mapping; `has_odd_keys`: not all of them are strings.
    """

    target: Target
    gone: dict[int, tuple[Comment, ...] | None] = field(default_factory=dict)
    items: list[int | _New] = field(default_factory=list)
    added: dict[Any, Any] = field(default_factory=dict)
    has_odd_keys: bool = False
    order: Reorder | None = None
    with_comments: bool = False

    @property
    def count(self) -> int:
        node = self.target.node
        if isinstance(node, Sequence):
            return len(self.items)
        return member_count(self.target.holders[-1].node) - len(self.gone) + len(self.added)


@dataclass(frozen=True, slots=True)
class Original:
    """A place in the tree, and the route to it there. `node` is the node, if anything on the way to it is touched."""

    route: Route
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Inside:
    """A place in a new value: `holder[step]` is that value. `native_path` leads to it in the plain data, and `steps` on
    from there. `remove` removes the value itself from its collection."""

    holder: Any
    step: Any
    native_path: list[Any]
    steps: tuple[Step, ...]
    remove: Callable[[], None] | None = None


class Draft:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._members: dict[int, _Members] = {}  # by the id of the node, as the next one
        self._written: dict[int, tuple[Write, list[Any]]] = {}
        self._marked: set[int] = set()  # the nodes on the way to what is touched
        self._sole: DocumentChange | None = None
        self.changes_keys = False
        """Whether a mapping may have other keys after the edits."""

    @property
    def is_empty(self) -> bool:
        return not self._marked and not self._written and self._sole is None

    def is_touched(self, node: Node | None) -> bool:
        """Whether the node, or anything below it, is changed."""
        return id(node) in self._marked or id(node) in self._written

    def count(self, node: Node) -> int:
        """The number of members that a collection has now."""
        members = self._members.get(id(node))
        return members.count if members else member_count(node)

    def find(self, route: Route) -> Original | Inside:
        """The place that a route leads to now. Raises Unclear."""
        if self._sole is not None:
            raise Unclear
        node, steps = self.tree.root, route.steps
        native: list[Any] = []
        for number, step in enumerate(steps):
            rest = steps[number + 1 :]
            if id(node) in self._written:
                return self._inside(node, native, (step, *rest))
            if id(node) not in self._marked:
                return Original(Route(steps))
            if isinstance(node, Sequence) and isinstance(step, int):
                found = self._item(node, step)
                native.append(step)
                if isinstance(found, _New):
                    items = self._members[id(node)].items
                    return Inside(found.box, 0, native, rest, partial(items.remove, found))
                steps = (*steps[:number], found, *rest)
                node = node.items[found]
            elif isinstance(node, Mapping) and isinstance(step, Key):
                added = self._added(node, step)
                if added is not None:
                    remove = partial(added.pop, step.text)
                    return Inside(added, step.text, [*native, step.text], rest, remove)
                entry = self._entry(node, step)
                if entry is None:
                    return Original(Route(steps))
                native.append(native_keys(node)[entry_number(node, entry)])
                node = entry.value
            else:
                raise Unclear
        return self._inside(node, native, ()) if id(node) in self._written else Original(Route(steps), node)

    def _added(self, node: Mapping, step: Key) -> dict[Any, Any] | None:
        """The new keys of a mapping, if the step leads to one of them."""
        members = self._members.get(id(node))
        if step.occurrence != LAST or (members and members.has_odd_keys):
            raise Unclear
        return members.added if members and step.text in members.added else None

    def _entry(self, node: Mapping, step: Key) -> Entry | None:
        entry, members = node.last(step.text), self._members.get(id(node))
        if entry is not None and members and entry_number(node, entry) in members.gone:
            raise Unclear
        return entry

    def _inside(self, node: Node | None, native: list[Any], steps: tuple[Step, ...]) -> Inside:
        _, box = self._written[id(node)]
        return Inside(box, 0, native, steps)

    def _item(self, node: Sequence, step: int) -> int | _New:
        members = self._members.get(id(node))
        items: Any = members.items if members else range(len(node.items))
        if not 0 <= step < len(items):
            raise Unclear
        found: int | _New = items[step]
        return found

    def length(self, place: Original) -> int | None:
        """The length of a list whose items have changed already; None for anything else."""
        members = self._members.get(id(place.node))
        return len(members.items) if members and isinstance(place.node, Sequence) else None

    def insert(self, place: Original, index: int, value: Any) -> None:
        """Inserts an item into a list that has a `length`."""
        self._members[id(place.node)].items.insert(index, _New([value]))

    def take(self, change: DocumentChange) -> None:
        """Adds a change that was planned on the tree."""
        target = change.target
        node = target.node
        if isinstance(change, RemoveRoot):
            self._sole = change
            return
        self._marked.update(id(holder.node) for holder in target.holders)
        self.changes_keys = self.changes_keys or isinstance(change, AddMembers) or isinstance(node, Mapping)
        if isinstance(change, Write):
            self._written[id(node)] = change, [change.value]
        elif isinstance(change, (AddMembers, AddItems)) and is_empty_target(target):
            self._written[id(node)] = Write(target, change.new), [change.new]
        else:
            self._take_members(self._opened(target), change)

    def _opened(self, target: Target) -> _Members:
        node = target.holders[-1].node
        members = self._members.get(id(node))
        if members is None:
            numbers = range(len(node.items)) if isinstance(node, Sequence) else ()
            members = self._members[id(node)] = _Members(target, items=list(numbers))
        return members

    def _take_members(self, members: _Members, change: DocumentChange) -> None:
        if isinstance(change, AddMembers):
            members.added.update(change.new)
            members.has_odd_keys = members.has_odd_keys or not all(type(key) is str for key in change.new)
        elif isinstance(change, AddItems):
            at = change.index  # several of one list come with the last one first, and before the removals
            members.items[at:at] = [_New([value]) for value in change.new]
        elif isinstance(change, RemoveMembers):
            members.gone.update(dict.fromkeys(change.numbers, change.own))
            members.with_comments = change.with_comments
            if len(change.numbers) == 1 and members.items:
                members.items.remove(change.numbers[0])
            else:
                members.items = [item for item in members.items if item not in members.gone]
        elif isinstance(change, Reorder):
            members.order = change

    def changes(self) -> list[DocumentChange]:
        """The changes of the tree that together have the effect of all edits. Raises Unclear."""
        if self._sole is not None:
            return [self._sole]
        if self.tree.root is None:
            return [_written(*written) for written in self._written.values()]
        return list(self._below(self.tree.root))

    def _below(self, root: Node) -> Iterator[DocumentChange]:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, is_left = stack.pop()
            if id(node) in self._written:
                yield _written(*self._written[id(node)])
                continue
            members = self._members.get(id(node))
            if is_left:
                if members and members.order:
                    yield members.order
                continue
            if members:
                yield from _of_members(members)
            stack.append((node, True))
            gone: Iterable[int] = members.gone if members else ()
            children = enumerate(_children(node))
            stack += [(child, False) for number, child in children if self.is_touched(child) and number not in gone][
                ::-1
            ]


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, Sequence):
        yield from node.items
    elif isinstance(node, Mapping):
        yield from (entry.value for entry in node.entries)


def _written(change: Write, box: list[Any]) -> DocumentChange:
    target, [value] = change.target, box
    if not takes_members(target, value):
        return replace(change, value=value)
    return AddMembers(target, value) if isinstance(value, dict) else AddItems(target, 0, value)


def _of_members(members: _Members) -> Iterator[DocumentChange]:
    target = members.target
    total = member_count(target.holders[-1].node)
    added = list(_additions(members, total))
    if added and len(members.gone) == total:
        raise Unclear  # removing all members leaves {} or [], which the new ones then fill
    yield from added
    settled = {number: own for number, own in members.gone.items() if own is not None}
    numbers = tuple(sorted(members.gone.keys() - settled.keys()))
    if numbers:
        yield RemoveMembers(target, numbers, with_comments=members.with_comments)
    for number, own in settled.items():
        yield RemoveMembers(target, (number,), own)


def _additions(members: _Members, total: int) -> Iterator[DocumentChange]:
    if members.added:
        yield AddMembers(members.target, members.added)
    at, run = 0, list[Any]()
    for item in members.items:
        if isinstance(item, _New):
            run += item.box
            continue
        if run:
            yield AddItems(members.target, at, run)  # below the last one that stays above them
            run = []
        at = item + 1
    if run:
        yield AddItems(members.target, total, run)
