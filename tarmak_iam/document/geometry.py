"""Where things stand on their lines: the offsets that block edits cut at."""

from __future__ import annotations

import re

from tarmak_iam.document.layout import column
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, is_block
from tarmak_iam.document.source import Source
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused

__all__ = [
    "above_blank_lines",
    "behind",
    "blanks_before",
    "code_end",
    "entry_start",
    "find_colon",
    "item_start",
    "key_column",
    "last_leaf",
    "member_start",
    "member_value",
    "new_lines",
    "owns_line_end",
    "room_behind",
    "size",
    "starts_line",
]

_COLON = re.compile(r"(?:\s#[^\r\n]*|[^:#])*:")
_COMMENT_SIGN = re.compile(r"(?:(?<=[ \t])|^)#", re.MULTILINE)


def last_leaf(node: Node) -> Node:
    """The node whose text ends a node's text."""
    while is_block(node):
        children = node.entries if isinstance(node, Mapping) else node.items
        if not children:
            break
        last = children[-1]
        node = last.value if isinstance(last, Entry) else last
    return node


def code_end(source: Source, node: Node) -> int:
    """Where a node's text ends, without the line end that a block scalar owns."""
    leaf = last_leaf(node)
    if not (isinstance(leaf, Scalar) and leaf.is_block):
        return leaf.span.end
    text = source.text
    end = leaf.span.end
    return end - 1 - (text[end - 2 : end] == "\r\n") if text[end - 1] in "\r\n" else end


def behind(source: Source, node: Node) -> int:
    """Where the line below a node begins: behind its last line and that line's comment."""
    leaf = last_leaf(node)
    if isinstance(leaf, Scalar) and leaf.is_block:
        return leaf.span.end
    return source.next_line(leaf.span.end)


def room_behind(tree: Tree, node: Node) -> int:
    """`behind`, for text to go in there. Raises EditRefused behind a block scalar that a missing line end ends."""
    leaf, text = last_leaf(node), tree.source.text
    # Blanks that end the file without a line end are, or may be, the scalar's too.
    is_unended = not text[leaf.span.end :].strip(" ") and text[-1:] not in ("\n", "\r")
    if is_unended and owns_line_end(tree.source, node):
        raise EditRefused(
            "the file ends in a block scalar without line end, whose value any text behind it would change",
            remedy="end the file with an empty line, if the value may end in one too",
            place=tree.source.place(leaf.span.start),
        )
    return behind(tree.source, node)


def owns_line_end(source: Source, node: Node) -> bool:
    """Whether the line end behind a node is part of its value: it ends in a block scalar, and not in a `|-`."""
    leaf = last_leaf(node)
    if not isinstance(leaf, Scalar) or not leaf.is_block:
        return False
    header = source.text[leaf.span.start : source.line_end(leaf.span.start)]
    return re.search(r"[|>][0-9]?-", header) is None


def entry_start(source: Source, entry: Entry) -> int:
    """Where an entry begins: its key, or the `?` before a complex key."""
    start = entry.key.span.start
    line = source.line_start(start)
    before = source.text[line:start].rstrip()
    return line + len(before) - 1 if before.endswith("?") else start


def key_column(source: Source, mapping: Mapping) -> int:
    return column(source, entry_start(source, mapping.entries[0]))


def find_colon(source: Source, start: int) -> int:
    """Behind the first colon from `start` on that is not in a comment."""
    match = _COLON.match(source.text, start)
    return match.end() if match else start


def item_start(source: Source, sequence: Sequence, number: int) -> int:
    """Where the dash of a block sequence's item stands: the last one before the item, outside comments."""
    floor = last_leaf(sequence.items[number - 1]).span.end if number else sequence.span.start
    at = sequence.items[number].span.start
    while at > floor:
        line = max(source.line_start(at - 1), floor)
        text = source.text[line:at]
        comment = _COMMENT_SIGN.search(text)
        dash = text.rfind("-", 0, comment.start() if comment else len(text))
        if dash >= 0:
            return line + dash
        at = line
    return floor


def member_start(source: Source, parent: Mapping | Sequence, number: int) -> int:
    """Where a member of a block collection begins: its key, its `?` or its dash."""
    if isinstance(parent, Mapping):
        return entry_start(source, parent.entries[number])
    return item_start(source, parent, number)


def member_value(parent: Mapping | Sequence, number: int) -> Node:
    return parent.entries[number].value if isinstance(parent, Mapping) else parent.items[number]


def size(node: Node) -> int:
    """How many members a collection has; a scalar has none."""
    if isinstance(node, Mapping):
        return len(node.entries)
    return len(node.items) if isinstance(node, Sequence) else 0


def starts_line(source: Source, offset: int) -> bool:
    return not source.text[source.line_start(offset) : offset].strip()


def blanks_before(source: Source, offset: int) -> int:
    """Where the run of blanks and tabs that ends at `offset` begins."""
    while offset and source.text[offset - 1] in " \t":
        offset -= 1
    return offset


def above_blank_lines(source: Source, line: int) -> int:
    """Where the text of the last line above `line` that is not blank ends, before its line end."""
    while line and not source.text[source.line_start(line - 1) : line].strip():
        line = source.line_start(line - 1)
    return line - len(source.newline_near(line - 1)) if line else 0


def new_lines(source: Source, at: int, lines: list[str]) -> Splice:
    """Whole lines in front of the line at `at`; behind a last line without line end, that stays missing."""
    newline = source.newline_near(max(at - 1, 0))
    text = newline.join(lines)
    if at == 0 or source.ends_line(at):
        return Splice(at, at, text + newline)
    return Splice(at, at, newline + text)
