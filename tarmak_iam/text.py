"""Texts of other people on one line of a terminal."""

from __future__ import annotations

import re

__all__ = ["one_line"]

_BREAK = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")


def one_line(text: str) -> str:
    """Lines joined by blanks, and what a terminal would act on, or not show at all, as an escape."""
    joined = _BREAK.sub(" ", text)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in joined)
