"""How a file is laid out: what new text has to look like to fit between its neighbours."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TypeVar

from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Style, walk
from tarmak_iam.document.quoting import Quote
from tarmak_iam.document.source import Source

__all__ = ["Layout", "column", "dash_of", "layout_near"]

T = TypeVar("T")

_DASH = re.compile(r"^[ ]*-(?=\s)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layout:
    """`step`: blanks from a key to a mapping below it; `dash`: to the dashes of a list below it;
    `item`: from a dash to its content. `quote` is for strings that need quotes; `literal`: whether a text of
    several lines may be written as a literal block."""

    step: int = 2
    dash: int = 0
    item: int = 2
    quote: Quote = "double"
    literal: bool = True


def column(source: Source, offset: int) -> int:
    """The column of an offset, from 0."""
    return offset - source.line_start(offset)


def layout_near(source: Source, root: Node | None, near: Node | None) -> Layout:
    """The layout of the file, overruled by what the children of `near` (and it itself) show."""
    layout = _Survey(source).of(root, Layout())
    return _Survey(source).of(near, layout) if near is not None else layout


class _Survey:
    """Counts what a part of the file does; the most frequent answer wins, the earliest of equals."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._steps: Counter[int] = Counter()
        self._dashes: Counter[int] = Counter()
        self._items: Counter[int] = Counter()
        self._quotes: Counter[Style] = Counter()

    def of(self, node: Node | None, otherwise: Layout) -> Layout:
        for child in walk(node) if node is not None else ():
            if isinstance(child, Mapping) and not child.flow:
                self._mapping(child)
            elif isinstance(child, Sequence) and not child.flow:
                self._sequence(child)
            elif isinstance(child, Scalar) and child.style in ("single", "double"):
                self._quotes[child.style] += 1
        step = _first(self._steps, otherwise.step)
        quote: Quote = "single" if _first(self._quotes, otherwise.quote) == "single" else "double"
        # Without a list to look at, one that is indented elsewhere is indented by that file's step.
        dash = _first(self._dashes, step if otherwise.dash else 0)
        return replace(otherwise, step=step, dash=dash, item=_first(self._items, otherwise.item), quote=quote)

    def _mapping(self, mapping: Mapping) -> None:
        for entry in mapping.entries:
            value = entry.value
            if isinstance(value, Mapping) and not value.flow:
                self._steps[self._first_column(value) - column(self._source, entry.key.span.start)] += 1
            elif isinstance(value, Sequence) and not value.flow and value.items:
                self._dashes[self._dash_column(value) - column(self._source, entry.key.span.start)] += 1

    def _sequence(self, sequence: Sequence) -> None:
        for item in sequence.items:
            if isinstance(item, Mapping) and not item.flow and not item.anchor and not item.tag:
                start = item.entries[0].key.span.start
                line = self._source.line_start(start)
                before = self._source.text[line:start].rstrip()
                if before.endswith("-"):  # the item begins on the dash's line
                    self._items[start - line - len(before) + 1] += 1

    def _first_column(self, mapping: Mapping) -> int:
        return column(self._source, mapping.entries[0].key.span.start)

    def _dash_column(self, sequence: Sequence) -> int:
        return column(self._source, dash_of(self._source, sequence))


def dash_of(source: Source, sequence: Sequence) -> int:
    """Where the first dash of a block sequence stands (with an anchor its span starts before that)."""
    match = _DASH.search(source.text, sequence.span.start)
    return match.end() - 1 if match and (sequence.anchor or sequence.tag) else sequence.span.start


def _first(counter: Counter[T], otherwise: T) -> T:
    return counter.most_common(1)[0][0] if counter else otherwise
