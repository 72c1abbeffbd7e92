"""How a file is laid out: what new text has to look like to fit between its neighbours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, walk
from tarmak_iam.document.quoting import Quote
from tarmak_iam.document.source import Source

__all__ = ["Layout", "column", "dash_of", "layout_near"]

_ASPECTS = ("step", "dash", "item", "quote", "flow")
_BY_STEP = -1
_DASH = re.compile(r"^[ ]*-(?=\s)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layout:
    """`step`: blanks from a key to a mapping below it; `dash`: to the dashes of a list below it;
    `item`: from a dash to its content. `quote` is for strings that need quotes; `literal`: whether a text of
    several lines may be written as a literal block; `flow`: whether a list of scalars is written as `[a, b]`."""

    step: int = 2
    dash: int = 0
    item: int = 2
    quote: Quote = "double"
    flow: bool = False
    literal: bool = True


def column(source: Source, offset: int) -> int:
    """The column of an offset, from 0."""
    return offset - source.line_start(offset)


def layout_near(source: Source, nodes: Iterable[Node], known: dict[int, dict[str, Any]]) -> Layout:
    """The layout that the first of the nodes shows; what it leaves open is the next one's answer, and so on.

    They lead from the place in question outwards: most often only a small part of a file is looked at. What is
    found is put into `known`, by the node's id.
    """
    answers: dict[str, Any] = {}
    for number, node in enumerate(nodes):
        if id(node) not in known:
            known[id(node)] = _Survey(source).of(node)
        found = dict(known[id(node)])
        if number and found.get("dash"):
            found["dash"] = _BY_STEP  # lists are indented out there: here it is by the step of here
        answers = found | answers
        if len(answers) == len(_ASPECTS):
            break
    layout = Layout(**answers)
    return replace(layout, dash=layout.step) if layout.dash == _BY_STEP else layout


class _Survey:
    """Counts what a part of the file does; the most frequent answer wins, the earliest of equals."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._counts: dict[str, Counter[Any]] = {aspect: Counter() for aspect in _ASPECTS}

    def of(self, node: Node) -> dict[str, Any]:
        for child in walk(node):
            if isinstance(child, Scalar):
                if child.style in ("single", "double"):
                    self._counts["quote"][child.style] += 1
            elif isinstance(child, Mapping) and not child.flow:
                self._mapping(child)
            elif isinstance(child, Sequence):
                if child.items and all(isinstance(item, Scalar) for item in child.items):
                    self._counts["flow"][child.flow] += 1
                if not child.flow:
                    self._sequence(child)
        return {aspect: counter.most_common(1)[0][0] for aspect, counter in self._counts.items() if counter}

    def _mapping(self, mapping: Mapping) -> None:
        for entry in mapping.entries:
            value = entry.value
            if isinstance(value, Mapping) and not value.flow:
                self._counts["step"][self._first_column(value) - column(self._source, entry.key.span.start)] += 1
            elif isinstance(value, Sequence) and not value.flow and value.items:
                self._counts["dash"][self._dash_column(value) - column(self._source, entry.key.span.start)] += 1

    def _sequence(self, sequence: Sequence) -> None:
        for item in sequence.items:
            if isinstance(item, Mapping) and not item.flow and not item.anchor and not item.tag:
                start = item.entries[0].key.span.start
                line = self._source.line_start(start)
                before = self._source.text[line:start].rstrip()
                if before.endswith("-"):  # the item begins on the dash's line
                    self._counts["item"][start - line - len(before) + 1] += 1

    def _first_column(self, mapping: Mapping) -> int:
        return column(self._source, mapping.entries[0].key.span.start)

    def _dash_column(self, sequence: Sequence) -> int:
        return column(self._source, dash_of(self._source, sequence))


def dash_of(source: Source, sequence: Sequence) -> int:
    """Where the first dash of a block sequence stands (with an anchor its span starts before that)."""
    if not sequence.anchor and not sequence.tag:
        return sequence.span.start
    match = _DASH.search(source.text, sequence.span.start)
    return match.end() - 1 if match else sequence.span.start
