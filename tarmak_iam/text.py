"""Texts of other people: on one line of a terminal, harmless in a log, and in the place of a host's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

_CUT = "..."
_SHORT = 80
_ARN = 200
"""Without a path no ARN of a principal is as long as that: a role and a session have 64 characters each."""
MESSAGE = 1_000
"""The longest message about what is in a file."""

_BREAK = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
ACTED_ON = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""For a regular expression's brackets: the controls of C0 (but tab and newline), DEL and C1, which a terminal acts on,
and what turns the direction of text around, so that a line reads as another one than it is."""
_ACTED_ON = re.compile(f"[{ACTED_ON}]")
# What runs a workflow acts on lines of a step's output. GitHub's runner: `::name ...::` at the start of a line, behind
# blanks too, and `##[name]` anywhere (actions/runner, ActionCommand.cs); Azure Pipelines: `##vso[`; TeamCity:
# `##teamcity[`.
MARKER = r"#(?=#(?:[vV][sS][oO]|[tT][eE][aA][mM][cC][iI][tT][yY])?\[)"
"""What stands anywhere in a line for a command, as a regular expression: its first sign."""
_COMMAND = re.compile(rf"^(?P<blanks>\s*):(?=:.*::)|{MARKER}", re.MULTILINE)
# The underscore is none of a host's name, and yet in names that people have and that resolve.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z", re.ASCII)


class TextEnum(str, Enum):
    """Its members are their values in every text, as those of StrEnum are from Python 3.11 on."""

    def __str__(self) -> str:
        return str(self.value)


def one_line(text: str) -> str:
    """Lines joined by blanks, and what a terminal would act on, or not show at all, as an escape."""
    joined = _BREAK.sub(" ", text)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in joined)


def shortened(value: object, limit: int = _SHORT) -> str:
    """Somebody else's key or scalar in a message: as it is, or its beginning, since it may be a whole file. An ARN is
    cut only where it is longer than those that people have."""
    text = str(value)
    if len(text) <= limit or (len(text) <= _ARN and text.startswith("arn:")):
        return text
    return text[: limit - len(_CUT)] + _CUT


def brief_list(names: Iterable[object], most: int = 5) -> str:
    """The first few of them, and how many more there are: there may be thousands."""
    texts = list(map(str, names))
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def quoted(value: object) -> str:
    """The same in single quotes."""
    return f"'{shortened(value)}'"


def capped(message: str, limit: int = MESSAGE) -> str:
    """A whole message, whatever was put into it: its begin and its end, where the reason may be."""
    if len(message) <= limit:
        return message
    half = (limit - len(_CUT)) // 2
    return f"{message[:half]}{_CUT}{message[-half:]}"


def escaped(text: str) -> str:
    """Lines as they are, without what a terminal or a workflow's runner would act on: in JSON's escapes, which leave
    JSON the same."""
    return defused(_ACTED_ON.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


def defused(text: str) -> str:
    """The same lines, none of which is a command to what runs a workflow: their first sign as an escape."""
    return _COMMAND.sub(lambda match: f"{match['blanks'] or ''}\\u{ord(match[0][-1]):04x}", text)


def acts_on_a_log(text: str) -> bool:
    """Whether one of the lines would be a command to what runs a workflow."""
    return _COMMAND.search(text) is not None


def is_host_name(text: str) -> bool:
    """Whether it is a name of DNS, with a dot at its end or without, and so the same host wherever a URL is read."""
    return len(text) <= 253 and all(_LABEL.match(label) for label in text.removesuffix(".").split("."))
