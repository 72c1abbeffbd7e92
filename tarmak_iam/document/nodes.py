"""The one node type that both readers (YAML and strict JSON) produce.

Spans are offsets in code points into `Source.text`. A node's span covers its anchor and tag; a block
collection ends where its last leaf ends, never behind trailing comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Alias", "Entry", "Mapping", "Node", "Scalar", "Sequence", "Span", "Style", "dereference"]

Style = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """`text` is the content after YAML's own unfolding and unescaping; `tag` the explicit tag, if any."""

    span: Span
    text: str
    style: Style
    tag: str | None = None
    anchor: str | None = None

    @property
    def is_block(self) -> bool:
        return self.style in ("literal", "folded")


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    span: Span
    items: tuple[Node, ...]
    flow: bool
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One `key: value` of a mapping. `occurrence` counts equal scalar keys before it."""

    key: Node
    value: Node
    occurrence: int = 0

    @property
    def text(self) -> str | None:
        """The key's text, None if the key is a collection."""
        key = dereference(self.key)
        return key.text if isinstance(key, Scalar) else None

    @property
    def is_merge(self) -> bool:
        """yaml.v2's isMerge: a plain `<<` or one tagged as merge."""
        key = self.key
        if not isinstance(key, Scalar) or key.text != "<<":
            return False
        return (key.style == "plain" and key.tag is None) or key.tag == "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    span: Span
    entries: tuple[Entry, ...]
    flow: bool
    tag: str | None = None
    anchor: str | None = None
    _last: dict[str, Entry] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        last = {entry.text: entry for entry in self.entries if entry.text is not None}
        object.__setattr__(self, "_last", last)

    def last(self, text: str) -> Entry | None:
        """The last entry of that key written in this mapping itself (merges not looked into)."""
        return self._last.get(text)

    def occurrence(self, text: str, number: int) -> Entry | None:
        if number < 0:
            return self.last(text)
        return next((e for e in self.entries if e.text == text and e.occurrence == number), None)

    def effective(self, text: str) -> Entry | None:
        """The entry that yaml.v2 takes: in file order, a later one overrides, a later `<<` too."""
        if not any(entry.is_merge for entry in self.entries):
            return self.last(text)
        found = None
        for entry in self.entries:
            if entry.is_merge:
                found = _merged(entry.value, text) or found
            elif entry.text == text:
                found = entry
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """`*name`; `target` is the anchored node, None only while the anchor is still open (it contains itself)."""

    span: Span
    name: str
    target: Node | None
    tag: None = None
    anchor: None = None


Node = Scalar | Sequence | Mapping | Alias


def dereference(node: Node) -> Node:
    """The node an alias stands for; any other node is itself."""
    while isinstance(node, Alias) and node.target is not None:
        node = node.target
    return node


def _merged(node: Node, text: str) -> Entry | None:
    """The entry of `text` that a merge value brings: in a list of merges the first wins."""
    node = dereference(node)
    if isinstance(node, Mapping):
        return node.effective(text)
    if isinstance(node, Sequence):
        for item in map(dereference, node.items):
            found = item.effective(text) if isinstance(item, Mapping) else None
            if found:
                return found
    return None


def walk(node: Node) -> Iterator[Node]:
    """Every node in file order, aliases not followed. Iterative: a document may be 200 levels deep."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Sequence):
            stack.extend(reversed(current.items))
        elif isinstance(current, Mapping):
            for entry in reversed(current.entries):
                stack.extend((entry.value, entry.key))
