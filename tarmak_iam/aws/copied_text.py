"""What copying leaves in a name: quotes, invisible characters, letters that look like other letters.

The authenticator and RBAC compare names character by character, so each of these makes it a different name. A name may
contain letters of any script; only one that looks like ASCII as a whole has traces of copying.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import Enum


class Trace(str, Enum):
    """In the order of reporting: only the first one of a text is reported."""

    BLANK = "whitespace or control characters"
    INVISIBLE = "characters that are not visible"
    QUOTES = "quotes or brackets around it"
    LETTERS = "letters that look like others"
    ENDING = "a punctuation mark at its end"
    """May be intended; the others never are."""


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Invisible format characters, and marks that change the direction of text (Unicode, general category Cf).
_INVISIBLE = re.compile("[\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u3164\uffa0]")
# Joiners belong in words of Arabic and Indic scripts and in emoji, never next to a letter of ASCII, or at an end.
_JOINER = re.compile("(?:(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f]))")
_ODD_BLANK = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f]|(?<=[!-~])\u3000(?=[!-~])")
_PAIRS = ('""', "''", "``", "“”", "„“", "””", "‘’", "’’", "«»", "‹›", "[]", "()", "<>")  # noqa: RUF001
_QUOTES = "\"'`“”„‘’«»‹›"  # noqa: RUF001

# From Unicode's confusables.txt: letters that look like one of ASCII in the usual fonts.
_CYRILLIC = dict(zip("аеорсухіѕјԁһԛԝӏАВЕКМНОРСТХІЅЈУ", "aeopcyxisjdhqwlABEKMHOPCTXISJY", strict=True))  # noqa: RUF001
_GREEK = dict(zip("αγινορσυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ayivopouABEZHIKMNOPTYX", strict=True))  # noqa: RUF001
_LOOK_ALIKE = {**_CYRILLIC, **_GREEK, "ɡ": "g", "օ": "o"}  # noqa: RUF001
_PUNCTUATION = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63", "-"),
    **dict.fromkeys("\u2236\u02d0\ua789\ufe13", ":"),
    **dict.fromkeys("\u2044\u2215", "/"),
}
# Letters of mathematics and ligatures; and full-width characters, as text from a PDF has them.
_STYLED = "\U0001d400-\U0001d7ff\ufb00-\ufb06"
_COMPATIBLE = re.compile(f"[{_STYLED}\uff01-\uff5e]")
_COPIED = re.compile(f"[A-Za-z0-9][^\x00-\x7f]|[^\x00-\x7f][A-Za-z0-9]|[{_STYLED}]")

# Most names: visible ASCII that begins and ends with a letter, digit or brace has no trace; nothing else is checked.
_PLAIN = re.compile(r"[A-Za-z0-9_{](?:[ -~]*[A-Za-z0-9_}])?")
_ENDS = re.compile(r"^[,;:]+|[,;:]+$|(?<=\w)\.$")
_PLACEHOLDER = re.compile(
    r"""
    <(?![^<>]*@)[A-Za-z][^<>]*>                                                 # <name>, but not <ann@example.com>
    | (?:^|(?<=[:/@._-]))\$(?:\([^)]*\)?|[A-Za-z_]\w*)                           # $NAME, $(command)
    | %[A-Za-z_]+%
    | (?:^|(?<=[:/@.]))(?:YOUR[-_]\w[\w-]* | (?:replace|change|fill|REPLACE|CHANGE|FILL)[-_]?(?:me|ME)
        | your[-_](?:name|username|user|role|group|team|account|cluster|arn)(?:[-_](?:name|id|arn))?
        | (?:MY[-_])?(?:USER|GROUP|ROLE|TEAM|ACCOUNT|CLUSTER|SESSION|AWS_ACCOUNT)[-_](?:NAME|ID|ARN)
        | TODO | FIXME | X{3,})(?=$|[:/@.])
    """,
    re.VERBOSE,
)


def traces(text: str) -> tuple[Trace, ...]:
    """Every kind of trace in the text, in the order of the enum."""
    if _PLAIN.fullmatch(text):
        return ()
    seen = set()
    while step := next(((trace, cleaner) for trace, cleaner in _STEPS if cleaner(text) != text), None):
        seen.add(step[0])
        text = step[1](text)
    return tuple(trace for trace in Trace if trace in seen)


def cleaned(text: str) -> str:
    """The text without any trace; empty if nothing else is left."""
    if _PLAIN.fullmatch(text):
        return text
    for _, step in _STEPS * 2:
        text = step(text)
    return text if not traces(text) else cleaned(text)


def in_ascii_letters(text: str) -> str:
    """With an ASCII letter for every letter that looks like it, whatever is next to it."""
    made = "".join(_LOOK_ALIKE.get(letter) or _PUNCTUATION.get(letter) or letter for letter in text)
    return unicodedata.normalize("NFKC", made) if not made.isascii() else made


def placeholder(text: str) -> str:
    """A placeholder such as `<name>`, which should have been replaced with a real name; empty if there is none."""
    match = _PLACEHOLDER.search(text)
    return match[0] if match else ""


# Every placeholder contains one of them.
_PLACEHOLDER_HINTS = (
    *("<", "$", "%", "YOUR", "your", "REPLACE", "replace", "CHANGE", "change", "FILL", "fill", "TODO", "FIXME", "XXX"),
    *("_NAME", "-NAME", "_ID", "-ID", "_ARN", "-ARN"),
)


def placeholder_hints(text: str) -> tuple[str, ...]:
    """The parts of a text without which it has no placeholder: many texts are searched at once for them."""
    return tuple(hint for hint in _PLACEHOLDER_HINTS if hint in text)


def _without_quotes(text: str) -> str:
    text = re.sub(r"^\\(?=[\"'])|\\(?=[\"']$)|^- +", "", text)
    for first, last in map(tuple, _PAIRS):
        inner = text[1:-1]
        if len(text) > 1 and text[0] == first and text[-1] == last and not {first, last} & set(inner):
            return inner
    for end, rest in ((text[:1], text[1:]), (text[-1:], text[:-1])):
        if end in _QUOTES and end not in rest:
            return rest
    return text


def _alike(text: str) -> str:
    """In ASCII, if all of it looks like ASCII, and a letter that only looks so is next to one of ASCII."""
    if text.isascii() or not _COPIED.search(text):
        return text
    made = _COMPATIBLE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    made = "".join(_LOOK_ALIKE.get(letter) or _PUNCTUATION.get(letter) or letter for letter in made)
    return made if made.isascii() else text


_STEPS: tuple[tuple[Trace, Callable[[str], str]], ...] = (
    (Trace.BLANK, lambda text: CONTROL.sub("", text).strip()),
    (Trace.INVISIBLE, lambda text: _ODD_BLANK.sub(" ", _JOINER.sub("", _INVISIBLE.sub("", text)))),
    (Trace.QUOTES, _without_quotes),
    (Trace.LETTERS, _alike),
    # A dot may end the last word of several, as in `Jr.`.
    (Trace.ENDING, lambda text: text if text.endswith(".") and " " in text else _ENDS.sub("", text)),
)
