"""Unified diffs of two texts, with the note that a file does not end with a newline."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_CONTEXT = 3
_SPARE = 200
"""The number of equal lines to keep around a difference: difflib may place the difference some lines later."""
_HUNK = re.compile(r"^@@ -(\d+)((?:,\d+)?) \+(\d+)((?:,\d+)?) @@")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def unified_diff(before: str, after: str, filename: str) -> str:
    """Empty for equal texts. Line ends are LF; one that differs from its counterpart is shown as `\\r`."""
    old, new = _LINES.findall(before), _LINES.findall(after)
    # difflib is quadratic: give it only what differs, and some lines around it.
    head = max(common_start(old, new) - _SPARE, 0)
    old, new = old[head:], new[head:]
    tail = max(common_start(old[::-1], new[::-1]) - _SPARE, 0)
    old, new = old[: len(old) - tail], new[: len(new) - tail]
    lines = difflib.unified_diff(old, new, filename, filename, n=_CONTEXT)
    return "".join(_shown(_HUNK.sub(lambda match: _moved(match, head), line)) for line in lines)


def common_start(old: Sequence[str], new: Sequence[str]) -> int:
    """The number of lines, or of characters of two strings, that both begin with."""
    pairs = zip(old, new, strict=False)
    return next((number for number, (line, other) in enumerate(pairs) if line != other), min(len(old), len(new)))


def _moved(match: re.Match[str], lines: int) -> str:
    """The header of a hunk, for a text with `lines` more lines above."""
    numbers = [str(int(match[n]) + lines) for n in (1, 3)]
    return f"@@ -{numbers[0]}{match[2]} +{numbers[1]}{match[4]} @@"


def _shown(line: str) -> str:
    body = line.rstrip("\r\n")
    if body == line:
        return f"{line}\n\\ No newline at end of file\n"
    return f"{body}\n"
