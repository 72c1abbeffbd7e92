"""Many objects as calls of bounded size, so that a call ends in time and what it left undone is soon found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tarmak_iam.hook.cluster.objects import Object, Ref

__all__ = ["by_kind", "in_batches", "in_halves"]

T = TypeVar("T")
R = TypeVar("R")

# kubectl asks the API server for one object after another, up to three requests each: 100 objects take a minute where
# a request takes 200 ms, and kubectl's own start is a hundredth of that.
_OBJECTS = 100
_BYTES = 4_000_000


def in_batches(
    items: Iterable[T], object_of: Callable[[T], Object], *, is_of_one_kind: bool = False
) -> Iterator[list[T]]:
    """In their order, for one call each. `is_of_one_kind`: those of another kind begin another batch."""
    batch: list[T] = []
    kind, size = "", 0
    for item in items:
        each = object_of(item)
        resource, length = Ref.of(each).resource, len(json.dumps(each))
        is_another = is_of_one_kind and resource != kind
        if batch and (is_another or len(batch) == _OBJECTS or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        kind, size = resource, size + length
    if batch:
        yield batch


def by_kind(objects: Iterable[Object]) -> list[list[Object]]:
    """Whether they follow each other or not."""
    found: dict[str, list[Object]] = {}
    for each in objects:
        found.setdefault(Ref.of(each).resource, []).append(each)
    return list(found.values())


def in_halves(
    items: Sequence[T], together: Callable[[Sequence[T]], list[R] | None], alone: Callable[[T], R]
) -> list[R]:
    """What comes of each. `together` gives None where something went wrong with one of them: then each half is tried,
    so that `alone` says what it was after few calls. Raises what `alone` raises, of the first."""
    if len(items) == 1:
        return [alone(items[0])]
    made = together(items) if items else []
    if made is not None:
        return made
    middle = len(items) // 2
    return [result for half in (items[:middle], items[middle:]) for result in in_halves(half, together, alone)]
