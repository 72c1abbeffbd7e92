"""A route is the path from a document's root to a node: list indices, and keys with their occurrence.

Findings and messages use routes. Only a `Document` turns a route into line and column, and only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tarmak_iam.text import shortened

__all__ = ["Key", "Path", "Route", "Step"]
LAST = -1


class Key(NamedTuple):
    """A key of a mapping, identified by its text.

    `occurrence` numbers equal keys of one mapping from 0 in file order. -1 is the last one, which is the one that
    Tarmak uses (in yaml.v2 the last of two duplicate keys wins).
    """

    text: str
    occurrence: int = LAST

    def __str__(self) -> str:
        text = shortened(self.text)
        return text if self.occurrence in (LAST, 0) else f"{text}#{self.occurrence + 1}"


Step = int | Key
"""An index of a list, or a key of a mapping."""

Path = Iterable[str | int | Key]
"""A route as callers write it, such as `("clusters", 0, "name")`. A str means the last key with that text."""


# Thousands of entries have the same few keys.
_last_key = lru_cache(maxsize=1024)(Key)


@dataclass(frozen=True, slots=True)
class Route:
    """The steps from the root of a document to a node. The empty route is the root itself."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, path: Path | Route) -> Route:
        """The route of a path: an int is a list index, a str a key. Raises TypeError for anything else."""
        if isinstance(path, Route):
            return path
        if isinstance(path, str):
            raise TypeError(f"a path is a sequence of steps, as in ({path!r},), not a string")
        if isinstance(path, Key):
            raise TypeError(f"a path is a sequence of steps, as in ({path!r},), not a key alone")
        steps = tuple(Key(step) if isinstance(step, str) else step for step in path)
        for step in steps:
            if isinstance(step, bool) or not isinstance(step, (int, Key)):
                raise TypeError(f"a step of a path must be a list index or a key, not {step!r}")
        return cls(steps)

    @property
    def parent(self) -> Route:
        """The route without its last step."""
        return Route(self.steps[:-1])

    @property
    def plain(self) -> tuple[str | int, ...]:
        """The steps without occurrences, as a path for `Document.set`."""
        return tuple(step.text if isinstance(step, Key) else step for step in self.steps)

    def leads_to(self, other: Route) -> bool:
        """Whether the other route is equal to this one or begins with it."""
        return other.steps[: len(self.steps)] == self.steps

    def __truediv__(self, step: str | int | Key) -> Route:
        return Route((*self.steps, _last_key(step) if isinstance(step, str) else step))

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)
        return text.removeprefix(".") or "(the whole document)"
