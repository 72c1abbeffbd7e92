"""Paths of keys of tarmak.yaml as people write them: `instancePools[worker].maxCount`, or absolute with a leading `/`.

This module only splits the text. `path_lookup` finds the key that a path means in a file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tarmak_iam.errors import SelectionError
from tarmak_iam.text import quoted, shortened

WHOLE = "."
"""The path of what all relative paths begin at: the cluster."""

ROOT = "/"
"""The path of the whole file, and the beginning of an absolute path."""

_PLAIN_KEY = r"[^\s.\[\]\"'=/]+\Z"
_PLAIN_NAME = r"(?!-?[0-9]+\Z)[^\s\[\]\"'=]+\Z"


class KeyStep(NamedTuple):
    """A key of a mapping."""

    name: str

    def __str__(self) -> str:
        return _spelled(self.name, _PLAIN_KEY)


class IndexStep(NamedTuple):
    """An item of a list by its index; a negative index counts from the end."""

    number: int

    def __str__(self) -> str:
        return f"[{self.number}]"


class NameStep(NamedTuple):
    """The item of a list with that name, or a list's plain item that is equal; with `keys` the item that has that value
    there."""

    name: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        keys = ".".join(_spelled(key, _PLAIN_KEY) for key in self.keys)
        return f"[{keys}{'=' if keys else ''}{_spelled(self.name, _PLAIN_NAME)}]"


PathStep = KeyStep | IndexStep | NameStep


class KeyPath(NamedTuple):
    """A path of keys. `is_absolute`: from the root of the file, otherwise from a cluster."""

    text: str
    steps: tuple[PathStep, ...]
    is_absolute: bool = False

    @classmethod
    def parse(cls, text: str, *, root: bool = False) -> KeyPath:
        """The path that a text stands for. With `root` it is absolute with or without a leading `/`. Raises
        SelectionError with the column of what is wrong, and what to write instead; TypeError for what is not a
        string."""
        if not isinstance(text, str):
            raise TypeError(f"a path must be a string, as in 'kubernetes.version', not {text!r}")
        is_absolute = text.startswith(ROOT)
        return cls(text, _parsed(text, len(ROOT) if is_absolute else 0), is_absolute or root)

    def __str__(self) -> str:
        """The path in its usual spelling."""
        text = joined(self.steps)
        if self.is_absolute:
            return f"{ROOT}{text}"
        return text or WHOLE

    def up_to(self, count: int) -> str:
        """The first steps in their usual spelling, for messages."""
        whole = "the file" if self.is_absolute else "the cluster"
        return str(KeyPath("", self.steps[:count], self.is_absolute)) if count else whole


def joined(steps: tuple[PathStep, ...]) -> str:
    """Steps in their usual spelling, without anything before them."""
    return "".join(f".{step}" if isinstance(step, KeyStep) else str(step) for step in steps).removeprefix(".")


def _spelled(name: str, plain: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return name if re.match(plain, name) else f'"{escaped}"'


_QUOTED = r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'"
_KEY = rf"(?:{_QUOTED}|([^\s.\[\]\"'=]+))"
_SELECTOR = rf"\[(?:{_QUOTED}|(?![\"'])([^\]=]*))(?:=(?:{_QUOTED}|(?![\"'])([^\]]*)))?\]"
_INDEX = r"-?[0-9]{1,9}\Z"


def _parsed(text: str, begin: int) -> tuple[PathStep, ...]:
    if text in (WHOLE, ROOT):
        return ()
    steps: list[PathStep] = []
    at = begin
    while at < len(text) or not steps:
        is_selector = bool(steps) and text[at] == "["
        match = re.compile(_SELECTOR if is_selector else rf"\.{_KEY}" if steps else _KEY).match(text, at)
        if match is not None and not re.match(r"\[(\*?\]|=)", match[0]):
            steps.append(_selector(match) if is_selector else KeyStep(_text(match, 1)))
            at = match.end()
            continue
        column, what, remedy = _flaw(text, at, is_first=not steps)
        raise SelectionError(f"path {quoted(text)}, column {column + 1}: {what}", remedy=shortened(remedy, 200))
    return tuple(steps)


def _selector(match: re.Match[str]) -> PathStep:
    name, is_plain = _text(match, 1), match[3] is not None
    if any(match[group] is not None for group in (4, 5, 6)):
        return NameStep(_text(match, 4), tuple(name.split(".")) if is_plain else (name,))
    return IndexStep(int(name)) if is_plain and re.match(_INDEX, name) else NameStep(name)


def _text(match: re.Match[str], group: int) -> str:
    """The text of a name that is in double quotes (the group), in single quotes, or plain (the next groups)."""
    if match[group] is not None:
        return re.sub(r"\\(.)", r"\1", match[group])
    return match[group + 1] if match[group + 1] is not None else match[group + 2].strip()


def _flaw(text: str, at: int, *, is_first: bool) -> tuple[int, str, str]:
    """The index of what is wrong, what it is, and what to write instead."""
    before, here, after = text[:at], text[at : at + 1], text[at + 1 :]
    is_selector = here == "[" and not is_first
    if (after[:1] if is_selector else here) in ("'", '"'):
        return at + is_selector, "the quotation marks are not around a whole key", "put the whole key in quotes"
    if is_selector:
        return at, "the brackets must name one item", "write [NAME], [INDEX] or [KEY=VALUE], as in [worker]"
    if here == "=":
        return at, "a path has no value", f"write the value as a separate argument: {before} {after}".rstrip()
    if here.isspace():
        return at, "a path has no blanks", "put a key that contains a blank in quotes"
    if here == "." and not is_first:
        rest = after.lstrip(".")
        return at + 1, "a key is missing", f"write {before}{'' if rest[:1] in ('', '[') else '.'}{rest}"
    what = "a key is missing" if is_first else "a dot is missing"
    if "/" in text[1:]:
        return at, what, f"write {text[: text.startswith(ROOT)]}{text.lstrip('./').replace('/', '.')}"
    return at, what, "write a key such as kubernetes.version" if is_first else "write a dot before each key"
