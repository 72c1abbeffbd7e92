"""Paths of keys of tarmak.yaml as people write them: `instancePools[worker].maxCount`, or absolute with a leading `/`.

This module only splits the text. `path_lookup` finds the key that a path means in a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from tarmak_iam.errors import SelectionError
from tarmak_iam.text import quoted, shortened

WHOLE = "."
"""The path of what all relative paths begin at: the cluster."""

ROOT = "/"
"""The path of the whole file, and the beginning of an absolute path."""


@dataclass(frozen=True, slots=True)
class KeyStep:
    """A key of a mapping. `column` is where it begins in the text, from 1."""

    name: str
    column: int = 0

    def __str__(self) -> str:
        return self.name if re.match(_PLAIN_KEY, self.name) else _in_quotes(self.name)


@dataclass(frozen=True, slots=True)
class IndexStep:
    """An item of a list by its index; a negative index counts from the end."""

    index: int
    column: int = 0

    def __str__(self) -> str:
        return f"[{self.index}]"


@dataclass(frozen=True, slots=True)
class NameStep:
    """The item of a list with that name, or a list's plain item that is equal."""

    name: str
    column: int = 0

    def __str__(self) -> str:
        return f"[{self.name if re.match(_PLAIN_NAME, self.name) else _in_quotes(self.name)}]"


@dataclass(frozen=True, slots=True)
class MatchStep:
    """The item of a list that has that value at `keys`."""

    keys: tuple[str, ...]
    value: str
    column: int = 0

    def __str__(self) -> str:
        value = self.value if re.match(_PLAIN_NAME, self.value) else _in_quotes(self.value)
        return f"[{'.'.join(str(KeyStep(key)) for key in self.keys)}={value}]"


PathStep = KeyStep | IndexStep | NameStep | MatchStep


@dataclass(frozen=True, slots=True)
class KeyPath:
    """A path of keys. `is_absolute`: from the root of the file, otherwise from a cluster."""

    text: str
    steps: tuple[PathStep, ...]
    is_absolute: bool = False

    @classmethod
    def parse(cls, text: str, *, root: bool = False) -> KeyPath:
        """The path that a text stands for. With `root` it is absolute with or without a leading `/`.

        Raises SelectionError with the column of what is wrong, and what to write instead; TypeError for what is not a
        string.
        """
        if not isinstance(text, str):
            raise TypeError(f"a path must be a string, as in 'kubernetes.version', not {text!r}")
        return _Parser(text).path(root=root)

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


_PLAIN_KEY = r"[^\s.\[\]\"'=/]+\Z"

_PLAIN_NAME = r"(?!-?[0-9]+\Z)[^\s\[\]\"'=]+\Z"

_KEY = r"[^\s.\[\]\"'=]+"

_INDEX = r"-?[0-9]+\Z"

_LONGEST_INDEX = 10

_QUOTED = r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'"

_ESCAPED = r"\\(.)"

_QUOTE_BLANK = "put a key that contains a blank in quotes"

_EXAMPLE = "write a key such as kubernetes.version"


