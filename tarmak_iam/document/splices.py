"""An edit as text: replaced pieces of the original, and the offsets at which block edits cut."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span, content_start, is_block
from tarmak_iam.document.source import Source
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Route


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """A replacement of `text[start:end]` of the original with `text`. Offsets count code points."""

    start: int
    end: int
    text: str

    def moved(self, by: int) -> Splice:
        return Splice(self.start + by, self.end + by, self.text)


def apply_splices(text: str, splices: Iterable[Splice]) -> str:
    """The text after all splices. They must not overlap (ValueError). Equal insertion points keep the given order."""
    pieces, at = [], 0
    for splice in sorted(splices, key=lambda each: (each.start, each.end)):
        if splice.start < at:
            raise ValueError("overlapping splices")
        pieces += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, text[at:]])


def offset_before(splices: Iterable[Splice], offset: int) -> int:
    """The offset in the original of a character of the text after all splices; of a new one, where it is new."""
    by = 0
    for splice in sorted(splices):
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


class ClaimedSpans:
    """The spans of one text that the splices of several changes use. Each change has an owner, the route to what it
    changes."""

    def __init__(self) -> None:
        self._spans: list[Span] = []  # replaced, in order
        self._points: list[int] = []  # inserted at, in order
        self._owners: dict[int, Route] = {}  # the longest route of those that insert at an offset

    def claim(self, splices: Iterable[Splice], owner: Route) -> bool:
        """Claims the spans and returns True. Returns False if a splice overlaps a claimed span, or inserts at the same
        offset as an owner that is not around or inside of this one."""
        given = list(splices)
        if not all(self._is_free(splice, owner) for splice in given):
            return False
        for splice in given:
            if splice.start < splice.end:
                insort(self._spans, Span(splice.start, splice.end))
                continue
            insort(self._points, splice.start)
            if len(owner) >= len(self._owners.get(splice.start, ())):
                self._owners[splice.start] = owner
        return True

    def _is_free(self, splice: Splice, owner: Route) -> bool:
        start, end = splice.start, splice.end
        near = bisect_left(self._spans, (start, end))
        if any(span.start < end and start < span.end for span in self._spans[max(near - 1, 0) : near + 1]):
            return False
        point = bisect_right(self._points, start) if start < end else bisect_left(self._points, start)
        at = self._points[point] if point < len(self._points) else None
        if start < end:
            return at is None or at >= end
        other = self._owners[start] if at == start else owner
        return other.leads_to(owner) or owner.leads_to(other)


_DASH = compiled(r"^[ ]*-(?=\s)", re.MULTILINE)


def column(source: Source, offset: int) -> int:
    """The column of an offset, from 0."""
    return offset - source.line_start(offset)


def dash_of(source: Source, sequence: Sequence) -> int:
    """The offset of the first dash of a block sequence (with an anchor, its span starts before that)."""
    if not sequence.anchor and not sequence.tag:
        return sequence.span.start
    match = _DASH.search(source.text, sequence.span.start)
    return match.end() - 1 if match else sequence.span.start


_COLON = compiled(r"(?:\s#[^\r\n]*|[^:#])*:")

_COMMENT_SIGN = compiled(r"(?:(?<=[ \t])|^)#", re.MULTILINE)


def last_leaf(node: Node) -> Node:
    """The last leaf inside a node, with which the node's text ends."""
    while is_block(node):
        children = members_of(node)
        if not children:
            break
        last = children[-1]
        node = end_node(last) if isinstance(last, Entry) else last
    return node


def end_node(entry: Entry) -> Node:
    """The node with which an entry's text ends: its value, or its key if it is a `? key` without a colon."""
    key, value = entry.key, entry.value
    return key if value.start == value.end == key.end else value


def code_end(source: Source, node: Node) -> int:
    """The end of a node's text, without the line break that is part of a block scalar."""
    leaf = last_leaf(node)
    if not (isinstance(leaf, Scalar) and leaf.is_block):
        return leaf.span.end
    text = source.text
    end = leaf.span.end
    return end - 1 - (text[end - 2 : end] == "\r\n") if text[end - 1] in "\r\n" else end


def next_line_after(source: Source, node: Node) -> int:
    """The beginning of the line below a node, after its last line and that line's comment."""
    leaf = last_leaf(node)
    if isinstance(leaf, Scalar) and leaf.is_block:
        return leaf.span.end
    return source.next_line(leaf.span.end)


_HEADER = compiled(r"[|>][-+0-9]*")


def unended_scalar(source: Source, node: Node) -> Splice | None:
    """The change of a block scalar's header that keeps its value when lines are added below it; None if none is needed.

    The last line of a file may have no line end, and then neither has the value. So `|` must become `|-`.
    """
    leaf, text = last_leaf(node), source.text
    if leaf.span.end < len(text) or source.ends_line(len(text)) or not owns_line_end(source, node):
        return None
    match = _HEADER.match(text, content_start(text, leaf))
    if match is None:
        return None
    return Splice(*match.span(), match.group().replace("+", "") + "-")


