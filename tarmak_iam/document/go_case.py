"""Go's two ways to compare without case, `strings.ToLower` and `strings.EqualFold`, whatever Python's own tables say.

They differ from each other and from Python's `str.lower` and `str.casefold`: U+0130 is lowered to `i`, and equals only
itself in EqualFold; U+017F stays in ToLower, and equals `s` in EqualFold; U+212A is a `k` for both.

go_case.json was made by Go 1.26 (tests/go_case). Its tables are those of Unicode 15.0, as in every Go since 1.21.
Those of older ones, with which earlier releases were built, lack letters that Unicode added later. None of these has
to do with an ASCII letter, and no principal of IAM and no key of the daemon has any other letter.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources


def to_lower(text: str) -> str:
    """strings.ToLower: one code point for one code point; lone surrogates stay."""
    return text.lower() if text.isascii() else text.translate(_table("lower"))


def fold(text: str) -> str:
    """Equal for the texts that strings.EqualFold takes for the same; an ASCII text in lower case."""
    return text.lower() if text.isascii() else text.translate(_table("fold"))


def equal_fold(left: str, right: str) -> bool:
    """strings.EqualFold."""
    return fold(left) == fold(right)


@cache
def _table(name: str) -> dict[int, int]:
    """By code point, as `str.translate` takes it; the file has ranges `[first, last, step, difference]`."""
    text = resources.files(__package__).joinpath("go_case.json").read_text(encoding="utf-8")
    ranges: list[list[int]] = json.loads(text)[name]
    return {
        code: code + difference for first, last, step, difference in ranges for code in range(first, last + 1, step)
    }
