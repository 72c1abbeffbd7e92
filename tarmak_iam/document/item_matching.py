"""Which items of two lists are the same one."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from itertools import takewhile
from typing import Any, NamedTuple

from tarmak_iam.document.arrangement import longest_ascent

Identity = str | SequenceOf[str]
"""Dotted paths of scalars that together identify an item of a list: `("environment", "metadata.name")`, `"name"`."""

_ALIKE = 0.5

_LARGEST_TABLE = 10_000

_MOST_EQUAL = 100_000


def matched_items(old: SequenceOf[Any], new: SequenceOf[Any], identities: Iterable[Identity] = ()) -> dict[int, int]:
    """The same items of two lists: for an index of `new` the index of `old`. Each item has at most one counterpart.

    Mappings with an identity (the first of `identities` whose paths all lead to scalars) are matched only by that.
    All other items are matched if they are equal. Of the mappings that are left, those are matched, in order, that
    have at least half of their keys with equal values in common, and then the collections with at least half of the
    scalars in them. What is then left between two matched items is matched by position, and by likeness where there are
    more of them in one list than in the other.
    """
    groups = [(identity,) if isinstance(identity, str) else tuple(identity) for identity in identities]
    pairs: dict[int, int] = {}
    old_keys, new_keys = ([_identity(item, groups) for item in items] for items in (old, new))
    _pair_in_order(pairs, old_keys, new_keys)
    # An item with an identity but no counterpart differs from all others.
    old_left = [index for index, key in enumerate(old_keys) if key is None]
    new_left = [index for index, key in enumerate(new_keys) if key is None]
    _pair_equal(pairs, {index: _frozen(old[index]) for index in old_left}, {i: _frozen(new[i]) for i in new_left})
    for kinds, members in ((dict, _members), ((dict, list), _leaves)):
        taken = set(pairs.values())
        before = {i: members(old[i]) for i in old_left if i not in taken and isinstance(old[i], kinds)}
        after = {i: members(new[i]) for i in new_left if i not in pairs and isinstance(new[i], kinds)}
        _pair_alike(pairs, before, after)
    taken = set(pairs.values())
    old_left = [index for index in old_left if index not in taken]
    new_left = [index for index in new_left if index not in pairs]
    for befores, afters in list(_gaps(pairs, old_left, new_left)):
        for left, right in _aligned([old[index] for index in befores], [new[index] for index in afters]):
            pairs[afters[right]] = befores[left]
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
    for left, right in _longest_common([key for _, key in before], [key for _, key in after]):
        pairs[after[right][0]] = before[left][0]
    length = 1 + max([*old, *new], default=0)
    _pair_in_order(pairs, [old.get(index) for index in range(length)], [new.get(index) for index in range(length)])


def _longest_common(old: SequenceOf[Hashable], new: SequenceOf[Hashable]) -> Iterable[tuple[int, int]]:
    """The index pairs of a longest common subsequence (Hunt and Szymanski); none if there are too many equal items."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for left, key in enumerate(old):
        places[key].append(left)
    if sum(len(places.get(key, ())) for key in new) > _MOST_EQUAL:
        return []
    tops: list[int] = []  # the smallest old index that ends a common subsequence of each length
    ends: list[_Link] = []
    for right, key in enumerate(new):
        for left in reversed(places.get(key, ())):
            length = bisect_left(tops, left)
            tops[length : length + 1] = [left]
            ends[length : length + 1] = [_Link(left, right, ends[length - 1] if length else None)]
    found: list[tuple[int, int]] = []
    link = ends[-1] if ends else None
    while link is not None:
        found.append((link.left, link.right))
        link = link.before
    return found


class _Link(NamedTuple):
    left: int
    right: int
    before: _Link | None


def _pair_alike(pairs: dict[int, int], old: dict[int, set[Hashable]], new: dict[int, set[Hashable]]) -> None:
    """Pairs similar collections. Only those with a member in common are compared."""
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


def _gaps(pairs: dict[int, int], old: SequenceOf[int], new: SequenceOf[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The items that are left between the same two matched items, in both lists. Items that move part nothing."""
    staying = longest_ascent([pairs[after] for after in sorted(pairs)])
    places = {before: after for after, before in pairs.items()}
    borders = [places[before] for before in staying]
    gaps: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index in old:
        gaps[bisect_left(staying, index)][0].append(index)
    for index in new:
        gaps[bisect_left(borders, index)][1].append(index)
    yield from gaps.values()


def _aligned(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int]]:
    """The index pairs of two runs of items, in order, so that the pairs are as many and as much alike as possible."""
    if len(old) == len(new):
        yield from ((number, number) for number in range(len(old)) if _may_be_same(old[number], new[number]))
        return
    if len(old) * len(new) > _LARGEST_TABLE:
        shorter = range(min(len(old), len(new)))
        yield from ((number, number) for number in shorter if _likeness(old[number], new[number]) is not None)
        return
    likeness = [[_likeness(before, after) for after in new] for before in old]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for left in range(len(old) - 1, -1, -1):
        for right in range(len(new) - 1, -1, -1):
            best[left][right] = max(
                _with_pair(likeness, best, left, right), best[left + 1][right], best[left][right + 1]
            )
    left = right = 0
    while left < len(old) and right < len(new):
        if best[left][right] == _with_pair(likeness, best, left, right):
            yield left, right
            left, right = left + 1, right + 1
        elif best[left][right] == best[left + 1][right]:
            left += 1
        else:
            right += 1


def _with_pair(likeness: list[list[float | None]], best: list[list[float]], left: int, right: int) -> float:
    alike = likeness[left][right]
    return -1.0 if alike is None else 1 + alike + best[left + 1][right + 1]


def _may_be_same(old: Any, new: Any) -> bool:
    """False for two mappings that are about different things, because they have no key in common."""
    are_mappings = isinstance(old, dict) and isinstance(new, dict)
    return not (are_mappings and old and new) or bool(old.keys() & new.keys())


def _likeness(old: Any, new: Any) -> float | None:
    """From 0 to 1; None for two collections that have no member in common."""
    if isinstance(old, (dict, list)) and type(old) is type(new):
        members, others = _contents(old), _contents(new)
        return len(members & others) / max(len(members), len(others)) if members & others else None
    if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
        return 0.0
    one, other = str(old), str(new)
    alike = _common_start(one, other)
    shorter = min(len(one), len(other)) - alike
    return (alike + min(_common_start(one[::-1], other[::-1]), shorter)) / max(len(one), len(other))


def _common_start(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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


def _leaves(value: dict[Any, Any] | list[Any], path: tuple[Hashable, ...] = ()) -> set[Hashable]:
    """The scalars and empty collections inside, each with its path, in which an item of a list has no index."""
    steps: Iterable[tuple[Hashable, Any]] = (
        ((_frozen(key), child) for key, child in value.items())
        if isinstance(value, dict)
        else ((None, child) for child in value)
    )
    found: set[Hashable] = set()
    for step, child in steps:
        if child and isinstance(child, (dict, list)):
            found |= _leaves(child, (*path, step))
        else:
            found.add((*path, step, _frozen(child)))
    return found


def _contents(value: dict[Any, Any] | list[Any]) -> set[Hashable]:
    return _members(value) if isinstance(value, dict) else set(map(_frozen, value))


def _frozen(value: Any) -> Hashable:
    """A hashable form that is equal only for the same values: true, 1 and 1.0 differ; the order of keys is ignored."""
    if isinstance(value, dict):
        return ("mapping", frozenset(_members(value)))
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return (type(value), repr(value))
