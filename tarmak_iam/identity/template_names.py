"""The templates that usernames and groups may have, and what a text in braces is for the daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "PRIVATE_DNS",
    "SESSION_TEMPLATES",
    "TEMPLATES",
    "Braced",
    "braced",
    "bracketed",
    "can_become",
    "can_begin",
    "could_be",
    "fixed_prefix",
    "has_session",
    "templates_in",
]

TEMPLATES = ("AccountID", "SessionName", "SessionNameRaw", "AccessKeyID", "EC2PrivateDNSName")
"""Every template that some release replaces."""

SESSION_TEMPLATES = ("{{SessionName}}", "{{SessionNameRaw}}")
"""What the caller chooses who may assume a role: the role session name."""

PRIVATE_DNS = "{{EC2PrivateDNSName}}"

# What each one can become: a role session name is [\w+=,.@-]{2,64} (STS), so that a colon is never the caller's choice.
# `{{SessionName}}` has `-` for each `@` of it.
_BECOMES = {
    "AccountID": "[0-9]{12}",
    "SessionName": "[A-Za-z0-9_+=,.-]*",
    "SessionNameRaw": "[A-Za-z0-9_+=,.@-]*",
    "AccessKeyID": "[A-Za-z0-9_]*",
    "EC2PrivateDNSName": "[A-Za-z0-9.-]*",
}
# Any part of it.
_CHARACTERS = {name: pattern.replace("{12}", "*") for name, pattern in _BECOMES.items()}

_BRACED = re.compile(r"\$?\{+([^{}]*)\}*")
_NAMED = "|".join(TEMPLATES)
_BRACKETED = re.compile(rf"(?i)[\[<(%]+[\s.]*(?P<inside>{_NAMED})\s*[\]>)%]+|\$(?P<behind>{_NAMED})\b")
_EXACT = {f"{{{{{name}}}}}": name for name in TEMPLATES}
_PARTS = re.compile(f"({'|'.join(map(re.escape, _EXACT))})")


@dataclass(frozen=True, slots=True)
class Braced:
    """A text in braces: as `text` it stands there, `inner` is what is in the braces; `name` is None for one that the
    daemon does not know and leaves as it is."""

    text: str
    inner: str
    name: str | None


def braced(text: str) -> Iterator[Braced]:
    for match in _BRACED.finditer(text):
        yield Braced(match[0], match[1], _EXACT.get(match[0]))


def bracketed(text: str) -> Iterator[Braced]:
    """The names of templates in other brackets than braces, or behind a dollar sign."""
    for match in _BRACKETED.finditer(text):
        yield Braced(match[0], match["inside"] or match["behind"], None)


def templates_in(text: str) -> set[str]:
    """The names of the templates that are replaced in a text, whatever is around them."""
    return {name for exact, name in _EXACT.items() if exact in text}


def has_session(text: str) -> bool:
    """Whether the role session name becomes part of a text."""
    return any(template in text for template in SESSION_TEMPLATES)


def could_be(text: str) -> re.Pattern[str]:
    """What a username or group with templates can become, for `fullmatch`; without any, the text itself."""
    pattern = re.escape(text)
    for exact, name in _EXACT.items():
        pattern = pattern.replace(re.escape(exact), _BECOMES[name])
    return re.compile(pattern)


def can_become(text: str, name: str) -> bool:
    """Whether a username or group is a name, or becomes it for some caller."""
    return text == name or (bool(templates_in(text)) and could_be(text).fullmatch(name) is not None)


def can_begin(text: str, prefix: str) -> bool:
    """Whether a username or group begins with a prefix, or becomes something that does for some caller."""
    return _can_begin([part for part in _PARTS.split(text) if part], prefix)


def _can_begin(parts: list[str], prefix: str) -> bool:
    if not prefix or not parts:
        return not prefix
    first, *others = parts
    name = _EXACT.get(first)
    if name is None:
        length = min(len(first), len(prefix))
        return first[:length] == prefix[:length] and _can_begin(others, prefix[length:])
    taken = re.match(_CHARACTERS[name], prefix)
    longest = taken.end() if taken else 0
    return any(_can_begin(others, prefix[length:]) for length in range(longest + 1))


def fixed_prefix(text: str) -> str:
    """What stands before the first part that the caller chooses; the whole text where there is none."""
    starts = [text.find(template) for template in SESSION_TEMPLATES if template in text]
    return text[: min(starts)] if starts else text
