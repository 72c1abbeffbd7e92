"""The few and small changes that turn one value into another, and the matching of the items of two lists."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.comments import holds_comments
from tarmak_iam.document.edits import AddItems, AddMembers, DocumentChange, RemoveMembers, Reorder, Write
from tarmak_iam.document.members import can_be_reordered, takes_members
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.target import Target, native_keys, refuse

Identity = str | SequenceOf[str]
"""Dotted paths of scalars that together identify an item of a list: `("environment", "metadata.name")`, `"name"`."""

_ALIKE = 0.5

_LARGEST_TABLE = 1_000_000


def matched_items(old: SequenceOf[Any], new: SequenceOf[Any], identities: Iterable[Identity] = ()) -> dict[int, int]:
    """The same items of two lists: for an index of `new` the index of `old`. Each item has at most one counterpart.

    Mappings with an identity (the first of `identities` whose paths all lead to scalars) are matched only by that.
    All other items are matched if they are equal. Of the mappings that are left, those are matched, in order, that
    have at least half of their keys with equal values in common.
    """
    groups = [(identity,) if isinstance(identity, str) else tuple(identity) for identity in identities]
    pairs: dict[int, int] = {}
    old_keys, new_keys = ([_identity(item, groups) for item in items] for items in (old, new))
    _pair_in_order(pairs, old_keys, new_keys)
    # An item with an identity but no counterpart differs from all others.
    old_left = [index for index, key in enumerate(old_keys) if key is None]
    new_left = [index for index, key in enumerate(new_keys) if key is None]
    _pair_equal(pairs, {index: _frozen(old[index]) for index in old_left}, {i: _frozen(new[i]) for i in new_left})
    taken = set(pairs.values())
    old_maps = [index for index in old_left if index not in taken and isinstance(old[index], dict)]
    new_maps = [index for index in new_left if index not in pairs and isinstance(new[index], dict)]
    _pair_alike(pairs, {index: _members(old[index]) for index in old_maps}, {i: _members(new[i]) for i in new_maps})
    return pairs


def _pair_in_order(pairs: dict[int, int], old: Iterable[Hashable], new: Iterable[Hashable]) -> None:
    """Pairs equal keys in order: the second of two with the second of two."""
    taken, waiting = set(pairs.values()), defaultdict[Hashable, deque[int]](deque)
    for index, key in enumerate(old):
        if key is not None and index not in taken:
            waiting[key].append(index)
    for index, key in enumerate(new):
        if index not in pairs and waiting.get(key):
            pairs[index] = waiting[key].popleft()


def _pair_equal(pairs: dict[int, int], old: dict[int, Hashable], new: dict[int, Hashable]) -> None:
    """Pairs equal items: first those that keep their order, so that few items have to move, then the rest."""
    before, after = list(old.items()), list(new.items())
    for ends in (0, -1):  # equal items at the beginning and end need no table
        while before and after and before[ends][1] == after[ends][1]:
            pairs[after.pop(ends)[0]] = before.pop(ends)[0]
    if len(before) * len(after) <= _LARGEST_TABLE:
        for left, right in _longest_common([key for _, key in before], [key for _, key in after]):
            pairs[after[right][0]] = before[left][0]
    length = 1 + max([*old, *new], default=0)
    _pair_in_order(pairs, [old.get(index) for index in range(length)], [new.get(index) for index in range(length)])


def _longest_common(old: SequenceOf[Hashable], new: SequenceOf[Hashable]) -> Iterable[tuple[int, int]]:
    """The index pairs of a longest common subsequence."""
    lengths = [[0] * (len(new) + 1)]
    for key in reversed(old):
        below, row = lengths[-1], [0] * (len(new) + 1)
        for right in range(len(new) - 1, -1, -1):
            row[right] = below[right + 1] + 1 if key == new[right] else max(below[right], row[right + 1])
        lengths.append(row)
    lengths.reverse()
    left = right = 0
    while left < len(old) and right < len(new):
        if old[left] == new[right]:
            yield left, right
            left, right = left + 1, right + 1
        elif lengths[left + 1][right] >= lengths[left][right + 1]:
            left += 1
        else:
            right += 1


def _pair_alike(pairs: dict[int, int], old: dict[int, set[Hashable]], new: dict[int, set[Hashable]]) -> None:
    """Pairs similar mappings. Only those with a member in common are compared."""
    having: dict[Hashable, set[int]] = defaultdict(set)
    for index, members in old.items():
        for member in members:
            having[member].add(index)
    for index, members in new.items():
        shared: dict[int, int] = defaultdict(int)
        for member in members:
            for other in having[member]:
                shared[other] += 1
        scores = [(count / max(len(members), len(old[other])), -other) for other, count in shared.items()]
        best, other = max(scores, default=(0.0, 0))
        if best >= _ALIKE:
            pairs[index] = -other
            for member in old[-other]:
                having[member].discard(-other)


def _identity(item: Any, groups: Iterable[SequenceOf[str]]) -> Hashable | None:
    for group in groups:
        values = [_scalar_at(item, path) for path in group]
        if all(value is not None for value in values):
            return (*group, *values)
    return None


def _scalar_at(item: Any, path: str) -> Hashable | None:
    for step in path.split("."):
        item = item.get(step) if isinstance(item, dict) else None
    return None if item is None or isinstance(item, (dict, list)) else (type(item), item)


def _members(item: dict[Any, Any]) -> set[Hashable]:
    return {(_frozen(key), _frozen(value)) for key, value in item.items()}


def _frozen(value: Any) -> Hashable:
    """A hashable form that is equal only for the same values: true, 1 and 1.0 differ; the order of keys is ignored."""
    if isinstance(value, dict):
        return ("mapping", frozenset(_members(value)))
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return (type(value), repr(value))


@dataclass(frozen=True)
class Reconciler:
    """Plans the changes from one value to another. `identities` are those of `matched_items`."""

    identities: tuple[Identity, ...] = ()

    def changes(self, target: Target, current: Any, wanted: Any) -> Iterator[DocumentChange]:
        """The changes at the target that turn its value `current` into `wanted`.

        Changes of one collection may affect each other: after applying the first ones, the caller asks again. Raises
        EditRefused.
        """
        if same(current, wanted):
            return
        node = target.node
        if takes_members(target, wanted):
            yield AddMembers(target, wanted) if isinstance(wanted, dict) else AddItems(target, 0, wanted)
        elif isinstance(node, Mapping) and isinstance(wanted, dict) and wanted and _is_named(node):
            yield from self._of_mapping(target, node, current, wanted)
        elif isinstance(node, Sequence) and isinstance(wanted, list) and wanted:
            yield from self._of_list(target, current, wanted)
        else:
            yield Write(target, wanted)

    def _of_mapping(
        self, target: Target, node: Mapping, current: dict[Any, Any], wanted: dict[Any, Any]
    ) -> Iterator[DocumentChange]:
        keys = native_keys(node)
        own = {key: number for number, key in enumerate(keys) if not node.entries[number].is_merge}
        for key, number in own.items():
            if key in wanted and not same(current[key], wanted[key]):
                yield from self.changes(target.member(number), current[key], wanted[key])
        gone = [n for n, key in enumerate(keys) if key not in wanted and not node.entries[n].is_merge]
        brought = {key for key in current if key not in own}
        if (
            not brought <= wanted.keys()
        ):  # one merged key cannot be removed alone: the other merged keys are written out
            gone += [number for number, entry in enumerate(node.entries) if entry.is_merge]
            brought = set()
        new = {
            key: value
            for key, value in wanted.items()
            if key not in own and not (key in brought and same(current[key], value))
        }
        changes: list[DocumentChange] = [AddMembers(target, new)] if new else []
        changes += [RemoveMembers(target, tuple(gone))] if gone else []
        # A key that only becomes a string (`1:` to `"1":`) must be removed before the new one is added.
        becomes_text = {node.entries[number].text for number in gone} & set(map(str, new))
        yield from reversed(changes) if becomes_text else changes

    def _of_list(self, target: Target, current: list[Any], wanted: list[Any]) -> Iterator[DocumentChange]:
        pairs = matched_items(current, wanted, self.identities)
        for after, before in pairs.items():
            if not same(current[before], wanted[after]):
                yield from self.changes(target.member(before), current[before], wanted[after])
        yield from _new_items(target, wanted, pairs)
        staying = set(pairs.values())
        gone = tuple(index for index in range(len(current)) if index not in staying)
        if gone:
            yield RemoveMembers(target, gone)
        order = tuple(pairs[after] for after in sorted(pairs))
        if len(order) == len(current) == len(wanted) and order != tuple(sorted(order)):
            yield _arrangement(target, order, wanted)


def _new_items(target: Target, wanted: list[Any], pairs: dict[int, int]) -> list[DocumentChange]:
    """Adds every run of items without a counterpart after the item before it. The last run comes first, because it does
    not shift the indices of the others."""
    changes: dict[int, list[Any]] = {}
    at = 0
    for index, value in enumerate(wanted):
        if index in pairs:
            at = pairs[index] + 1
        else:
            changes.setdefault(at, []).append(value)
    return [AddItems(target, at, changes[at]) for at in sorted(changes, reverse=True)]


def _arrangement(target: Target, order: tuple[int, ...], wanted: list[Any]) -> DocumentChange:
    """Moves items that are on their own lines. Otherwise rewrites the list, if no comment is lost by that."""
    if can_be_reordered(target):
        return Reorder(target, order)
    node = target.node
    assert node is not None
    if holds_comments(target.tree, node):
        what = f"the items of {target.route} are not on separate lines, and there are comments between them"
        refuse(target.tree, node, what, "put each item on its own line, or reorder the items by hand")
    return Write(target, wanted)


def _is_named(node: Mapping) -> bool:
    """Whether a route can name every entry, that is, no key is a collection."""
    return all(entry.text is not None for entry in node.entries)
