"""Texts of other people: on one line of a terminal, and in the place of a host's name."""

from __future__ import annotations

import re

__all__ = ["is_host_name", "one_line"]

_BREAK = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
# The underscore is none of a host's name, and yet in names that people have and that resolve.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z", re.ASCII)


def one_line(text: str) -> str:
    """Lines joined by blanks, and what a terminal would act on, or not show at all, as an escape."""
    joined = _BREAK.sub(" ", text)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in joined)


def is_host_name(text: str) -> bool:
    """Whether it is a name of DNS, with a dot at its end or without, and so the same host wherever a URL is read."""
    return len(text) <= 253 and all(_LABEL.match(label) for label in text.removesuffix(".").split("."))
