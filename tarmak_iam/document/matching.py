"""Which items of two lists are the same thing: by identity, by equality, else by likeness."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

__all__ = ["Identity", "matched"]

Identity = str | Sequence[str]
"""Dotted paths of scalars that together tell an item from all others: `("environment", "metadata.name")`, `"name"`."""

_ALIKE = 0.5
_LARGEST_TABLE = 1_000_000


def matched(old: Sequence[Any], new: Sequence[Any], identities: Iterable[Identity] = ()) -> dict[int, int]:
    """For an index of `new` the one of `old` that is the same item; an item has one counterpart or none.

    Mappings that have an identity (the first of `identities` whose paths all lead to scalars) are matched by
    that alone. Everything else is matched where it is equal; and of the mappings that are left, in order, those
    that have at least half of their keys in common with equal values.
    """
    groups = [(identity,) if isinstance(identity, str) else tuple(identity) for identity in identities]
    pairs: dict[int, int] = {}
    old_keys, new_keys = ([_identity(item, groups) for item in items] for items in (old, new))
    _pair_in_order(pairs, old_keys, new_keys)
    # What has an identity and no counterpart is something else than all the others.
    old_left = [index for index, key in enumerate(old_keys) if key is None]
    new_left = [index for index, key in enumerate(new_keys) if key is None]
    _pair_equal(pairs, {index: _frozen(old[index]) for index in old_left}, {i: _frozen(new[i]) for i in new_left})
    taken = set(pairs.values())
    old_maps = [index for index in old_left if index not in taken and isinstance(old[index], dict)]
    new_maps = [index for index in new_left if index not in pairs and isinstance(new[index], dict)]
    _pair_alike(pairs, {index: _members(old[index]) for index in old_maps}, {i: _members(new[i]) for i in new_maps})
    return pairs


def _pair_in_order(pairs: dict[int, int], old: Iterable[Hashable], new: Iterable[Hashable]) -> None:
    """Equal keys: the second of two with the second of two."""
    taken, waiting = set(pairs.values()), defaultdict[Hashable, deque[int]](deque)
    for index, key in enumerate(old):
        if key is not None and index not in taken:
            waiting[key].append(index)
    for index, key in enumerate(new):
        if index not in pairs and waiting.get(key):
            pairs[index] = waiting[key].popleft()


def _pair_equal(pairs: dict[int, int], old: dict[int, Hashable], new: dict[int, Hashable]) -> None:
    """First what keeps its order, so that as little as possible has to move; then the rest."""
    before, after = list(old.items()), list(new.items())
    for ends in (0, -1):  # what is the same at the begin and at the end needs no table
        while before and after and before[ends][1] == after[ends][1]:
            pairs[after.pop(ends)[0]] = before.pop(ends)[0]
    if len(before) * len(after) <= _LARGEST_TABLE:
        for left, right in _longest_common([key for _, key in before], [key for _, key in after]):
            pairs[after[right][0]] = before[left][0]
    length = 1 + max([*old, *new], default=0)
    _pair_in_order(pairs, [old.get(index) for index in range(length)], [new.get(index) for index in range(length)])


def _longest_common(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterable[tuple[int, int]]:
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
    """Only those are compared that have a member in common."""
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


def _identity(item: Any, groups: Iterable[Sequence[str]]) -> Hashable | None:
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
    """Something hashable that is equal for the same values only: true, 1 and 1.0 differ, the order of keys does not."""
    if isinstance(value, dict):
        return ("mapping", frozenset(_members(value)))
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return (type(value), repr(value))
