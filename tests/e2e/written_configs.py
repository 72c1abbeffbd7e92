"""Configurations as they are written: keys may be doubled and scalars of any kind, which no dictionary can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["MERGE", "Pairs", "Raw", "Written", "as_flow", "as_json", "as_yaml", "smaller"]


@dataclass(frozen=True)
class Raw:
    """A scalar as it stands in the text."""

    text: str


@dataclass(frozen=True)
class Pairs:
    """A mapping."""

    items: tuple[tuple[str, Written], ...]

    @classmethod
    def of(cls, *items: tuple[str, Written]) -> Pairs:
        return cls(items)


Written: TypeAlias = "str | Raw | Pairs | tuple[Written, ...]"

MERGE = "<<"
_PLAIN = re.compile(r"[A-Za-z][\w.]*\Z")


def as_flow(value: Written) -> str:
    """On one line, which JSON is too where every `Raw` is and no key is that of a merge."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{_flow_key(key)}: {as_flow(each)}" for key, each in value.items) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(as_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


as_json = as_flow


def as_yaml(value: Written, indent: str = "") -> str:
    """Mappings and lists as blocks, down to the entries of lists."""
    if isinstance(value, Pairs) and value.items:
        return "".join(f"{indent}{_key(key)}:{_below(each, indent)}" for key, each in value.items)
    if isinstance(value, tuple) and value:
        return "".join(f"{indent}- {as_flow(each)}\n" for each in value)
    return f"{indent}{as_flow(value)}\n"


def _below(value: Written, indent: str) -> str:
    is_block = isinstance(value, (Pairs, tuple)) and bool(value.items if isinstance(value, Pairs) else value)
    return f"\n{as_yaml(value, indent + '  ')}" if is_block else f" {as_flow(value)}\n"


def _flow_key(text: str) -> str:
    return text if text == MERGE else json.dumps(text)


def _key(text: str) -> str:
    return text if text == MERGE or _PLAIN.match(text) else json.dumps(text)


def smaller(value: Any) -> Iterator[Any]:
    """The same with one thing less, the largest first."""
    if isinstance(value, Pairs):
        for index in range(len(value.items)):
            yield Pairs(value.items[:index] + value.items[index + 1 :])
        for index, (key, inner) in enumerate(value.items):
            for less in smaller(inner):
                yield Pairs((*value.items[:index], (key, less), *value.items[index + 1 :]))
    elif isinstance(value, tuple):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, inner in enumerate(value):
            for less in smaller(inner):
                yield (*value[:index], less, *value[index + 1 :])