def owns_line_end(source: Source, node: Node) -> bool:
    """Whether the line break after a node is part of its value: the node ends with a block scalar, not with `|-`."""
    leaf = last_leaf(node)
    return isinstance(leaf, Scalar) and leaf.is_block and "-" not in _header(source, leaf)


def keeps_line_ends(source: Source, leaf: Scalar) -> bool:
    """Whether the blank lines below a block scalar are part of its value (`|+`)."""
    return "+" in _header(source, leaf)


def content_indentation(source: Source, leaf: Scalar) -> int:
    """The indentation of a block scalar's text."""
    at = source.next_line(content_start(source.text, leaf))
    while at < leaf.end:
        line = source.text[at : source.line_end(at)]
        if line.strip(" "):
            text = leaf.text.lstrip("\n")
            return len(line) - len(line.lstrip(" ")) - (len(text) - len(text.lstrip(" ")))
        at = source.next_line(at)
    return 1


def _header(source: Source, leaf: Scalar) -> str:
    match = _HEADER.match(source.text, content_start(source.text, leaf))
    return match.group() if match else ""


def lines_below(source: Source, node: Node, lines: list[Splice]) -> list[Splice]:
    """New lines below a node, and what keeps the value of a block scalar that ends the file where they are added."""
    header = unended_scalar(source, node)
    at_end = any(splice.start == len(source.text) for splice in lines)
    return [header, *lines] if header and at_end else lines


_QUESTION_MARK = compiled(r"[ ]*(?:[-?:][ ]+)*\?(?=[ \t]*(?:[ \t]#.*)?\Z)")


def entry_start(source: Source, entry: Entry) -> int:
    """The beginning of an entry: its key, or the `?` before it."""
    start = entry.key.span.start
    line = source.line_start(start)
    before = source.text[line:start].rstrip()
    if before.endswith("?"):
        return line + len(before) - 1
    return start if before or not source.has_lone_question_marks else _question_mark_above(source, line, start)


def _question_mark_above(source: Source, line: int, start: int) -> int:
    """The `?` above a key that begins its line, which is further out; `start`, the key itself, if there is none."""
    width = start - line
    while line:
        line = source.line_start(line - 1)
        text = source.text[line : source.line_end(line)]
        match = _QUESTION_MARK.match(text)
        if match and match.end() <= width:
            return line + match.end() - 1
        if text.strip() and not text.lstrip().startswith("#"):
            break
    return start


def key_column(source: Source, mapping: Mapping) -> int:
    return column(source, entry_start(source, mapping.entries[0]))


def find_colon(source: Source, start: int) -> int:
    """The offset after the first colon from `start` on that is not in a comment."""
    match = _COLON.match(source.text, start)
    return match.end() if match else start


def item_start(source: Source, sequence: Sequence, number: int) -> int:
    """The offset of the dash of a block sequence's item: the last dash before the item, outside comments."""
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
    """The beginning of a member: in a block collection its key, its `?` or its dash."""
    if parent.flow:
        return member_span(members_of(parent)[number]).start
    if isinstance(parent, Mapping):
        return entry_start(source, parent.entries[number])
    return item_start(source, parent, number)


def members_of(node: Mapping | Sequence) -> tuple[Entry, ...] | tuple[Node, ...]:
    return node.entries if isinstance(node, Mapping) else node.items


def member_span(member: Entry | Node) -> Span:
    return Span(member.key.start, member.value.end) if isinstance(member, Entry) else member.span


def member_value(parent: Mapping | Sequence, number: int) -> Node:
    """The value of a member, or the key of a `? key` without a colon."""
    return end_node(parent.entries[number]) if isinstance(parent, Mapping) else parent.items[number]


def member_count(node: Node) -> int:
    """The number of members of a collection; 0 for a scalar."""
    if isinstance(node, Mapping):
        return len(node.entries)
    return len(node.items) if isinstance(node, Sequence) else 0


def starts_line(source: Source, offset: int) -> bool:
    return not source.text[source.line_start(offset) : offset].strip()


def blanks_before(source: Source, offset: int) -> int:
    """The beginning of the blanks and tabs that end at `offset`."""
    while offset and source.text[offset - 1] in " \t":
        offset -= 1
    return offset


def above_blank_lines(source: Source, line: int) -> int:
    """The end of the text of the last line above `line` that is not blank, before its line break."""
    while line and not source.text[source.line_start(line - 1) : line].strip():
        line = source.line_start(line - 1)
    return line - len(source.newline_near(line - 1)) if line else 0


def new_lines(source: Source, at: int, lines: list[str]) -> Splice:
    """Inserts whole lines before the line at `at`. A file without a final newline stays so."""
    newline = source.newline_near(max(at - 1, 0))
    text = newline.join(lines)
    if at == 0 or source.ends_line(at):
        return Splice(at, at, text + newline)
    return Splice(at, at, newline + text)