def _in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._steps: list[PathStep] = []

    def path(self, *, root: bool) -> KeyPath:
        is_absolute = self._text.startswith(ROOT)
        self._at = len(ROOT) if is_absolute else 0
        if not self._text:
            self._fail("a path is required", _EXAMPLE)
        if self._text not in (WHOLE, ROOT):
            self._key()
            while self._at < len(self._text):
                self._next()
        return KeyPath(self._text, tuple(self._steps), is_absolute or root)

    def _next(self) -> None:
        before, here, after = self._text[: self._at], self._text[self._at], self._text[self._at + 1 :]
        if here == "[":
            self._selector()
        elif here == ".":
            self._at += 1
            self._key()
        elif here == "]":
            self._fail("there is a ] without [", f"write {before}{after}")
        elif here == "=":
            self._fail("a path has no value", f"write the value as a separate argument: {before} {after}".rstrip())
        elif here.isspace():
            self._fail("a path has no blanks", _QUOTE_BLANK)
        elif here in "\"'" and before[-1] not in "]\"'":
            self._fail("a quotation mark is inside of a key", "put the whole key in quotes, or nothing of it")
        else:
            rest = f"{here}{after}".removeprefix("/").replace("/", ".")
            self._fail("a dot is missing", f"write {before}.{rest}")

    def _key(self) -> None:
        step = self._in_quotes()
        match = re.compile(_KEY).match(self._text, self._at) if step is None else None
        if match is not None:
            step = KeyStep(match[0], self._at + 1)
            self._at = match.end()
        if step is None:
            self._no_key()
        self._steps.append(step)

    def _no_key(self) -> NoReturn:
        before, after = self._text[: self._at], self._text[self._at :]
        here, remedy = after[:1], _EXAMPLE
        if here.isspace():
            self._fail("a path has no blanks", _QUOTE_BLANK)
        is_double = here in (".", "") and before.endswith((".", ROOT)) and len(before) > 1
        rest = after.lstrip("./").replace("/", ".")
        if is_double or (here == "[" and before.endswith(".")):
            remedy = f"write {before[:-1]}{after}"
        elif here == "." and not self._steps and rest:
            remedy = f"write {before}{rest}"
        elif here == "[":
            remedy = "write the key of a list before the bracket, as in instancePools[worker]"
        self._fail("a key is missing", remedy)

    def _selector(self) -> None:
        column = self._at + 1
        self._at += 1
        text, is_quoted = self._name("]=")
        value = None
        if self._text[self._at : self._at + 1] == "=":
            self._at += 1
            value, _ = self._name("]")
        self._close(column)
        if value is not None:
            keys = (text,) if is_quoted else tuple(text.split("."))
            if not all(keys):
                self._fail("a key is missing before =", "write a key and its value, as in [type=worker]", column)
            self._steps.append(MatchStep(keys, value, column))
        elif not is_quoted and re.match(_INDEX, text) and len(text) <= _LONGEST_INDEX:
            self._steps.append(IndexStep(int(text), column))
        elif text in ("", "*"):
            what = "a path means one item, and there is no wildcard" if text else "the brackets are empty"
            self._fail(what, "write the name or the index of an item, as in [worker] or [0]", column)
        else:
            self._steps.append(NameStep(text, column))

    def _name(self, ends: str) -> tuple[str, bool]:
        """What is in the brackets, and whether it is in quotes."""
        step = self._in_quotes()
        if step is not None:
            return step.name, True
        begin = self._at
        while self._at < len(self._text) and self._text[self._at] not in ends:
            self._at += 1
        return self._text[begin : self._at].strip(), False

    def _close(self, column: int) -> None:
        if self._text[self._at : self._at + 1] != "]":
            if self._at < len(self._text):
                self._fail("a ] is missing", "write ] after the closing quotation mark")
            name = "" if self._text[column:] else "NAME"
            self._fail("the ] of this [ is missing", f"write {self._text}{name}]", column)
        self._at += 1

    def _in_quotes(self) -> KeyStep | None:
        if self._text[self._at : self._at + 1] not in ('"', "'"):
            return None
        match = re.compile(_QUOTED).match(self._text, self._at)
        if match is None:
            end = self._text.find("]", self._at) % (len(self._text) + 1)  # -1 is the end
            remedy = f"write {self._text[:end]}{self._text[self._at]}{self._text[end:]}"
            self._fail("the closing quotation mark is missing", remedy)
        column, self._at = self._at + 1, match.end()
        return KeyStep(re.sub(_ESCAPED, r"\1", match[1]) if match[2] is None else match[2], column)

    def _fail(self, what: str, remedy: str, column: int | None = None) -> NoReturn:
        at = self._at + 1 if column is None else column
        raise SelectionError(f"path {quoted(self._text)}, column {at}: {what}", remedy=shortened(remedy, 200))
