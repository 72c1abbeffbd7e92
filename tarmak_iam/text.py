"""Makes untrusted text safe to show: on one line, harmless in a terminal and in a CI log, and valid as a host name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

_CUT = "..."
_SHORT = 80
_ARN = 200
"""No ARN of a principal without a path is that long: a role name and a session name have up to 64 characters each."""
MESSAGE = 1_000
"""The limit for a message about the content of a file, in characters."""

_BREAK = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
ACTED_ON = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""For the brackets of a regular expression: the control characters of C0 (except tab and newline), DEL and C1, which a
terminal interprets, and those that change the direction of text, so that a line looks like another one."""
_ACTED_ON = re.compile(f"[{ACTED_ON}]")
# CI systems interpret lines of a step's output. GitHub's runner: `::name ...::` at the start of a line, also after
# blanks, and `##[name]` anywhere (actions/runner, ActionCommand.cs); Azure Pipelines: `##vso[`; TeamCity:
# `##teamcity[`.
MARKER = r"#(?=#(?:[vV][sS][oO]|[tT][eE][aA][mM][cC][iI][tT][yY])?\[)"
"""A regular expression for the first character of a CI command that may be anywhere in a line."""
_MARKER = re.compile(MARKER)
_COMMAND = re.compile(rf"^(?P<blanks>\s*):(?=:.*::)|{MARKER}", re.MULTILINE)
# An underscore is not valid in a host name, but names with one are in use, and they resolve.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z", re.ASCII)


class TextEnum(str, Enum):
    """An enum whose members print as their values, as those of StrEnum (Python 3.11) do."""

    def __str__(self) -> str:
        return str(self.value)


def one_line(text: str) -> str:
    """The text on one line: lines joined by spaces, and characters that are not printable escaped."""
    joined = _BREAK.sub(" ", text)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in joined)


def shortened(value: object, limit: int = _SHORT) -> str:
    """A value for a message, cut to `limit` characters: a key or scalar may be as long as a whole file. An ARN is cut
    only if it is longer than those in real use."""
    text = str(value)
    if len(text) <= limit or (len(text) <= _ARN and text.startswith("arn:")):
        return text
    return text[: limit - len(_CUT)] + _CUT


def brief_list(names: Iterable[object], most: int = 5) -> str:
    """The first few names and the number of the others, as in `a, b and 7 more`."""
    texts = list(map(str, names))
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def quoted(value: object) -> str:
    """A value as `shortened`, in single quotes."""
    return f"'{shortened(value)}'"


def capped(message: str, limit: int = MESSAGE) -> str:
    """A message of at most `limit` characters: its beginning and its end, because the reason is often at the end."""
    if len(message) <= limit:
        return message
    half = (limit - len(_CUT)) // 2
    return f"{message[:half]}{_CUT}{message[-half:]}"


def escaped(text: str) -> str:
    """The text with everything that a terminal or CI system would interpret replaced by JSON escapes. JSON keeps its
    meaning."""
    return defused(_ACTED_ON.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


def defused(text: str) -> str:
    """The text with the first character of each CI command escaped, so that no line is a command."""
    return _COMMAND.sub(lambda match: f"{match['blanks'] or ''}\\u{ord(match[0][-1]):04x}", text)


def without_markers(text: str, escape: str) -> str:
    """The text with `escape` as the first character of each CI command that may be anywhere in a line."""
    return _MARKER.sub(lambda _: escape, text)


def acts_on_a_log(text: str) -> bool:
    """Whether a CI system would interpret one of the lines as a command."""
    return _COMMAND.search(text) is not None


def is_host_name(text: str) -> bool:
    """Whether the text is a DNS name (a final dot is allowed), so that every URL parser finds the same host."""
    return len(text) <= 253 and all(_LABEL.match(label) for label in text.removesuffix(".").split("."))
