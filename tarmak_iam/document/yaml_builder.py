"""Builds nodes from the events of one document, mending the marks that a splice cannot use as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import events as kinds

from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, Span, Style
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ParseError

__all__ = ["MAX_DEPTH", "Builder", "entries_of"]

MAX_DEPTH = 200
"""Deeper nesting is refused: no file of this trade needs it, and it keeps every later walk bounded."""

_STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}
_BLANK_TAIL = re.compile(r"[ \t\r\n\x85\u2028\u2029]*\Z")
# go-yaml's anchors; YAML itself allows more.
_ANCHOR = re.compile(r"[0-9A-Za-z_-]+\Z", re.ASCII)
_ESCAPED_SLASH = re.compile(r"(?:[^\\]|\\[^/])*\\/")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    start: int
    anchor: str | None
    tag: str | None
    flow: bool
    is_mapping: bool
    children: list[Node] = field(default_factory=list)


class Builder:
    """Takes the events between a document's start and end; `root` is then its root, None if it is empty."""

    def __init__(self, source: Source, start: int) -> None:
        self.root: Node | None = None
        self._source = source
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._before = start  # where the text of the events so far ends

    def take(self, event: Any) -> None:
        """Raises ParseError for nesting beyond MAX_DEPTH and for aliases without a (finished) anchor."""
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, kinds.ScalarEvent):
            self._add(self._scalar(event, start, end))
        elif isinstance(event, kinds.AliasEvent):
            self._add(self._alias(event, Span(start, end)))
        elif isinstance(event, (kinds.MappingStartEvent, kinds.SequenceStartEvent)):
            self._open(event, start)
            end = end if event.flow_style else start
        else:
            node = self._close(end)
            end = node.span.end
            self._add(node)
        self._before = max(self._before, end)

    def _open(self, event: Any, start: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            what = f"nested deeper than {MAX_DEPTH} levels, which is not read"
            raise ParseError(what, place=self._source.place(start))
        anchor = self._anchor(event, start)
        if anchor:
            self._anchors[anchor] = None  # an alias inside would contain itself
        is_mapping = isinstance(event, kinds.MappingStartEvent)
        self._stack.append(_Open(start, anchor, _tag(event), bool(event.flow_style), is_mapping))

    def _close(self, end: int) -> Node:
        """A block collection's end mark runs past trailing comments: its last child's end is its own."""
        opened = self._stack.pop()
        if not opened.flow:
            end = opened.children[-1].span.end if opened.children else self._before
        span = Span(opened.start, end)
        if opened.is_mapping:
            pairs = list(zip(opened.children[::2], opened.children[1::2], strict=True))
            return Mapping(span, entries_of(pairs), opened.flow, opened.tag, opened.anchor)
        return Sequence(span, tuple(opened.children), opened.flow, opened.tag, opened.anchor)

    def _add(self, node: Node) -> None:
        if node.anchor:
            self._anchors[node.anchor] = node
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node

    def _scalar(self, event: Any, start: int, end: int) -> Scalar:
        style = _STYLES[event.style]
        if _SURROGATE.search(event.value):
            self._refuse(start, "found invalid Unicode character escape code", "write the character itself")
        if style == "double" and _ESCAPED_SLASH.match(self._source.text, start, end):
            self._refuse(start, "found unknown escape character", "write / instead of \\/")
        if style in ("literal", "folded"):
            end = self._block_scalar_end(start, end)
        elif style == "plain" and start == end:
            start = end = self._behind_indicator(start)
        elif style == "plain" and not event.value:
            end = start + len(self._source.text[start:end].rstrip())  # an anchor or tag only
        return Scalar(Span(start, end), event.value, style, _tag(event), self._anchor(event, start))

    def _behind_indicator(self, limit: int) -> int:
        """An empty value is marked at the next token by the pure parser; it belongs behind its indicator."""
        if not self._stack:
            return self._before
        parent = self._stack[-1]
        indicator = ("?", ":")[len(parent.children) % 2] if parent.is_mapping else "-"
        for match in re.finditer(rf"(?:(?<=\s)|^)#[^\r\n]*|[{indicator}]", self._source.text[self._before : limit]):
            if match.group() == indicator:
                return self._before + match.end()
        return self._before

    def _block_scalar_end(self, start: int, end: int) -> int:
        """`|+` owns its trailing blank lines; otherwise the scalar ends with its last line of content."""
        source = self._source
        header = source.text[start : source.line_end(start)]
        end = min(end, len(source.text))
        if "+" in header.split("#")[0]:
            return end
        blank = _BLANK_TAIL.search(source.text, start, end)
        tail = blank.start() if blank else end
        return max(source.next_line(tail), source.next_line(start)) if tail < len(source.text) else end

    def _refuse(self, at: int, what: str, remedy: str) -> NoReturn:
        raise ParseError(f"not YAML: {what}", remedy=remedy, place=self._source.place(at))

    def _anchor(self, event: Any, at: int) -> str | None:
        name = event.anchor
        if name and not _ANCHOR.match(name):
            self._refuse(
                at,
                "did not find expected alphabetic or numeric character",
                "name anchors with letters, digits, - and _",
            )
        return str(name) if name else None

    def _alias(self, event: Any, span: Span) -> Alias:
        name = event.anchor
        target = self._anchors.get(name)
        if target is None:
            known = name in self._anchors
            what = f"anchor '{name}' value contains itself" if known else f"unknown anchor '{name}' referenced"
            remedy = "write the value out" if known else f"define &{name} above this line, or write the value out"
            raise ParseError(what, remedy=remedy, place=self._source.place(span.start))
        return Alias(span, name, target)


def entries_of(pairs: list[tuple[Node, Node]]) -> tuple[Entry, ...]:
    """The entries of a mapping, equal scalar keys counted."""
    seen: dict[str, int] = {}
    entries = []
    for key, value in pairs:
        entry = Entry(key, value)
        if entry.text is not None:
            number = seen.get(entry.text, 0)
            seen[entry.text] = number + 1
            entry = Entry(key, value, number)
        entries.append(entry)
    return tuple(entries)


def _tag(event: Any) -> str | None:
    """The explicit tag as a text; the two parsers disagree on its type and on '' for none."""
    return str(event.tag) if event.tag else None
