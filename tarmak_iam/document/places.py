"""Places within a string of a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tarmak_iam.document.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.errors import Place
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Path, Route

_LINE = compiled(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")


def place_within(document: Document, path: Path | Route, inner: Place) -> Place:
    """The place in the document's file of `inner`, a place within the string at a path.

    Only the lines of a literal block scalar are lines of the file. For any other string the result is the place where
    the string begins.
    """
    begin, node = document.position(path), document.node(path)
    if not isinstance(node, Scalar) or node.style != "literal" or begin.line is None:
        return begin
    column = None if inner.column is None else inner.column + _indent(document, node)
    return replace(begin, line=begin.line + (inner.line or 1), column=column)


def _indent(document: Document, node: Scalar) -> int:
    """By how many columns a literal block scalar is indented in the file."""
    lines = _lines_of(document.text[node.start : node.end])
    next(lines, None)
    pairs = zip(lines, _lines_of(node.text), strict=False)
    line, text = next(((line, text) for line, text in pairs if text.strip()), ("", ""))
    return len(line) - len(text) if line.endswith(text) else 0


def _lines_of(text: str) -> Iterator[str]:
    """Yields line after line: callers need only the first few, and a text may have thousands."""
    return (match[1] for match in _LINE.finditer(text))
