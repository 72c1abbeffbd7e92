"""The proof that an edit wrote nothing anew but what it was meant to change: not only the values, the text too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tarmak_iam.document.anchor_moves import DetachedWrite, ReorderWithMoves, WithMoves
from tarmak_iam.document.edits import AddItems, AddMembers, DocumentChange, RemoveMembers, RemoveRoot, Reorder, Write
from tarmak_iam.document.members import is_empty_target
from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence
from tarmak_iam.document.splices import member_count
from tarmak_iam.routes import Route

_Steps = tuple["_Steps", str | int] | None
"""The route to a node, the last step first: it becomes a Route only if a message needs it."""


def node_written_anew(before: Node | None, after: Node | None, changes: Iterable[DocumentChange]) -> Route | None:
    """The route to the first node that none of the changes is about, and that is no longer the same: another text,
    style, tag or anchor, or another number of members. None if there is no such node.

    The route begins at `before`: any node of the tree that the changes were planned on, above all of their targets.
    """
    if before is None or after is None:
        return None
    try:
        _Comparison(changes).compare(before, after)
    except _Differs as difference:
        return difference.route
    return None


class _Differs(Exception):
    def __init__(self, steps: _Steps) -> None:
        found: list[str | int] = []
        while steps is not None:
            steps, step = steps
            found.append(step)
        self.route = Route.of(found[::-1])
        super().__init__(self.route)


class _Comparison:
    def __init__(self, changes: Iterable[DocumentChange]) -> None:
        self._replaced: set[int] = set()
        self._detached: set[int] = set()
        self._moved: dict[int, Node] = {}
        """By the id of an alias, the anchored value that may be in its place now."""
        self._left: set[int] = set()
        """The anchored values in whose places aliases may be now."""
        self._new_keys: dict[int, Node] = {}
        """By the id of a key that is written anew, a node that is like the new one."""
        self._of: dict[int, list[DocumentChange]] = defaultdict(list)
        for change in map(self._without_moves, changes):
            if change.target.node is None:
                continue
            self._new_keys.update(change.new_keys)
            if _replaces(change):
                self._replaced.add(id(change.target.node))
            else:
                self._of[id(change.target.node)].append(change)
        for node, own in self._of.items():  # {} or [] is left
            gone = sum(len(change.numbers) for change in own if isinstance(change, RemoveMembers))
            if gone and gone == member_count(own[0].target.holders[-1].node):
                self._replaced.add(node)

    def _without_moves(self, change: DocumentChange) -> DocumentChange:
        if isinstance(change, (WithMoves, ReorderWithMoves)):
            self._moved.update((id(alias), alias.target) for alias in change.moved_to)
        if isinstance(change, ReorderWithMoves):
            self._left.update(id(alias.target) for alias in change.moved_to)
        inner = change.change if isinstance(change, WithMoves) else change
        if isinstance(inner, DetachedWrite):
            self._detached.add(id(inner.target.node))
        return inner

    def compare(self, before: Node, after: Node) -> None:
        """Raises _Differs. Iterative, because a document may be 200 levels deep."""
        stack: list[tuple[Node, Node, _Steps]] = [(before, after, None)]
        while stack:
            old, new, steps = stack.pop()
            if id(old) in self._replaced:
                kept = None if id(old) in self._detached else old.anchor
                if kept != new.anchor and (kept is not None or old.anchor is not None):
                    raise _Differs(steps)
            elif self._is_another_home(old, new):
                continue
            elif not _is_same(old, new):
                raise _Differs(steps)
            elif isinstance(old, Mapping) and isinstance(new, Mapping):
                stack += self._of_mapping(old, new, steps)
            elif isinstance(old, Sequence) and isinstance(new, Sequence):
                stack += self._of_list(old, new, steps)

    def _is_another_home(self, old: Node, new: Node) -> bool:
        """Whether an alias is now the anchored value, or the other way round."""
        home = self._moved.get(id(old))
        if home is not None and not isinstance(new, Alias):
            return type(new) is type(home) and new.anchor == home.anchor and new.tag == home.tag
        return id(old) in self._left and isinstance(new, Alias) and new.name == old.anchor

    def _is_same_key(self, old: Node, new: Node) -> bool:
        expected = self._new_keys.get(id(old))
        if expected is not None:
            return _is_same(expected, new)
        return _is_same(old, new) or self._is_another_home(old, new)

    def _of_mapping(self, old: Mapping, new: Mapping, steps: _Steps) -> Iterator[tuple[Node, Node, _Steps]]:
        changes = self._of.get(id(old))
        staying: Iterable[Entry] = old.entries
        added = 0
        if changes:
            gone = {number for change in changes if isinstance(change, RemoveMembers) for number in change.numbers}
            added = sum(len(change.new) for change in changes if isinstance(change, AddMembers))
            staying = [entry for number, entry in enumerate(old.entries) if number not in gone]
        found = iter(new.entries)
        for entry in staying:
            other = next(found, None)
            while other is not None and added and not self._is_same_key(entry.key, other.key):
                added -= 1
                other = next(found, None)
            if other is None or not self._is_same_key(entry.key, other.key):
                raise _Differs((steps, entry.text or ""))
            left, right = entry.value, other.value
            if type(left) is Scalar and not self._may_differ(left):  # most are, and need no more than this
                if not _is_same_scalar(left, right):
                    raise _Differs((steps, entry.text or ""))
            else:
                yield left, right, (steps, entry.text or "")
        if sum(1 for _ in found) != added:
            raise _Differs(steps)

    def _may_differ(self, node: Scalar) -> bool:
        return id(node) in self._replaced or id(node) in self._left

    def _of_list(self, old: Sequence, new: Sequence, steps: _Steps) -> Iterator[tuple[Node, Node, _Steps]]:
        changes = self._of.get(id(old))
        expected = _expected_items(old, changes) if changes else old.items
        if len(expected) != len(new.items):
            raise _Differs(steps)
        for number, (left, right) in enumerate(zip(expected, new.items, strict=True)):
            if left is None:
                continue
            if type(left) is Scalar and not self._may_differ(left):
                if not _is_same_scalar(left, right):
                    raise _Differs((steps, number))
            else:
                yield left, right, (steps, number)


def _replaces(change: DocumentChange) -> bool:
    if isinstance(change, (AddMembers, AddItems)):
        return is_empty_target(change.target)
    return isinstance(change, (Write, RemoveRoot))


def _expected_items(old: Sequence, changes: Iterable[DocumentChange]) -> list[Node | None]:
    """The items in their new order; None for a new one."""
    gone: set[int] = set()
    new: dict[int, int] = defaultdict(int)
    order: Iterable[int] = range(len(old.items))
    for change in changes:
        if isinstance(change, RemoveMembers):
            gone.update(change.numbers)
        elif isinstance(change, AddItems):
            new[change.index] += len(change.new)
        elif isinstance(change, Reorder):
            order = change.order
    expected: list[Node | None] = []
    for place, number in enumerate(order):
        expected += [None] * new[place]
        if number not in gone:
            expected.append(old.items[number])
    return expected + [None] * new[len(old.items)]


def _is_same_scalar(old: Scalar, new: Node) -> bool:
    return (
        type(new) is Scalar
        and new.text == old.text
        and new.style == old.style
        and new.tag == old.tag
        and new.anchor == old.anchor
    )


def _is_same(old: Node, new: Node) -> bool:
    """Whether the nodes themselves are the same, whatever their members are."""
    if isinstance(old, Scalar):
        return _is_same_scalar(old, new)
    if isinstance(old, Alias):
        return isinstance(new, Alias) and new.name == old.name
    if not isinstance(new, (Mapping, Sequence)) or type(new) is not type(old):
        return False
    return new.flow == old.flow and new.tag == old.tag and new.anchor == old.anchor
