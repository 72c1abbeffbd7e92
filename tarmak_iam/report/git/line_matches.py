"""Which lines of a text come from an earlier one: the longest common subsequence, after Myers, "An O(ND) Difference
Algorithm and Its Variations" (1986)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from tarmak_iam.report.git.directory import HistoryUnknown

_DIFFERENCES = 2000
"""The most lines in which two texts may differ, without those that only one of them contains. The memory grows with
the square of it."""
_Matches = list[int | None]
"""For each line the number of its counterpart in the other text, from 0; None if it has none."""


def lines_of(data: bytes) -> list[bytes]:
    """With their line ends. As in git, only a line feed ends a line; a last line without one is a different line."""
    lines = data.split(b"\n")
    ended = [line + b"\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended


def matching_lines(old: Sequence[bytes], new: Sequence[bytes], spend: Callable[[int], None]) -> _Matches:
    """For each line of `new` its counterpart in `old`.

    `spend` receives the number of steps, and may raise. Raises HistoryUnknown for texts that differ too much.
    """
    spend(len(old) + len(new))
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    matches: _Matches = [None] * len(new)
    matches[:start] = range(start)
    matches[len(new) - end :] = range(len(old) - end, len(old))
    for theirs, ours in _between(old, new, range(start, len(old) - end), range(start, len(new) - end), spend):
        matches[ours] = theirs
    _slide(matches, new, len(old), spend)
    others = _inverse(matches, len(old))
    _slide(others, old, len(new), spend)
    return _inverse(others, len(new))


def _between(
    old: Sequence[bytes], new: Sequence[bytes], olds: range, news: range, spend: Callable[[int], None]
) -> list[tuple[int, int]]:
    """Pairs of equal lines in these ranges. Lines that only one of the texts contains are removed first."""
    in_old, in_new = {old[at] for at in olds}, {new[at] for at in news}
    left = [at for at in olds if old[at] in in_new]
    right = [at for at in news if new[at] in in_old]
    common = _common([old[at] for at in left], [new[at] for at in right], spend)
    return [(left[first], right[second]) for first, second in common]


def _common(left: Sequence[bytes], right: Sequence[bytes], spend: Callable[[int], None]) -> list[tuple[int, int]]:
    """Myers's greedy algorithm: `furthest[i]` is how much of `left` is consumed on the diagonal 2i - d after d
    differences."""
    goal = len(left) - len(right)
    trace: list[array[int]] = []
    furthest = array("q")
    for d in range(len(left) + len(right) + 1):
        if d > _DIFFERENCES:
            raise HistoryUnknown("two versions of the file differ in too many lines")
        steps, reached = d + 1, array("q")
        for i in range(d + 1):
            diagonal = 2 * i - d
            begun = _after_one_more(furthest, i, d)
            x = begun
            while x < len(left) and x - diagonal < len(right) and left[x] == right[x - diagonal]:
                x += 1
            steps += x - begun
            reached.append(x)
            if diagonal == goal and x >= len(left):
                spend(steps)
                return _traced([*trace, furthest], x, i)
        spend(steps)
        trace.append(furthest)
        furthest = reached
    return []


def _after_one_more(furthest: array[int], i: int, d: int) -> int:
    """Where diagonal `i` begins: a line of `right` is skipped, or one of `left`, whichever leads further."""
    if d == 0:
        return 0
    return furthest[i] if _passes_right(furthest, i, d) else furthest[i - 1] + 1


def _passes_right(furthest: array[int], i: int, d: int) -> bool:
    return i == 0 or (i != d and furthest[i - 1] < furthest[i])


def _traced(trace: list[array[int]], x: int, i: int) -> list[tuple[int, int]]:
    """The path from the end to the start; its diagonal steps are the pairs."""
    pairs: list[tuple[int, int]] = []
    for d in range(len(trace) - 1, -1, -1):
        begun = _after_one_more(trace[d], i, d)
        diagonal = 2 * i - d
        pairs += [(at, at - diagonal) for at in range(x - 1, begun - 1, -1)]
        if d:
            passes_right = _passes_right(trace[d], i, d)
            x = trace[d][i] if passes_right else trace[d][i - 1]
            i = i if passes_right else i - 1
    return pairs[::-1]


def _slide(matches: _Matches, lines: Sequence[bytes], others: int, spend: Callable[[int], None]) -> None:
    """Moves runs of new lines to where they were most likely added.

    If the line after a run is equal to its first line, the run may begin one line later; both are possible. As in git,
    the least indented beginning is the most likely, and the last one of equals.
    """
    at = 0
    while at < len(matches):
        if matches[at] is not None:
            at += 1
            continue
        first = at
        while at < len(matches) and matches[at] is None:
            at += 1
        before = _number(matches, first - 1, -1)
        after = _number(matches, at, others)
        if after != before + 1:
            continue  # the run replaces lines of the other text
        up = _room_above(matches, lines, first, at)
        down = _room_below(matches, lines, first, at)
        spend(up + down)
        shift = min(range(-up, down + 1), key=lambda by: (*_indentation(lines[first + by]), -by))
        matches[first - up : at + down] = _numbers(before - up + 1, first - up, first + shift, at + shift, at + down)
        at += down


def _numbers(number: int, start: int, first: int, last: int, end: int) -> _Matches:
    """Consecutive numbers from `start` to `end`, except for the run from `first` to `last`, which has none."""
    above = first - start
    return [
        *range(number, number + above),
        *[None] * (last - first),
        *range(number + above, number + above + end - last),
    ]


def _number(matches: _Matches, at: int, outside: int) -> int:
    number = matches[at] if 0 <= at < len(matches) else None
    return outside if number is None else number


def _room_above(matches: _Matches, lines: Sequence[bytes], first: int, last: int) -> int:
    up, number = 0, _number(matches, first - 1, -1)
    while (
        first - 1 - up >= 0 and matches[first - 1 - up] == number - up and lines[first - 1 - up] == lines[last - 1 - up]
    ):
        up += 1
    return up


def _room_below(matches: _Matches, lines: Sequence[bytes], first: int, last: int) -> int:
    down, number = 0, _number(matches, last, -1)
    while (
        last + down < len(lines) and matches[last + down] == number + down and lines[first + down] == lines[last + down]
    ):
        down += 1
    return down


def _indentation(line: bytes) -> tuple[bool, int]:
    """Sorts an empty line last."""
    text = line.lstrip()
    return not text, len(line) - len(text)


def _inverse(matches: _Matches, others: int) -> _Matches:
    inverse: _Matches = [None] * others
    for at, number in enumerate(matches):
        if number is not None:
            inverse[number] = at
    return inverse
