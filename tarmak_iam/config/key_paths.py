"""Paths of keys of tarmak.yaml as people write them: `instancePools[worker].maxCount`, or absolute with a leading `/`;
and as jq, yq, JSONPath and Helm have them: `.clusters[0].name`, `{.items[*]}`, `a["b"]`, `a.0`, `a.b\\.c`."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, root_field
from tarmak_iam.errors import SelectionError
from tarmak_iam.text import quoted, shortened

WHOLE, ROOT = ".", "/"
"""The path of the cluster, which relative paths begin at; that of the whole file, which absolute paths begin with."""

_PLAIN_KEY = r"(?!\*\Z)[^\s.\[\]\"'=/\\{$]+\Z"
_PLAIN_NAME = r"(?!-?[0-9]+\Z|\*\Z|\?)[^\s\[\]\"'=\\]+\Z"


class KeyStep(NamedTuple):
    """A key of a mapping."""

    name: str

    def __str__(self) -> str:
        return _spelled(self.name, _PLAIN_KEY)


class IndexStep(NamedTuple):
    """An item of a list; a negative number counts from its end."""

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


class EachStep(NamedTuple):
    """Every item of a list."""

    def __str__(self) -> str:
        return "[*]"


PathStep = KeyStep | IndexStep | NameStep | EachStep


class KeyPath(NamedTuple):
    """A path of keys. `is_absolute`: from the root of the file, otherwise from a cluster. `is_guess`: that is so only
    because the file has such a key, and a cluster has not."""

    text: str
    steps: tuple[PathStep, ...]
    is_absolute: bool = False
    is_guess: bool = False

    @classmethod
    def parse(cls, text: str, *, root: bool = False) -> KeyPath:
        """The path that a text stands for. With `root` it is absolute with or without a leading `/`. Raises
        SelectionError with the column of what is wrong, and what to write instead; TypeError if it is no string."""
        if not isinstance(text, str):
            raise TypeError(f"a path must be a string, as in 'kubernetes.version', not {text!r}")
        is_absolute, is_braced = root or text.startswith(ROOT), text.startswith("{") and text.endswith("}")
        body, steps = text[:-1] if is_braced else text, list[PathStep]()
        prefix = re.match(r"\{?(/|\$?\.?)" if is_braced else r"/|\$?\.?", text)
        at = prefix.end() if prefix is not None else 0
        while text not in (WHOLE, ROOT) and (at < len(body) or not steps):
            selector = re.compile(_SELECTOR).match(body, at)
            match = selector or re.compile(rf"[./]{_KEY}" if steps else _KEY).match(body, at)
            if match is None:
                column, what, remedy = _flaw(body, at, is_first=not steps)
                raise SelectionError(f"path {quoted(text)}, column {column + 1}: {what}", remedy=remedy)
            key = EachStep() if match[3] == "*" else KeyStep(_text(match, 1))
            steps.append(key if selector is None else _selector(selector))
            at = match.end()
        if steps and isinstance(steps[0], NameStep) and not steps[0].keys:
            steps[0] = KeyStep(steps[0].name)  # cluster and file are no lists
        first = steps[0].name.partition("/")[0] if steps and isinstance(steps[0], KeyStep) else ""
        is_guess = not is_absolute and first in root_field().fields and first not in CLUSTER_FIELD.fields
        return cls(text, tuple(steps), is_absolute or is_guess, is_guess)

    def __str__(self) -> str:
        """The path in its usual spelling."""
        text = joined(self.steps)
        return f"{ROOT}{text}" if self.is_absolute else text or WHOLE


def joined(steps: tuple[PathStep, ...]) -> str:
    """Steps in their usual spelling, without anything before them."""
    return "".join(f".{step}" if isinstance(step, KeyStep) else str(step) for step in steps).removeprefix(".")


def _spelled(name: str, plain: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return name if re.match(plain, name) else f'"{escaped}"'


_QUOTED = r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'"
_KEY = rf"(?:{_QUOTED}|((?:\\.|[^\s.\[\]\"'=\\])+))"
# A filter of JSONPath, `[?(@.type=="worker")]`, means one item here.
_SELECTOR = rf"\.?\[(?:\?\(@\.)?(?:{_QUOTED}|(?![\"'=?])([^\]=]*))(?:={{1,2}}\s*(?:{_QUOTED}|(?![\"'])([^\]]*))\)?)?\]"
INDEX = r"-?[0-9]{1,9}\Z"


def _selector(match: re.Match[str]) -> PathStep:
    name, is_plain = _text(match, 1), match[3] is not None
    if match.group(4, 5, 6) != (None, None, None):
        return NameStep(_text(match, 4), tuple(name.split(".")) if is_plain else (name,))
    if is_plain and name in ("", "*"):
        return EachStep()
    return IndexStep(int(name)) if is_plain and re.match(INDEX, name) else NameStep(name)


def _text(match: re.Match[str], group: int) -> str:
    """The text of a name that is in double quotes (the group), in single quotes, or plain (the next groups)."""
    if match[group + 1] is not None:
        return match[group + 1]
    return re.sub(r"\\(.)", r"\1", match[group] if match[group] is not None else match[group + 2].strip())


def _flaw(text: str, at: int, *, is_first: bool) -> tuple[int, str, str]:
    """The index of what is wrong, what it is, and what to write instead."""
    here, after = text[at : at + 1], text[at + 1 :]
    is_selector = here == "["
    if (after[:1] if is_selector else here) in ("'", '"'):
        return at + is_selector, "the quotation marks are not around a whole key", "put the whole key in quotes"
    if is_selector:
        return at, "the brackets must name one item", "write [NAME], [INDEX] or [KEY=VALUE], as in [worker]"
    if text[:at].strip() and (given := re.match(rf"(?s)\s*=\s*(?:{_QUOTED}|(.*))\Z", text[at:])):
        pair = shlex.join((text[:at], next(filter(None, given.groups()), "VALUE")))
        return at, "a path has no value", f"write path and value as two arguments: {shortened(pair)}"
    if text[at:].lstrip().startswith("|"):
        return at, "a path has no filters", "choose an item with [KEY=VALUE], as in instancePools[type=worker]"
    if here.isspace():
        return at, "a path has no blanks", "put a key that contains a blank in quotes"
    if here == "." and not is_first:
        return at + 1, "a key is missing", "remove the dot before it"
    if is_first:
        return at, "a key is missing", "write a key, or . for the whole cluster"
    return at, "a dot is missing", "write a dot before each key"
