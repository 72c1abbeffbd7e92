"""Edits inside flow collections (`{a: 1}`, `[x, y]`, strict JSON), on one line or on many."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.geometry import blanks_before, starts_line
from tarmak_iam.document.layout import layout_near
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span
from tarmak_iam.document.render import flow_text, json_text
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import refuse
from tarmak_iam.document.tree import Tree

__all__ = ["add_member", "flow_value", "remove_member"]


@dataclass(frozen=True, slots=True)
class _Member:
    """A pair or an item: its text, and where the comma behind it stands, if there is one."""

    span: Span
    comma: int | None


def add_member(tree: Tree, node: Mapping | Sequence, new: Any) -> list[Splice]:
    """`new` is a (key, value) pair for a mapping, a value for a list. The collection is not empty."""
    source = tree.source
    last, closing = _members(tree, node)[-1], node.span.end - 1
    rendered = _render(tree, node, new)
    end = last.span.end if last.comma is None else last.comma
    if source.line_start(closing) == source.line_start(end):
        blank = " " if _ends_in_colon(node) else ""
        return [Splice(last.span.end, last.span.end, f"{blank}, {rendered}")]
    below = source.next_line(end)
    newline = source.newline_near(last.span.end)
    ending = "" if last.comma is None else ","
    line = Splice(below, below, _margin(tree, node) + rendered + ending + newline)
    return [line] if last.comma is not None else [Splice(last.span.end, last.span.end, ","), line]


def _ends_in_colon(node: Mapping | Sequence) -> bool:
    """Whether the last value is nothing behind a colon (`{a: }`): a comma right behind that would join it."""
    if not isinstance(node, Mapping):
        return False
    last = node.entries[-1]
    return last.value.span.start == last.value.span.end > last.key.span.end


def remove_member(tree: Tree, node: Mapping | Sequence, number: int) -> list[Splice]:
    """Takes the member out, with the comma that is then one too many and its end-of-line comment."""
    members = _members(tree, node)
    member = members[number]
    start, end = member.span.start, member.span.end
    if member.comma is not None:
        end = member.comma + 1
    is_last = number == len(members) - 1
    removed = [_cut(tree, start, end, is_last)]
    if is_last and member.comma is None and number:
        comma = members[number - 1].comma
        assert comma is not None  # a comma stands between any two members
        if comma + 1 < removed[0].start:
            removed.insert(0, Splice(comma, comma + 1, ""))
        else:
            removed = [Splice(comma, removed[0].end, "")]
    return removed


def flow_value(tree: Tree, value: Any) -> str:
    """The value as this document writes flow values."""
    return (
        json_text(value)
        if tree.is_json
        else flow_text(value, layout_near(tree.source, [tree.root] if tree.root else []))
    )


def _cut(tree: Tree, start: int, end: int, is_last: bool) -> Splice:
    source = tree.source
    line_is_over = not _code_behind(tree, end)
    if starts_line(source, start) and line_is_over:
        return Splice(source.line_start(start), source.next_line(end), "")
    if is_last or line_is_over:
        return Splice(
            blanks_before(source, start)
            if source.text[start - 1] in " \t" and not starts_line(source, start)
            else start,
            end,
            "",
        )
    blank = re.compile(r"[ \t]*").match(source.text, end)
    return Splice(start, blank.end() if blank else end, "")


def _code_behind(tree: Tree, offset: int) -> bool:
    """Whether anything but a comment follows on the line."""
    rest = tree.source.text[offset : tree.source.line_end(offset)].strip()
    return bool(rest) and not rest.startswith("#")


def _members(tree: Tree, node: Mapping | Sequence) -> list[_Member]:
    if tree.source.text[node.span.end - 1] not in "}]":
        refuse(tree, node, "this pair stands in a list without braces", "put braces around it first")
    spans = [_span(child) for child in (node.entries if isinstance(node, Mapping) else node.items)]
    limits = [span.start for span in spans[1:]] + [node.span.end - 1]
    return [_Member(span, _comma(tree, span.end, limit)) for span, limit in zip(spans, limits, strict=True)]


def _span(child: Entry | Node) -> Span:
    return Span(child.key.span.start, child.value.span.end) if isinstance(child, Entry) else child.span


def _comma(tree: Tree, start: int, limit: int) -> int | None:
    """The first comma outside comments."""
    for match in re.finditer(r"(?:(?<=\s)|^)#[^\r\n]*|,", tree.source.text[start:limit]):
        if match.group() == ",":
            return start + match.start()
    return None


def _margin(tree: Tree, node: Mapping | Sequence) -> str:
    """What stands before the first member that begins a line, else one step more than before the closing bracket."""
    source = tree.source
    starts = [_span(child).start for child in (node.entries if isinstance(node, Mapping) else node.items)]
    at = next((start for start in starts if starts_line(source, start)), None)
    if at is not None:
        return source.text[source.line_start(at) : at]
    line = source.text[source.line_start(node.span.end - 1) : node.span.end]
    return (
        line[: len(line) - len(line.lstrip())]
        + " " * layout_near(source, [node, tree.root] if tree.root else [node]).step
    )


def _render(tree: Tree, node: Mapping | Sequence, new: Any) -> str:
    write = json_text if tree.is_json or _writes_json(node) else _plain_writer(tree, node)
    return f"{write(new[0])}: {write(new[1])}" if isinstance(node, Mapping) else write(new)


def _plain_writer(tree: Tree, node: Node) -> Any:
    layout = layout_near(tree.source, [node, tree.root] if tree.root else [node])
    return lambda value: flow_text(value, layout)


def _writes_json(node: Node) -> bool:
    """Whether every key of a flow mapping stands in double quotes, as in JSON."""
    if not isinstance(node, Mapping):
        return False
    return all(isinstance(entry.key, Scalar) and entry.key.style == "double" for entry in node.entries)
