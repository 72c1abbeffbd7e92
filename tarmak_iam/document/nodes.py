"""The one node type that both readers (YAML and strict JSON) produce, and where a node's own text begins.

Spans are offsets in code points into `Source.text`. A node's span covers its anchor and tag; a block
collection ends where its last leaf ends, never behind trailing comments.

Nodes are never changed. Their fields are Final for the type checker and not frozen at run time, which
would make reading a file a third slower: a document has thousands of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeGuard

Style = Literal["plain", "single", "double", "literal", "folded"]

_MERGE_TAG = "tag:yaml.org,2002:merge"


class Span(NamedTuple):
    start: int
    end: int


@dataclass(slots=True, eq=False)
class _Spanned:
    """`start` and `end` are a node's own; they are a span only where somebody asks for one."""

    start: Final[int]
    end: Final[int]

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(slots=True, eq=False)
class Scalar(_Spanned):
    """`text` is the content after YAML's own unfolding and unescaping; `tag` the explicit tag, if any."""

    text: Final[str]
    style: Final[Style]
    tag: Final[str | None] = None
    anchor: Final[str | None] = None

    @property
    def is_block(self) -> bool:
        return self.style in ("literal", "folded")


@dataclass(slots=True, eq=False)
class Sequence(_Spanned):
    items: Final[tuple[Node, ...]]
    flow: Final[bool]
    tag: Final[str | None] = None
    anchor: Final[str | None] = None


@dataclass(slots=True, eq=False)
class Entry:
    """One `key: value` of a mapping. `text` is a scalar key's (None: the key is a collection), `occurrence`
    counts the keys of the same text before it; `is_merge` is yaml.v2's: a plain `<<`, or one tagged so."""

    key: Final[Node]
    value: Final[Node]
    text: Final[str | None]
    occurrence: Final[int]
    is_merge: Final[bool]


@dataclass(slots=True, eq=False)
class Mapping(_Spanned):
    """Made by `Mapping.of`. `lasts` has the last entry of every key text, `merges` whether any entry is a merge."""

    entries: Final[tuple[Entry, ...]]
    flow: Final[bool]
    tag: Final[str | None]
    anchor: Final[str | None]
    lasts: Final[dict[str, Entry]]
    merges: Final[bool]
    natives: list[Any] | None = field(default=None, init=False, repr=False)
    """The keys as they are in the plain data: worked out once by whoever needs them first (`target.native_keys`)."""

    @classmethod
    def of(
        cls,
        span: Span,
        pairs: Iterable[tuple[Node, Node]],
        flow: bool,
        tag: str | None = None,
        anchor: str | None = None,
    ) -> Mapping:
        entries: list[Entry] = []
        lasts: dict[str, Entry] = {}
        merges = False
        for key, value in pairs:
            scalar = key if isinstance(key, Scalar) else dereference(key)
            if not isinstance(scalar, Scalar):
                entries.append(Entry(key, value, None, 0, False))
                continue
            text = scalar.text
            is_merge = text == "<<" and key is scalar and _is_merge(scalar)
            merges = merges or is_merge
            occurrence = lasts[text].occurrence + 1 if text in lasts else 0
            lasts[text] = entry = Entry(key, value, text, occurrence, is_merge)
            entries.append(entry)
        return cls(*span, tuple(entries), flow, tag, anchor, lasts, merges)

    def last(self, text: str) -> Entry | None:
        """The last entry of that key written in this mapping itself (merges not looked into)."""
        return self.lasts.get(text)

    def occurrence(self, text: str, number: int) -> Entry | None:
        if number < 0:
            return self.last(text)
        return next((e for e in self.entries if e.text == text and e.occurrence == number), None)

    def effective(self, text: str) -> Entry | None:
        """The entry that yaml.v2 takes: in file order, a later one overrides, a later `<<` too."""
        if not self.merges:
            return self.last(text)
        found = None
        for entry in self.entries:
            if entry.is_merge:
                found = merged_entry(entry.value, text) or found
            elif entry.text == text:
                found = entry
        return found


@dataclass(slots=True, eq=False)
class Alias(_Spanned):
    """`*name`; `target` is the anchored node."""

    name: Final[str]
    target: Final[Node]
    tag: Final[None] = None
    anchor: Final[None] = None


Node = Scalar | Sequence | Mapping | Alias


def is_block(node: Node | None) -> TypeGuard[Mapping | Sequence]:
    """Whether the node is a mapping or list in block style."""
    return isinstance(node, (Mapping, Sequence)) and not node.flow


def dereference(node: Node) -> Node:
    """The node an alias stands for; any other node is itself."""
    while isinstance(node, Alias):
        node = node.target
    return node


def _is_merge(key: Scalar) -> bool:
    return (key.style == "plain" and key.tag is None) or key.tag == _MERGE_TAG


def merged_entry(node: Node, text: str) -> Entry | None:
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


STANDARD_TAG = "tag:yaml.org,2002:"
"""What `!!` stands for."""

_PROPERTY = re.compile(r"(?:!<[^>\r\n]*>|[&!][^ \t\r\n,\[\]{}]*)(?:[ \t]|\r\n?|\n|#[^\r\n]*)*")


def content_start(text: str, node: Node) -> int:
    """Where a node's own text begins, behind its anchor and tag (and a comment between them)."""
    at = node.span.start
    for _ in range((node.anchor is not None) + (node.tag is not None)):
        match = _PROPERTY.match(text, at, max(node.span.end, at))
        at = match.end() if match else at
    return at
