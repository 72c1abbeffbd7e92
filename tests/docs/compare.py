"""Output as a page shows it beside what came: a line that is only `...` stands for any number of lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["ANY", "difference", "matches"]

ANY = "..."


def matches(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Blanks at the end of a line do not count: nobody sees them, and editors take them away."""
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
    """For people; lines that `...` stands for are shown as differing."""
    return "\n".join(difflib.unified_diff(expected, got, "the page", "what came", lineterm="", n=2))


def _parts(expected: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in expected:
        if line.rstrip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    return parts
