"""Configurations as they are written: keys may be doubled and scalars of any kind, which no dictionary can hold."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["MERGE", "Pairs", "Raw", "Written", "as_flow", "as_yaml"]


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


def as_yaml(value: Written, indent: str = "") -> str:
    """Mappings and lists as blocks, down to the entries of lists."""
    if isinstance(value, tuple) and value:
        return "".join(f"{indent}- {as_flow(each)}\n" for each in value)
    if not isinstance(value, Pairs) or not value.items:
        return f"{indent}{as_flow(value)}\n"
    lines = []
    for key, each in value.items:
        is_block = isinstance(each, (Pairs, tuple)) and bool(each.items if isinstance(each, Pairs) else each)
        below = f"\n{as_yaml(each, indent + '  ')}" if is_block else f" {as_flow(each)}\n"
        lines.append(f"{indent}{key if key == MERGE or _PLAIN.match(key) else json.dumps(key)}:{below}")
    return "".join(lines)


def _flow_key(text: str) -> str:
    return text if text == MERGE else json.dumps(text)
