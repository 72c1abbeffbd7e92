"""Edits inside flow collections (`{a: 1}`, `[x, y]`, strict JSON), on one line or on many."""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Sequence as SequenceOf
from typing import Any

from tarmak_iam.document.comments import own_comment_lines
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Span, content_start
from tarmak_iam.document.render import flow_text, json_lines, json_text
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice, blanks_before, joined_spans, member_span, members_of, starts_line
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class _Member:
    """A pair or an item: its span, and the offset of the comma after it (None if there is none)."""

    span: Span
    comma: int | None


def add_to_flow(
    target: Target, node: Mapping | Sequence, new: SequenceOf[Any], index: int | None = None
) -> list[Splice]:
    """Adds members to a collection that is not empty: (key, value) pairs, or values from `index` on."""
    if is_pair(target.tree, node):
        return _in_braces(target, node, new)
    members = members_of(node)
    last = member_span(members[-1])
    spread = _spread(target, node, last)
    texts = [_render(target, node, each, spread) for each in new]
    if index is not None and index < len(members):
        return [_before_member(target.tree, node, index, texts)]
    return _after_last(target, node, _Member(last, _comma(target.tree, last.end, node.span.end - 1)), texts)


def is_pair(tree: Tree, node: Mapping | Sequence) -> bool:
    """Whether a mapping is a pair in a list, without braces (`[a: 1]`)."""
    return isinstance(node, Mapping) and tree.source.text[content_start(tree.source.text, node)] != "{"


def _in_braces(target: Target, node: Mapping | Sequence, new: SequenceOf[Any]) -> list[Splice]:
    """Adds members to a pair without braces. It gets them."""
    span = member_span(members_of(node)[-1])
    start, blank = node.span.start, " " if _is_nothing(node, -1) else ""
    texts = "".join(f", {_render(target, node, each)}" for each in new)
    return [Splice(start, start, "{"), Splice(span.end, span.end, f"{blank}{texts}}}")]


def _before_member(tree: Tree, node: Mapping | Sequence, index: int, texts: list[str]) -> Splice:
    source, start = tree.source, member_span(members_of(node)[index]).start
    if starts_line(source, start):
        margin, newline = source.text[source.line_start(start) : start], source.newline_near(start)
        above = source.line_start(_start_with_comments(tree, node, index))
        return Splice(above, above, "".join(f"{margin}{text},{newline}" for text in texts))
    return Splice(start, start, "".join(f"{text}, " for text in texts))


def fill_flow(target: Target, node: Mapping | Sequence, new: SequenceOf[Any]) -> list[Splice]:
    """Adds the first members between brackets that contain only comments, above the closing one. Raises EditRefused."""
    source, closing = target.tree.source, node.span.end - 1
    if not starts_line(source, closing):
        refuse(
            target.tree, node, "there are comments between these brackets", "put the closing bracket on its own line"
        )
    newline, margin = source.newline_near(closing), _margin(target, node)
    text = f",{newline}".join(margin + _render(target, node, each) for each in new) + newline
    return [Splice(source.line_start(closing), source.line_start(closing), text)]


def _after_last(target: Target, node: Mapping | Sequence, last: _Member, texts: list[str]) -> list[Splice]:
    source, closing = target.tree.source, node.span.end - 1
    end = last.span.end if last.comma is None else last.comma
    if source.line_start(closing) == source.line_start(end):
        return [_on_last_line(source, last, texts, is_after_colon=_is_nothing(node, -1))]
    blank = " " if _is_nothing(node, -1) else ""
    below = source.next_line(end)
    newline, margin = source.newline_near(last.span.end), _margin(target, node)
    ending = "" if last.comma is None else ","
    lines = Splice(below, below, f",{newline}".join(margin + text for text in texts) + ending + newline)
    return [lines] if last.comma is not None else [Splice(last.span.end, last.span.end, f"{blank},"), lines]


def _on_last_line(source: Source, last: _Member, texts: list[str], *, is_after_colon: bool) -> Splice:
    at = last.span.end
    if last.comma is not None:  # a trailing comma stays, at the same distance from its member
        gap = source.text[at : last.comma]
        return Splice(last.comma + 1, last.comma + 1, "".join(f" {text}{gap}," for text in texts))
    blank = ""
    if is_after_colon:  # a comma directly after the colon would be part of the key
        at, blank = (at + 1, "") if source.text[at] in " \t" else (at, " ")
    return Splice(at, at, blank + "".join(f", {text}" for text in texts))


def _is_nothing(node: Mapping | Sequence, number: int) -> bool:
    """Whether a member has no value after its colon (`{a: }`): a comma directly after the colon would join the key."""
    if not isinstance(node, Mapping):
        return False
    entry = node.entries[number]
    return entry.value.span.start == entry.value.span.end > entry.key.span.end


