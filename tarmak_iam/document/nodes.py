"""The node types that both readers (YAML and strict JSON) produce, and where a node's own text begins.

Spans are offsets into `Source.text` in code points. A node's span includes its anchor and tag. A block collection ends
where its last leaf ends, not after trailing comments.

Nodes are never changed. Their fields are Final for the type checker but not frozen at run time, because that would
make reading a file a third slower: a document has thousands of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeGuard

Style = Literal["plain", "single", "double", "literal", "folded"]
STANDARD_TAG = "tag:yaml.org,2002:"
"""The prefix that `!!` abbreviates."""


class Span(NamedTuple):
    start: int
    end: int


@dataclass(slots=True, eq=False)
class _Spanned:
    """A node with `start` and `end`. A Span is only made when `span` is read."""

    start: Final[int]
    end: Final[int]

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(slots=True, eq=False)
class Scalar(_Spanned):
    """A scalar. `text` is its content after unfolding and unescaping; `tag` is the explicit tag, or None."""

    text: Final[str]
    style: Final[Style]
    tag: Final[str | None] = None
    anchor: Final[str | None] = None

    @property
    def is_block(self) -> bool:
        return self.style in ("literal", "folded")


@dataclass(slots=True, eq=False)
class Sequence(_Spanned):
    """A list."""

    items: Final[tuple[Node, ...]]
    flow: Final[bool]
    tag: Final[str | None] = None
    anchor: Final[str | None] = None


@dataclass(slots=True, eq=False)
class Entry:
    """One `key: value` of a mapping.

    `text` is the text of a scalar key (None: the key is a collection). `occurrence` is the number of equal keys before
    it. `is_merge` is true for a merge key as yaml.v2 defines it: a plain `<<`, or one with the merge tag.
    """

    key: Final[Node]
    value: Final[Node]
    text: Final[str | None]
    occurrence: Final[int]
    is_merge: Final[bool]

    @property
    def span(self) -> Span:
        return Span(self.key.start, self.value.end)


@dataclass(slots=True, eq=False)
class Mapping(_Spanned):
    """A mapping, created by `Mapping.of`. `lasts`: the last entry of each key text; `merge_entries`: the merge keys."""

    entries: Final[tuple[Entry, ...]]
    flow: Final[bool]
    tag: Final[str | None]
    anchor: Final[str | None]
    lasts: Final[dict[str, Entry]]
    merge_entries: Final[tuple[Entry, ...]]
    # Filled in on first use, by `occurrence` and by `target`: the entries by key and number among equal keys, and the
    # keys in the plain data.
    occurrences: dict[tuple[str | None, int], Entry] | None = field(default=None, init=False, repr=False)
    natives: list[Any] | None = field(default=None, init=False, repr=False)

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
        merges: list[Entry] = []
        for key, value in pairs:
            scalar = key if type(key) is Scalar else dereference(key)
            if type(scalar) is not Scalar:
                entries.append(Entry(key, value, None, 0, False))
                continue
            text = scalar.text
            is_plain = scalar.style == "plain" and scalar.tag is None
            is_merge = text == "<<" and key is scalar and (is_plain or scalar.tag == f"{STANDARD_TAG}merge")
            occurrence = lasts[text].occurrence + 1 if text in lasts else 0
            lasts[text] = entry = Entry(key, value, text, occurrence, is_merge)
            entries.append(entry)
            if is_merge:
                merges.append(entry)
        return cls(*span, tuple(entries), flow, tag, anchor, lasts, tuple(merges))

    def last(self, text: str) -> Entry | None:
        """The last entry with that key in this mapping itself, without merged ones; None if there is none."""
        return self.lasts.get(text)

    def occurrence(self, text: str, number: int) -> Entry | None:
        if number < 0:
            return self.last(text)
        if self.occurrences is None:
            self.occurrences = {(entry.text, entry.occurrence): entry for entry in self.entries}
        return self.occurrences.get((text, number))

    def effective(self, text: str) -> Entry | None:
        """The entry that yaml.v2 uses: a later entry overrides earlier ones, and so does a later `<<`."""
        last = self.last(text)
        if last is not None and last.is_merge:  # a quoted "<<" may be above it
            last = next((entry for entry in reversed(self.entries) if entry.text == text and not entry.is_merge), None)
        for entry in reversed(self.merge_entries):
            if last is not None and entry.key.start < last.key.start:
                break
            merged = merged_entry(entry.value, text)
            if merged:
                return merged
        return last


@dataclass(slots=True, eq=False)
class Alias(_Spanned):
    """An alias, `*name`; `target` is the anchored node."""

    name: Final[str]
    target: Final[Node]
    tag: Final[None] = None
    anchor: Final[None] = None


Node = Scalar | Sequence | Mapping | Alias


def is_custom_tag(tag: str) -> bool:
    """Whether a tag is not a standard one (`!!str`, `!`), which fits only the value that it was written for."""
    return tag != "!" and not tag.startswith(STANDARD_TAG)


def is_block(node: Node | None) -> TypeGuard[Mapping | Sequence]:
    """Whether the node is a mapping or list in block style."""
    return isinstance(node, (Mapping, Sequence)) and not node.flow


def dereference(node: Node) -> Node:
    """The node that an alias refers to, which is no alias; any other node is returned as it is."""
    return node.target if isinstance(node, Alias) else node


def merged_entry(node: Node, text: str) -> Entry | None:
    """The entry with the key `text` in the value of a merge key; in a list of mappings the first one wins."""
    node = dereference(node)
    merged = map(dereference, node.items) if isinstance(node, Sequence) else (node,)
    entries = (mapping.effective(text) for mapping in merged if isinstance(mapping, Mapping))
    return next((entry for entry in entries if entry), None)


def walk(node: Node) -> Iterator[Node]:
    """Every node in file order; aliases are not followed. Iterative, because a document may be 200 levels deep."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if type(current) is Sequence:
            stack += reversed(current.items)
        elif type(current) is Mapping:
            for entry in reversed(current.entries):
                stack += (entry.value, entry.key)


_LINE_END = re.compile(r"[\r\n\x85\u2028\u2029]|\Z")
PROPERTY = re.compile(r"(!<[^>\r\n]*>|[&!][^ \t\r\n,\[\]{}]*)(?:[ \t]|\r\n?|\n|#[^\r\n]*)*")
"""An anchor or a tag (group 1), with the blanks, line breaks and comments after it."""


def after_properties(text: str, at: int, end: int, count: int) -> int:
    """The offset after so many anchors and tags, and comments between them."""
    for _ in range(count):
        match = PROPERTY.match(text, at, max(end, at))
        at = match.end() if match else at
    return at


def content_start(text: str, node: Node) -> int:
    """The offset where a node's own text begins, after its anchor and tag (and a comment between them)."""
    return after_properties(text, node.start, node.end, (node.anchor is not None) + (node.tag is not None))


def own_text_start(text: str, scalar: Scalar) -> int:
    """The offset after a scalar's anchor and tag, and after the header line of a block scalar."""
    start = content_start(text, scalar)
    match = _LINE_END.search(text, start) if scalar.is_block else None
    return match.start() if match else start


def tag_span(text: str, node: Node) -> Span:
    """Where a node's tag is written. The node must have one."""
    at = node.start
    while (match := PROPERTY.match(text, at)) and text[at] != "!":
        at = match.end()
    return Span(at, match.end(1) if match else at)
