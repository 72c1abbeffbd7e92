"""Which items of two lists are the same thing: by identity, by equality, else by likeness."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

__all__ = ["Identity", "matched"]

Identity = Sequence[str]
"""Dotted paths of scalars that together tell an item from all others: `("environment", "metadata.name")`."""

_ALIKE = 0.5


def matched(old: Sequence[Any], new: Sequence[Any], identities: Iterable[Identity] = ()) -> dict[int, int]:
    """For an index of `new` the one of `old` that is the same item; an item has one counterpart or none.

    Mappings that have an identity (the first of `identities` whose paths all lead to scalars) are matched by
    that alone. Everything else is matched where it is equal, and what is left, in order, where mappings have
    at least half of their keys in common with equal values, or where two scalars stand between the same neighbours.
    """
    matching = _Matching(old, new, {}, set())
    groups = tuple(tuple(identity) for identity in identities)
    old_keys, new_keys = ([_identity(item, groups) for item in items] for items in (old, new))
    matching.by_key(old_keys, new_keys)
    # What has an identity and no counterpart is something else than all the others.
    known = [key is not None for key in old_keys], [key is not None for key in new_keys]
    matching.by_equality(*known)
    matching.by_likeness(*known)
    return matching.pairs


@dataclass
class _Matching:
    old: Sequence[Any]
    new: Sequence[Any]
    pairs: dict[int, int]
    taken: set[int]

    def pair(self, before: int, after: int) -> None:
        self.pairs[after] = before
        self.taken.add(before)

    def by_key(self, old_keys: Sequence[Hashable | None], new_keys: Sequence[Hashable | None]) -> None:
        """Equal keys in order: the second of two with the second of two."""
        waiting: dict[Hashable, deque[int]] = defaultdict(deque)
        for index, key in enumerate(old_keys):
            if key is not None and index not in self.taken:
                waiting[key].append(index)
        for index, key in enumerate(new_keys):
            if index not in self.pairs and waiting.get(key):
                self.pair(waiting[key].popleft(), index)

    def by_equality(self, old_known: Sequence[bool], new_known: Sequence[bool]) -> None:
        """First what keeps its order, so that as little as possible has to move."""
        old_keys = [None if known else _frozen(item) for item, known in zip(self.old, old_known, strict=True)]
        new_keys = [None if known else _frozen(item) for item, known in zip(self.new, new_known, strict=True)]
        for block in SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_matching_blocks():
            for offset in range(block.size):
                if old_keys[block.a + offset] is not None:
                    self.pair(block.a + offset, block.b + offset)
        self.by_key(old_keys, new_keys)

    def by_likeness(self, old_known: Sequence[bool], new_known: Sequence[bool]) -> None:
        left = [index for index in range(len(self.old)) if index not in self.taken and not old_known[index]]
        for index in range(len(self.new)):
            if index in self.pairs or new_known[index]:
                continue
            alike = [(self._likeness(before, index), -before) for before in left]
            best, before = max(alike, default=(0.0, 0))
            if best >= _ALIKE:
                self.pair(-before, index)
                left.remove(-before)

    def _likeness(self, before: int, after: int) -> float:
        old, new = self.old[before], self.new[after]
        if isinstance(old, dict) and isinstance(new, dict):
            equal = sum(1 for key in old if key in new and _frozen(old[key]) == _frozen(new[key]))
            return equal / max(len(old), len(new), 1)
        if isinstance(old, dict) or isinstance(new, dict):
            return 0.0
        return float(self._neighbours(before) == self._neighbours_of_new(after))

    def _neighbours(self, before: int) -> tuple[int, int]:
        """The nearest items of `old` around one of it that have a counterpart."""
        below = max((index for index in self.taken if index < before), default=-1)
        return below, min((index for index in self.taken if index > before), default=len(self.old))

    def _neighbours_of_new(self, after: int) -> tuple[int, int]:
        below = max((index for index in self.pairs if index < after), default=None)
        above = min((index for index in self.pairs if index > after), default=None)
        return (-1 if below is None else self.pairs[below], len(self.old) if above is None else self.pairs[above])


def _identity(item: Any, groups: Iterable[Identity]) -> Hashable | None:
    for group in groups:
        values = [_scalar_at(item, path) for path in group]
        if all(value is not None for value in values):
            return (*group, *values)
    return None


def _scalar_at(item: Any, path: str) -> Hashable | None:
    for step in path.split("."):
        item = item.get(step) if isinstance(item, dict) else None
    return None if item is None or isinstance(item, (dict, list)) else (type(item), item)


def _frozen(value: Any) -> Hashable:
    """Something hashable that is equal for the same values only: true, 1 and 1.0 differ, the order of keys does not."""
    if isinstance(value, dict):
        return ("mapping", frozenset((_frozen(key), _frozen(child)) for key, child in value.items()))
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return (type(value), repr(value))
