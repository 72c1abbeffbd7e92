"""An edit as text: pieces of the original replaced, everything else as it was."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from tarmak_iam.document.nodes import Span

__all__ = ["Room", "Splice", "apply", "joined"]


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """`text[start:end]` becomes `text`; offsets in code points of the original."""

    start: int
    end: int
    text: str


def apply(text: str, splices: Iterable[Splice]) -> str:
    """All splices at once; they must not overlap. Equal insertion points keep the given order."""
    pieces, at = [], 0
    for splice in sorted(splices, key=lambda each: (each.start, each.end)):
        if splice.start < at:
            raise ValueError("overlapping splices")
        pieces += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, text[at:]])


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap made one."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


class Room:
    """What the splices of several changes take of one text, each change known by what owns it."""

    def __init__(self) -> None:
        self._spans: list[Span] = []  # replaced, in order
        self._points: list[int] = []  # inserted at, in order
        self._owners: dict[int, Hashable] = {}

    def take(self, splices: Iterable[Splice], owner: Hashable) -> bool:
        """Takes it, unless a splice overlaps with one that is there, or inserts where another owner does."""
        given = list(splices)
        if not all(self._is_free(splice, owner) for splice in given):
            return False
        for splice in given:
            if splice.start < splice.end:
                insort(self._spans, Span(splice.start, splice.end))
            else:
                insort(self._points, splice.start)
                self._owners[splice.start] = owner
        return True

    def leave(self, splices: Iterable[Splice]) -> None:
        for splice in splices:
            if splice.start < splice.end:
                self._spans.remove(Span(splice.start, splice.end))
            else:
                self._points.remove(splice.start)

    def _is_free(self, splice: Splice, owner: Hashable) -> bool:
        start, end = splice.start, splice.end
        near = bisect_left(self._spans, (start, end))
        if any(span.start < end and start < span.end for span in self._spans[max(near - 1, 0) : near + 1]):
            return False
        point = bisect_right(self._points, start) if start < end else bisect_left(self._points, start)
        at = self._points[point] if point < len(self._points) else None
        if start < end:
            return at is None or at >= end
        return at != start or self._owners[start] == owner
