"""Edits inside flow collections (`{a: 1}`, `[x, y]`, strict JSON), on one line or on many."""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Sequence as SequenceOf
from functools import partial
from typing import Any

from tarmak_iam.document.comments import own_comment_lines
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Span, content_start
from tarmak_iam.document.render import Layout, Nearby, Verbatim, flow_text, json_text
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice, joined_spans, member_count, members_of
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Tree

_COMMENT_OR_COMMA = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*|,")


def layout_at(target: Target, inside: int = 0, at: int | None = None) -> Layout:
    """The layout of new text inside the deepest node of a target (`inside` 1: inside its parent, next to it). `at` is
    the number that a new member of the deepest node will have; None: it is added at the end."""
    return Layout(target.tree, partial(_places, target, inside, at), literal=target.literals)


def _places(target: Target, inside: int, at: int | None) -> list[Nearby]:
    places, deepest = list[Nearby](), len(target.holders) - 1 - inside
    for depth in range(deepest, -1, -1):  # outwards
        node = target.holders[depth].node
        if depth + 1 == len(target.holders):
            places.append(Nearby(node, member_count(node) if at is None else at, "around"))
            continue
        number = target.holders[depth + 1].number
        places += [Nearby(node, number, "others")] if depth == deepest else []
        places.append(Nearby(node, number, "inside"))
    return places


def add_to_flow(
    target: Target, node: Mapping | Sequence, new: SequenceOf[Any], index: int | None = None
) -> list[Splice]:
    """Adds members to a collection that is not empty: (key, value) pairs, or values from `index` on."""
    refuse_pair(target.tree, node)
    texts, source = _texts(target, node, new), target.tree.source
    if index is None or index >= len(members_of(node)):
        return _after_last(target, node, texts)
    start = members_of(node)[index].span.start
    if not source.starts_line(start):
        return [Splice(start, start, "".join(f"{text}, " for text in texts))]
    margin, newline = source.text[source.line_start(start) : start], source.newline_near(start)
    above = source.line_start(_start_with_comments(target.tree, node, index))
    return [Splice(above, above, "".join(f"{margin}{text},{newline}" for text in texts))]


def refuse_pair(tree: Tree, node: Node) -> None:
    """Raises EditRefused for a mapping that is a pair in a list, without braces (`[a: 1]`)."""
    if isinstance(node, Mapping) and node.flow and tree.source.text[content_start(tree.source.text, node)] != "{":
        refuse(tree, node, "this key-value pair is in a list without braces", "put braces around it first")


def fill_flow(target: Target, node: Mapping | Sequence, new: SequenceOf[Any]) -> list[Splice]:
    """Adds the first members between brackets that contain only comments, above the closing one. Raises EditRefused."""
    source, closing = target.tree.source, node.end - 1
    if not source.starts_line(closing):
        what = "there are comments between these brackets"
        refuse(target.tree, node, what, "put the closing bracket on its own line")
    newline, margin = source.newline_near(closing), _margin(target, node)
    text = f",{newline}".join(margin + written for written in _texts(target, node, new)) + newline
    return [Splice(source.line_start(closing), source.line_start(closing), text)]


def _after_last(target: Target, node: Mapping | Sequence, texts: list[str]) -> list[Splice]:
    source, text, closing = target.tree.source, target.tree.source.text, node.end - 1
    end = members_of(node)[-1].span.end
    comma = _comma(source, end, closing)
    gap = " " if text[end - 1] == ":" else ""  # a comma directly after the colon would be part of the key
    if source.line_start(closing) != source.line_start(end if comma is None else comma):
        below = source.next_line(end if comma is None else comma)
        newline, margin = source.newline_near(end), _margin(target, node)
        lines = f",{newline}".join(margin + new for new in texts) + ("" if comma is None else ",") + newline
        return [*([Splice(end, end, f"{gap},")] if comma is None else []), Splice(below, below, lines)]
    if comma is not None:  # a trailing comma stays, at the same distance from its member
        return [Splice(comma + 1, comma + 1, "".join(f" {new}{text[end:comma]}," for new in texts))]
    if gap and text[end] in " \t":
        end, gap = end + 1, ""
    return [Splice(end, end, gap + "".join(f", {new}" for new in texts))]


