"""Where keys and entries stand on their lines, for remedies that say which lines to indent."""

from __future__ import annotations

from tarmak_iam.document import Document
from tarmak_iam.document.geometry import code_end
from tarmak_iam.document.layout import column
from tarmak_iam.document.nodes import Entry, Node

__all__ = ["column_of", "first_line", "is_first_on_line", "last_line", "lines_text"]


def first_line(document: Document, node: Node) -> int:
    return document.place(node).line or 1


def last_line(document: Document, entry: Entry) -> int:
    """The line that its value ends in, without comments behind it."""
    end = max(code_end(document.source, entry.value) - 1, entry.key.start)
    return max(document.source.place(end).line or 1, first_line(document, entry.key))


def column_of(document: Document, node: Node) -> int:
    """From 0, as blanks before it are counted."""
    return column(document.source, node.start)


def is_first_on_line(document: Document, node: Node) -> bool:
    """Whether only blanks are before it."""
    source = document.source
    return not source.text[source.line_start(node.start) : node.start].strip(" ")


def lines_text(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"
