"""Texts of other people: on one line of a terminal, and in the place of a host's name."""

from __future__ import annotations

import re

__all__ = ["ACTED_ON", "escaped", "is_host_name", "one_line"]

_BREAK = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
ACTED_ON = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""For a regular expression's brackets: the controls of C0 (but tab and newline), DEL and C1, which a terminal acts on,
and what turns the direction of text around, so that a line reads as another one than it is."""
_ACTED_ON = re.compile(f"[{ACTED_ON}]")
# The underscore is none of a host's name, and yet in names that people have and that resolve.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z", re.ASCII)


def one_line(text: str) -> str:
    """Lines joined by blanks, and what a terminal would act on, or not show at all, as an escape."""
    joined = _BREAK.sub(" ", text)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in joined)


def escaped(text: str) -> str:
    """Lines as they are, without what a terminal would act on: in JSON's escapes, which leave JSON the same."""
    return _ACTED_ON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def is_host_name(text: str) -> bool:
    """Whether it is a name of DNS, with a dot at its end or without, and so the same host wherever a URL is read."""
    return len(text) <= 253 and all(_LABEL.match(label) for label in text.removesuffix(".").split("."))
