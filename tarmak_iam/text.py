"""What messages are made of: untrusted text made safe to show, in a terminal and in a CI log; which known name was
probably meant; and the commands that messages suggest."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

_CUT = "..."
_ARN = 200
"""No ARN of a principal without a path is that long: a role name and a session name have up to 64 characters each."""
MAX_BYTES = 10 * 1024 * 1024
"""Larger files are rejected before they are parsed. No tarmak.yaml or ConfigMap (1 MiB) is nearly that large."""
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
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in joined)


def shortened(value: object, limit: int = 80) -> str:
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


CLOSE = 0.8
"""How similar two names must be, from 0 to 1, as difflib measures it."""
LIKELY = 0.6
"""The same, for a small set of names one of which must be meant."""


def spelled_otherwise(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs only in case, blanks, dashes or underscores; None if there is none."""
    return next((known_name for known_name in known if bare(known_name) == bare(name)), None)


def closest(name: str, known: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """The most similar known name; None if no name is similar enough. Swapped letters are looked for in addition,
    because difflib does not see them in short names: it finds `cdir` as far from `cidr` as from `dir`."""
    import difflib  # here: most runs of the program never need it

    # An empty name is similar to no other.
    by_bare = {bare(known_name): known_name for known_name in known if bare(known_name)}
    close = difflib.get_close_matches(bare(name), by_bare, n=1, cutoff=cutoff)
    close = close or [known_name for known_name in by_bare if is_slip(bare(name), known_name)]
    return by_bare[close[0]] if len(close) == 1 else None


def likeness(name: str, other: str) -> float:
    """The similarity of two names, from 0 to 1; compare it with `CLOSE` and `LIKELY`."""
    import difflib

    return difflib.SequenceMatcher(None, name, other).ratio()


def is_one_typo(name: str, other: str) -> bool:
    """Whether a single typing error turns one name into the other: one letter too many, missing or wrong, or two
    letters swapped."""
    start = next((at for at, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(name) - len(other)) == 1  # one letter more at the end
    left, right = name[start:], other[start:]
    is_swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return is_swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


def is_slip(name: str, other: str) -> bool:
    """Whether a typing error that rarely makes another word turns `other` into `name`: two letters swapped, or a letter
    doubled or no longer doubled."""
    if not is_one_typo(name, other):
        return False
    if len(name) == len(other):
        return sorted(name) == sorted(other)
    longer, shorter = sorted((name, other), key=len, reverse=True)
    return any(longer[at] == longer[at + 1] and longer[:at] + longer[at + 1 :] == shorter for at in range(len(shorter)))


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "", cutoff: float = CLOSE) -> str:
    """A remedy: `did you mean X?`; if no name is similar, `otherwise` followed by the known names; else empty."""
    names = list(known)
    near = closest(name, names, cutoff)
    if near is not None:
        return f"did you mean {shortened(near)}?"
    return f"{otherwise} {', '.join(map(shortened, names))}" if otherwise and names else ""


def choose_among(name: str, known: Iterable[str]) -> str:
    """The same remedy where there may be hundreds of known names: only the nearest, or the first, are listed then."""
    import difflib

    names = list(known)
    if len(names) <= 8:
        return did_you_mean(name, names, "choose one of")
    part, by_bare = bare(name), {bare(known_name): shortened(known_name) for known_name in names}
    single = closest(name, names)
    near = [known_name for known_name in by_bare if part and part in known_name]
    near = near or ([] if single is None else [bare(single)])
    near = (near or difflib.get_close_matches(part, by_bare, cutoff=LIKELY))[:3]
    if near:
        one_of = "one of " if len(near) > 1 else ""
        return f"did you mean {one_of}{', '.join(by_bare[known_name] for known_name in near)}?"
    return f"choose one of {brief_list(by_bare.values())}"


@lru_cache(maxsize=256)
def bare(name: str) -> str:
    """The name in lower case, without blanks, dashes and underscores, which are often mixed up."""
    return re.sub(r"[\s_-]", "", name).casefold()


class CommandLine(NamedTuple):
    """The values for -c, None if the configuration is found without it, and for --cluster, which is --current-cluster
    for Tarmak, None for the current cluster. `words` are used as they are, `values` are quoted for the shell."""

    directory: str | None = None
    cluster_name: str | None = None

    def tarmak_iam(self, words: str, *values: str, program: str = "tarmak-iam", option: str = "--cluster") -> str:
        directory = () if self.directory is None else ("-c", self.directory)
        cluster = () if self.cluster_name is None else (option, self.cluster_name)
        return " ".join((program, *map(shlex.quote, (*directory, *cluster)), words, *map(shlex.quote, values)))

    def tarmak(self, words: str, *values: str) -> str:
        return self.tarmak_iam(words, *values, program="tarmak", option="--current-cluster")


PLAIN = CommandLine()
"""No options: the default directory and the current cluster."""
