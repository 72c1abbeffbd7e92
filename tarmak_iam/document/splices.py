"""An edit as text: replaced pieces of the original, and the offsets at which block edits cut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span, content_start, is_block
from tarmak_iam.document.source import Source


class Splice(NamedTuple):
    """A replacement of `text[start:end]` of the original with `text`. Offsets count code points."""

    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    def moved(self, by: int) -> Splice:
        return Splice(self.start + by, self.end + by, self.text)


def splice_order(splice: Splice) -> tuple[int, int]:
    """Sorts splices by their places. Those at one place keep their order."""
    return splice.start, splice.end


def apply_splices(text: str, splices: Iterable[Splice]) -> str:
    """The text after all splices. They must not overlap (ValueError). Equal insertion points keep the given order."""
    pieces, at = [], 0
    for splice in sorted(splices, key=splice_order):
        if splice.start < at:
            raise ValueError("overlapping splices")
        pieces += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, text[at:]])


def offset_before(splices: Iterable[Splice], offset: int) -> int:
    """The offset in the original of a character of the text after all splices; of a new one, where it is new."""
    by = 0
    for splice in sorted(splices, key=splice_order):
        if splice.start + by + len(splice.text) > offset:
            return min(offset - by, splice.start)
        by += len(splice.text) - (splice.end - splice.start)
    return offset - by


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; those that touch or overlap are joined."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


_COLON = re.compile(r"(?:\s#[^\r\n]*|[^:#])*:")
_DASH = re.compile(r"(?:#[^\r\n]*|[^-#])*-")
_HEADER = re.compile(r"[|>][-+0-9]*")


def last_leaf(node: Node) -> Node:
    """The last leaf inside a node, with which the node's text ends."""
    while is_block(node):
        node = member_value(node, -1)
    return node


def last_block_scalar(node: Node) -> Scalar | None:
    """The block scalar with which a node's text ends; None if it ends with something else."""
    leaf = last_leaf(node)
    return leaf if isinstance(leaf, Scalar) and leaf.is_block else None


def code_end(source: Source, node: Node) -> int:
    """The end of a node's text, without the line break that is part of a block scalar."""
    text, end = source.text, last_leaf(node).end
    if last_block_scalar(node) is None or text[end - 1] not in "\r\n":
        return end
    return end - 1 - (text[end - 2 : end] == "\r\n")


def next_line_after(source: Source, node: Node) -> int:
    """The beginning of the line below a node, after its last line and that line's comment."""
    end = last_leaf(node).end
    return end if last_block_scalar(node) is not None else source.next_line(end)


def block_header(source: Source, leaf: Scalar) -> Span:
    """Where the indicators of a block scalar are, as in `|-`."""
    match = _HEADER.match(source.text, content_start(source.text, leaf))
    return Span(*match.span()) if match else Span(leaf.start, leaf.start)


def unended_scalar(source: Source, node: Node) -> Splice | None:
    """The change of a block scalar's header that keeps its value when lines are added below it; None if none is needed.
    If the last line of a file has no line end, neither has the value: `|` must become `|-`."""
    leaf = last_block_scalar(node)
    if leaf is None or leaf.end < len(source.text) or source.ends_line(leaf.end) or not owns_line_end(source, node):
        return None
    start, end = block_header(source, leaf)
    return Splice(start, end, source.text[start:end].replace("+", "") + "-")


def owns_line_end(source: Source, node: Node) -> bool:
    """Whether the line break after a node is part of its value: the node ends with a block scalar, not with `|-`."""
    leaf = last_block_scalar(node)
    return leaf is not None and "-" not in source.text[slice(*block_header(source, leaf))]


def lines_below(source: Source, node: Node, lines: list[Splice]) -> list[Splice]:
    """New lines below a node, and what keeps the value of a block scalar that ends the file where they are added."""
    header = unended_scalar(source, node)
    at_end = any(splice.start == len(source.text) for splice in lines)
    return [header, *lines] if header and at_end else lines


def find_colon(source: Source, start: int) -> int:
    """The offset after the first colon from `start` on that is not in a comment."""
    match = _COLON.match(source.text, start)
    return match.end() if match else start


def item_start(source: Source, sequence: Sequence, number: int) -> int:
    """The offset of the dash of a block sequence's item: the first dash after the item before it, outside comments."""
    match = _DASH.match(source.text, last_leaf(sequence.items[number - 1]).end) if number else None
    return match.end() - 1 if match else content_start(source.text, sequence)


def member_start(source: Source, parent: Mapping | Sequence, number: int) -> int:
    """The beginning of a member: in a block collection its key or its dash."""
    if parent.flow:
        return members_of(parent)[number].span.start
    if isinstance(parent, Mapping):
        return parent.entries[number].key.start
    return item_start(source, parent, number)


def members_of(node: Mapping | Sequence) -> tuple[Entry, ...] | tuple[Node, ...]:
    return node.entries if isinstance(node, Mapping) else node.items


def member_value(parent: Mapping | Sequence, number: int) -> Node:
    return parent.entries[number].value if isinstance(parent, Mapping) else parent.items[number]


def member_count(node: Node) -> int:
    """The number of members of a collection; 0 for a scalar."""
    return len(members_of(node)) if isinstance(node, (Mapping, Sequence)) else 0


def lines_instead(source: Source, start: int, end: int, lines: list[str], *, keeps_line_end: bool = False) -> Splice:
    """Replaces whole lines with others, removes them, or adds some (`start` is `end`). A file without a final newline
    stays so: with its last lines go the newlines before them, unless the value above owns one (`keeps_line_end`)."""
    newline, ends_line = source.newline_near(max(start - 1, 0)), source.ends_line(end)
    text = newline.join(lines)
    if lines and start == end:
        return Splice(start, end, text + newline if start == 0 or ends_line else newline + text)
    if lines:
        return Splice(start, end, text + newline * ends_line)
    if start < end == len(source.text) and source.ends_line(start) and not (ends_line or keeps_line_end):
        while start and not source.text[source.line_start(start - 1) : start].strip():
            start = source.line_start(start - 1)
        start = start - len(source.newline_near(start - 1)) if start else 0
    return Splice(start, end, "")
