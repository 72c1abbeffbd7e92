"""Unified diffs of two texts, with the line that says that a file does not end in a newline."""

from __future__ import annotations

import difflib
import re

__all__ = ["unified_diff"]

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def unified_diff(before: str, after: str, filename: str) -> str:
    """Empty for equal texts. Line ends are LF; one that differs from its counterpart is shown as `\\r`."""
    lines = difflib.unified_diff(_LINES.findall(before), _LINES.findall(after), filename, filename, n=3)
    return "".join(_shown(line) for line in lines)


def _shown(line: str) -> str:
    body = line.rstrip("\r\n")
    if body == line:
        return f"{line}\n\\ No newline at end of file\n"
    return f"{body}\n"
