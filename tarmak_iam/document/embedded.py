"""A YAML text that stands as a scalar in another one: places in it as places of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tarmak_iam.document.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.errors import Place
from tarmak_iam.routes import Path, Route

__all__ = ["place_within"]

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")


def place_within(document: Document, path: Path | Route, inner: Place) -> Place:
    """Where a place in the text at a path stands in the document's file.

    Lines of a literal text are lines of the file; of any other, all there is to tell is where it begins.
    """
    begin, node = document.position(path), document.node(path)
    if not isinstance(node, Scalar) or node.style != "literal" or begin.line is None:
        return begin
    column = None if inner.column is None else inner.column + _indent(document, node)
    return replace(begin, line=begin.line + (inner.line or 1), column=column)


def _indent(document: Document, node: Scalar) -> int:
    """How much further right a literal text stands in the file than by itself."""
    lines = _lines(document.text[node.start : node.end])
    next(lines, None)
    pairs = zip(lines, _lines(node.text), strict=False)
    line, text = next(((line, text) for line, text in pairs if text.strip()), ("", ""))
    return len(line) - len(text) if line.endswith(text) else 0


def _lines(text: str) -> Iterator[str]:
    """One after the other: only the first ones are looked at, and a text may have thousands."""
    return (match[1] for match in _LINE.finditer(text))