def remove_from_flow(tree: Tree, node: Mapping | Sequence, numbers: Collection[int]) -> list[Splice]:
    """Removes members with the comments above them and on lines of which no member stays, and the commas between."""
    refuse_pair(tree, node)
    source, spans = tree.source, [member.span for member in members_of(node)]
    limits = [*(span.start for span in spans[1:]), node.end - 1]
    commas = [_comma(source, span.end, limit) for span, limit in zip(spans, limits, strict=True)]
    last, kept = len(spans) - 1, [number for number in range(len(spans)) if number not in numbers]
    lines, cuts = {source.line_start(spans[number].end) for number in kept}, []
    for number in numbers:
        comma = commas[number]
        start, end = _start_with_comments(tree, node, number), spans[number].end if comma is None else comma + 1
        if source.line_start(end) not in lines and not _is_code_after(source, end):
            end = source.line_end(end)
        cuts.append(_cut(source, start, end, is_last=number == last))
    if commas[last] is None and kept and kept[-1] != last:
        comma, following = commas[kept[-1]], spans[kept[-1] + 1].start
        assert comma is not None  # there is a comma between any two members
        # On one line the blanks after that comma are removed too.
        is_near = not source.text[comma + 1 : following].strip(" \t")
        cuts.append(Span(comma, following if is_near else comma + 1))
    return [Splice(*cut, "") for cut in joined_spans(cuts)]


def _start_with_comments(tree: Tree, node: Mapping | Sequence, number: int) -> int:
    """Where a member starts, or the comment lines above it that belong to it."""
    lines = own_comment_lines(tree, node, number)
    return min([members_of(node)[number].span.start, *(comment.span.start for comment in lines)])


def _cut(source: Source, start: int, end: int, *, is_last: bool) -> Span:
    """The text of a member, with the blanks next to it or its whole lines."""
    line_is_over = not _is_code_after(source, end)
    if source.starts_line(start) and line_is_over:
        return Span(source.line_start(start), source.next_line(end))
    if is_last or line_is_over:
        return Span(start if source.starts_line(start) else source.blanks_before(start), end)
    following = source.text[end : source.line_end(end)]
    return Span(start, end + len(following) - len(following.lstrip(" \t")))


def _is_code_after(source: Source, offset: int) -> bool:
    """Whether anything but a comment follows on the line."""
    rest = source.text[offset : source.line_end(offset)].strip()
    return bool(rest) and not rest.startswith("#")


def _comma(source: Source, start: int, limit: int) -> int | None:
    """The first comma outside comments."""
    matches = _COMMENT_OR_COMMA.finditer(source.text[start:limit])
    return next((start + match.start() for match in matches if match.group() == ","), None)


def _margin(target: Target, node: Mapping | Sequence) -> str:
    """The indentation of the first member that begins a line; otherwise one step more than the closing bracket's."""
    source = target.tree.source
    before = -1
    for member in members_of(node):
        start = member.span.start
        line = source.line_start(start)
        if line > before and source.starts_line(start):
            return source.text[line:start]
        before = start
    return _outer_margin(source, node) + " " * layout_at(target).step


def _outer_margin(source: Source, node: Node) -> str:
    """The indentation of the line with the closing bracket."""
    line = source.text[source.line_start(node.end - 1) : node.end]
    return line[: len(line) - len(line.lstrip())]


def _spread(target: Target, node: Mapping | Sequence) -> tuple[str, str] | None:
    """The line break with a member's indentation, and the additional indentation per level, if the last member is on
    several lines, as in pretty-printed JSON; otherwise None."""
    source = target.tree.source
    last = members_of(node)[-1].span if target.tree.is_json else None
    if last is None or not source.starts_line(last.start) or not {"\r", "\n"} & set(source.text[slice(*last)]):
        return None
    margin, outer = _margin(target, node), _outer_margin(source, node)
    is_deeper = margin.startswith(outer) and margin != outer
    return (source.newline_near(last.end) + margin, margin[len(outer) :]) if is_deeper else None


def _texts(target: Target, node: Mapping | Sequence, new: SequenceOf[Any]) -> list[str]:
    """New members as text, written as the others are."""
    spread, layout, texts = _spread(target, node), layout_at(target), list[str]()
    keys = [entry.key for entry in node.entries] if isinstance(node, Mapping) else []
    are_quoted = bool(keys) and all(isinstance(key, Scalar) and key.style == "double" for key in keys)
    is_json = are_quoted or target.tree.is_json
    for key, value in new if isinstance(node, Mapping) else ((None, value) for value in new):
        if spread is not None:
            text = json_text(value, *spread)
        else:
            text = json_text(value) if is_json else flow_text(value, layout)
            if "\n" in text:  # what moves here on several lines
                text = text.replace("\n", f"\n{_margin(target, node)}")
        if isinstance(node, Mapping):
            own_key = value.key if isinstance(value, Verbatim) else flow_text(key, layout)
            text = f"{json_text(key) if is_json else own_key}: {text}"
        texts.append(text)
    return texts
