"""Compares the output on a page with the actual output. A line `...` on the page matches any number of lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["ANY", "difference", "matches", "shortened"]

ANY = "..."
_ALIKE = 0.4
"""A ratio of `difflib`: below it, one line is not a new wording of the other."""


def matches(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Ignores trailing spaces: they are invisible, and editors remove them."""
    got = [line.rstrip() for line in got]
    first, *rest = _parts(expected)
    if not rest:
        return got == first
    if got[: len(first)] != first:
        return False
    left = got[len(first) :]
    *middle, last = rest
    for part in middle:
        at = next((n for n in range(len(left) - len(part) + 1) if left[n : n + len(part)] == part), None)
        if at is None:
            return False
        left = left[at + len(part) :]
    return len(left) >= len(last) and left[len(left) - len(last) :] == last


def difference(expected: Sequence[str], got: Sequence[str]) -> str:
    """A diff for readers. It also shows the lines that `...` matches."""
    return "\n".join(difflib.unified_diff(expected, got, "page", "actual output", lineterm="", n=2))


def shortened(expected: Sequence[str], got: Sequence[str]) -> list[str]:
    """The actual output, with `...` where the page has it; without `...` if it lacks lines of the page."""
    lines = [line.rstrip() for line in got]
    first, *rest = _parts(expected)
    if not rest:
        return lines
    *middle, last = rest
    end = len(lines) - len(last)
    places = [(0, first)]
    for part in middle:
        after = places[-1][0] + len(places[-1][1])
        starts = range(after, end - len(part) + 1)
        places.append((max(starts, key=lambda at: _likeness(part, lines[at : at + len(part)]), default=after), part))
    places.append((end, last))
    found = [(part, lines[at : at + len(part)]) for at, part in places if at >= 0]
    if len(found) < len(places) or any(_likeness(*each) < _ALIKE for each in found):
        return lines
    return [line for part in ([ANY, *new] for _, new in found) for line in part][1:]


def _likeness(old: Sequence[str], new: Sequence[str]) -> float:
    """The ratio of the two lines that differ most."""
    if len(old) != len(new):
        return 0
    return min((difflib.SequenceMatcher(None, *pair).ratio() for pair in zip(old, new, strict=True)), default=1)


def _parts(expected: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in expected:
        if line.rstrip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    return parts
