"""Where the lines of an edited text are in the text before the edits."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from tarmak_iam.document.source import lines_of
from tarmak_iam.files.unified_diff import common_start
from tarmak_iam.late_dataclass import dataclass

_MOST_PAIRS = 250_000
"""Of lines that difflib compares: it is quadratic."""

_MOST_ALIKE = 2_500
"""Of lines that are compared letter by letter."""

_DEEPEST = 50
"""Parts within parts of a text; no file that a person writes has nearly as many."""


@dataclass(frozen=True, slots=True)
class LineMap:
    """`pairs` maps each line of the text afterwards that exists before, both from 0, to that line. A line that was
    edited in its place is the same line, and so is one that was moved, if no other one is like it."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    pairs: dict[int, int]

    @classmethod
    def of(cls, before: str, after: str) -> LineMap:
        old, new = tuple(lines_of(before)), tuple(lines_of(after))
        pairs = dict(_pairs(old, new, 0, 0, 0))
        return cls(old, new, pairs | dict(_moved(old, new, pairs)))

    def before_edits(self, line: int, column: int) -> tuple[int, int] | None:
        """Line and column, both from 1, of a position afterwards in the text before; None for a line that is new."""
        old = self.pairs.get(line - 1)
        if old is None:
            return None
        return old + 1, _column(self.before[old], self.after[line - 1], column - 1) + 1


def _column(old: str, new: str, column: int) -> int:
    """Counted from the start or from the end of the line, whichever is the same in both."""
    if column <= common_start(old, new):
        return column
    tail = common_start(old[::-1], new[::-1])
    return column + len(old) - len(new) if column >= len(new) - tail else min(column, len(old))


def _pairs(old: Sequence[str], new: Sequence[str], first: int, start: int, depth: int) -> Iterator[tuple[int, int]]:
    """Pairs of lines afterwards and before; `first` and `start` are the numbers of the first line of each."""
    head = common_start(old, new)
    yield from ((start + number, first + number) for number in range(head))
    old, new = old[head:], new[head:]
    tail = common_start(old[::-1], new[::-1])
    yield from ((start + head + len(new) - number, first + head + len(old) - number) for number in range(1, tail + 1))
    old, new = old[: len(old) - tail], new[: len(new) - tail]
    first, start = first + head, start + head
    anchors = list(_anchors(old, new)) if old and new and depth < _DEEPEST else []
    if anchors:
        done = 0, 0
        for one, two in (*anchors, (len(old), len(new))):
            yield from _pairs(old[done[0] : one], new[done[1] : two], first + done[0], start + done[1], depth + 1)
            if two < len(new):
                yield start + two, first + one
            done = one + 1, two + 1
    else:
        yield from ((start + two, first + one) for two, one in _compared(old, new))


def _anchors(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Lines that both have exactly once, in the same order in both: the longest such series (patience diff)."""
    counts, there = Counter(old), Counter(new)
    places = {line: number for number, line in enumerate(old)}
    common = [(places[line], at) for at, line in enumerate(new) if there[line] == 1 and counts[line] == 1]
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    for number, (one, _) in enumerate(common):
        pile = bisect_left(tops, one)
        before.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1], piles[pile : pile + 1] = [one], [number]
    found = []
    at = piles[-1] if piles else -1
    while at >= 0:
        found.append(common[at])
        at = before[at]
    yield from reversed(found)


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Lines that were replaced one by one are the same lines."""
    if len(old) == len(new):
        yield from enumerate(range(len(old)))
        return
    if len(old) * len(new) > _MOST_PAIRS:
        return
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and end - start == last - first):
            yield from zip(range(first, last), range(start, end), strict=True)
        elif kind == "replace" and (end - start) * (last - first) <= _MOST_ALIKE:
            yield from _alike(old, new, range(start, end), range(first, last))


def _alike(old: Sequence[str], new: Sequence[str], before: range, after: range) -> Iterator[tuple[int, int]]:
    """Lines that have at least half of their characters in common, at their start and end, in the same order."""
    at = before.start
    for number in after:
        for other in range(at, before.stop):
            one, two = old[other].strip(), new[number].strip()
            head = common_start(one, two)
            same = head + common_start(one[head:][::-1], two[head:][::-1])
            if one and two and 2 * same >= max(len(one), len(two)):
                yield number, other
                at = other + 1
                break


def _moved(old: Sequence[str], new: Sequence[str], pairs: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Lines without a counterpart in their place that have exactly one elsewhere, whatever their indentation is."""
    taken = set(pairs.values())
    gone = [number for number in range(len(old)) if number not in taken]
    come = [number for number in range(len(new)) if number not in pairs]
    counts, there = Counter(old[each].strip() for each in gone), Counter(new[each].strip() for each in come)
    places = {old[each].strip(): each for each in gone}
    for each in come:
        text = new[each].strip()
        if text and counts[text] == 1 and there[text] == 1:
            yield each, places[text]