def remove_from_flow(
    tree: Tree, node: Mapping | Sequence, numbers: Collection[int], *, with_comments: bool = False
) -> list[Splice]:
    """Removes members that are alone on their line with its comment, and the commas that are no longer needed.
    `with_comments`: the comments above a member go too, and that of a line of which no member stays."""
    members, source = _members(tree, node), tree.source
    last = len(members) - 1
    cuts = []
    lines = {source.line_start(member.span.end) for number, member in enumerate(members) if number not in numbers}
    for number in numbers:
        member = members[number]
        start, end = member.span.start, member.span.end if member.comma is None else member.comma + 1
        if with_comments:
            start = _start_with_comments(tree, node, number, numbers)
            if source.line_start(end) not in lines and not _is_code_after(tree, end):
                end = source.line_end(end)
        cuts.append(_cut(tree, start, end, is_last=number == last))
    kept = max((number for number in range(len(members)) if number not in numbers), default=None)
    if members[last].comma is None and kept is not None and kept != last:
        comma = members[kept].comma
        assert comma is not None  # there is a comma between any two members
        # On one line the blanks after that comma are removed too; at the end of a line those between it and a colon.
        is_near = not source.text[comma + 1 : members[kept + 1].span.start].strip(" \t")
        start = comma if is_near or not _is_nothing(node, kept) else blanks_before(source, comma)
        cuts.append(Span(start, members[kept + 1].span.start if is_near else comma + 1))
    return [Splice(cut.start, cut.end, "") for cut in joined_spans(cuts)]


def _start_with_comments(tree: Tree, node: Mapping | Sequence, number: int, removed: Collection[int] = ()) -> int:
    """Where a member starts, or the comment lines above it that belong to it."""
    own = own_comment_lines(tree, node, number, removed)
    return min([member_span(members_of(node)[number]).start, *(comment.span.start for comment in own)])


def flow_value(target: Target, value: Any) -> str:
    """The value as this document writes flow values."""
    return json_text(value) if target.tree.is_json else flow_text(value, target.layout(inside=1))


def _cut(tree: Tree, start: int, end: int, *, is_last: bool) -> Span:
    source = tree.source
    line_is_over = not _is_code_after(tree, end)
    if starts_line(source, start) and line_is_over:
        return Span(source.line_start(start), source.next_line(end))
    if is_last or line_is_over:
        return Span(start if starts_line(source, start) else blanks_before(source, start), end)
    blank = re.compile(r"[ \t]*").match(source.text, end)
    return Span(start, blank.end() if blank else end)


def _is_code_after(tree: Tree, offset: int) -> bool:
    """Whether anything but a comment follows on the line."""
    rest = tree.source.text[offset : tree.source.line_end(offset)].strip()
    return bool(rest) and not rest.startswith("#")


def _members(tree: Tree, node: Mapping | Sequence) -> list[_Member]:
    if is_pair(tree, node):
        refuse(tree, node, "this key-value pair is in a list without braces", "put braces around it first")
    spans = [member_span(member) for member in members_of(node)]
    limits = [span.start for span in spans[1:]] + [node.span.end - 1]
    return [_Member(span, _comma(tree, span.end, limit)) for span, limit in zip(spans, limits, strict=True)]


def _comma(tree: Tree, start: int, limit: int) -> int | None:
    """The first comma outside comments."""
    for match in re.finditer(r"(?:(?<=\s)|^)#[^\r\n]*|,", tree.source.text[start:limit]):
        if match.group() == ",":
            return start + match.start()
    return None


def _margin(target: Target, node: Mapping | Sequence) -> str:
    """The indentation of the first member that begins a line; otherwise one step more than the closing bracket's."""
    source = target.tree.source
    before = -1
    for member in members_of(node):
        start = member_span(member).start
        line = source.line_start(start)
        if line > before and starts_line(source, start):
            return source.text[line:start]
        before = start
    return _blanks_of_line(source, node.span.end - 1) + " " * target.layout().step


def _blanks_of_line(source: Source, at: int) -> str:
    line = source.text[source.line_start(at) : at + 1]
    return line[: len(line) - len(line.lstrip())]


@dataclass(frozen=True, slots=True)
class _Spread:
    """JSON on many lines: the indentation of a member, the additional indentation per level, and the line break."""

    margin: str
    step: str
    newline: str

    def text(self, value: Any) -> str:
        return f"{self.newline}{self.margin}".join(json_lines(value, self.step))


def _spread(target: Target, node: Mapping | Sequence, last: Span) -> _Spread | None:
    """The layout for a new member if the others are on several lines, as in pretty-printed JSON; otherwise None."""
    source = target.tree.source
    is_spread = set("\r\n") & set(source.text[last.start : last.end])
    if not target.tree.is_json or not is_spread or not starts_line(source, last.start):
        return None
    margin, outer = _margin(target, node), _blanks_of_line(source, node.span.end - 1)
    if not margin.startswith(outer) or margin == outer:
        return None
    return _Spread(margin, margin[len(outer) :], source.newline_near(last.end))


def _render(target: Target, node: Mapping | Sequence, new: Any, spread: _Spread | None = None) -> str:
    if spread is not None:
        return f"{json_text(new[0])}: {spread.text(new[1])}" if isinstance(node, Mapping) else spread.text(new)
    if target.tree.is_json or _writes_json(node):
        return f"{json_text(new[0])}: {json_text(new[1])}" if isinstance(node, Mapping) else json_text(new)
    layout = target.layout()
    if isinstance(node, Mapping):
        return f"{flow_text(new[0], layout)}: {flow_text(new[1], layout)}"
    return flow_text(new, layout)


def _writes_json(node: Node) -> bool:
    """Whether every key of a flow mapping is in double quotes, as in JSON."""
    if not isinstance(node, Mapping):
        return False
    keys = [entry.key for entry in node.entries]
    return bool(keys) and all(isinstance(key, Scalar) and key.style == "double" for key in keys)
