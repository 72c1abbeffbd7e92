"""Splices that replace a node (a scalar, an empty value or a whole collection) with a value."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tarmak_iam.document.comments import below_deeper_comments
from tarmak_iam.document.flow import flow_value
from tarmak_iam.document.nodes import (
    STANDARD_TAG,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
    content_start,
    is_block,
    tag_span,
)
from tarmak_iam.document.render import Layout, block_lines, indent, quote, value_lines
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import (
    Splice,
    above_blank_lines,
    blanks_before,
    code_end,
    column,
    entry_start,
    find_colon,
    item_start,
    lines_below,
    member_count,
    new_lines,
    next_line_after,
    starts_line,
)
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.text import shortened

_HEADER = compiled(r"[|>][-+0-9]*")

_BLANKS = compiled(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class _ValueText:
    """A value as text: `first` is at the value's place, `below` are the indented lines under it."""

    first: str
    below: list[str]


def write_value(target: Target, value: Any) -> list[Splice]:
    """Replaces the target's deepest node with the value. Text after the old value on its line stays. Raises EditRefused
    if a tag that must stay does not fit the value."""
    source, node = target.tree.source, target.holders[-1].node
    _check_kept_tag(target, value)
    if not _drops_tag(target):
        return _written(target, content_start(source.text, node), "", value)
    tag = tag_span(source.text, node)
    if "#" in source.text[tag.end : content_start(source.text, node)]:  # a comment, which stays
        splices = _written(target, content_start(source.text, node), "", value)
        return [_without_tag(source, tag, splices), *splices]
    return _written(target, node.span.start, f"&{node.anchor}" if node.anchor else "", value)


def _written(target: Target, start: int, kept: str, value: Any) -> list[Splice]:
    """Replaces the text from `start` on, but for its part `kept`, with the value."""
    source, node = target.tree.source, target.holders[-1].node
    if target.in_flow or _is_written_in_flow(node, value):
        return [_in_flow(target, start, kept, value)]
    if is_block(node) and not _is_root(target) and starts_line(source, start):
        return _instead_of_lines(target, start, kept, value)
    if _has_no_colon(target):
        return _after_question_mark(target, value)
    text = _rendered(target, start, kept, value)
    if isinstance(node, Scalar) and node.is_block:
        return _instead_of_block_scalar(source, node, start, text)
    here = _in_place(source, start, code_end(source, node), text.first)
    if not text.below:
        return [here]
    at = next_line_after(source, node)
    if isinstance(value, (dict, list)):  # comments inside a literal block would become its text
        at = below_deeper_comments(target.tree, at, len(text.below[0]) - len(text.below[0].lstrip()))
    return [here, new_lines(source, at, text.below)]


def is_custom_tag(tag: str) -> bool:
    """Whether a tag is not a standard one (`!!str`, `!`), which fits only the value that it was written for."""
    return tag != "!" and not tag.startswith(STANDARD_TAG)


def _drops_tag(target: Target) -> bool:
    tag = target.holders[-1].node.tag
    return tag is not None and not (target.keeps_tags and is_custom_tag(tag))


def drops_custom_tag(target: Target) -> bool:
    """Whether the target's deepest node has a custom tag, which a new value does not get."""
    tag = target.holders[-1].node.tag
    return tag is not None and is_custom_tag(tag) and not target.keeps_tags


def _check_kept_tag(target: Target, value: Any) -> None:
    node = target.holders[-1].node
    if node.tag is None or _drops_tag(target) or isinstance(value, (str, dict, list)):
        return
    what = f"with its tag {shortened(node.tag)} the value would be read as a string"
    refuse(target.tree, node, what, "set a string, or do not keep the tag")


def _without_tag(source: Source, tag: Span, others: list[Splice]) -> Splice:
    """Removes a tag that a comment follows."""
    blank = blanks_before(source, tag.start) < tag.start
    if any(other.start == tag.end for other in others):  # the new value takes its place, after a blank
        return Splice(tag.start - blank, tag.end, "")
    if not starts_line(source, tag.start):
        return _cut_before_comment(source, blanks_before(source, tag.start), tag.end)
    if source.line_end(tag.end) == tag.end:
        return Splice(source.line_start(tag.start), source.next_line(tag.end), "")
    blanks = _BLANKS.match(source.text, tag.end)
    return Splice(tag.start, blanks.end() if blanks else tag.end, "")


def _is_written_in_flow(node: Node, value: Any) -> bool:
    """Whether a flow collection is replaced with another one of its kind."""
    if not value or not member_count(node):
        return False
    return isinstance(value, dict if isinstance(node, Mapping) else list) and not is_block(node)


def _in_flow(target: Target, start: int, kept: str, value: Any) -> Splice:
    source, holder = target.tree.source, target.holders[-1]
    node = holder.node
    quoted = None if target.tree.is_json else _in_old_quotes(node, value)
    rendered = f"{kept} {quoted or flow_value(target, value)}".lstrip()
    before = source.text[start - 1 : start]
    if (
        start == node.span.end
        and holder.entry is not None
        and ":" not in source.text[holder.entry.key.span.end : start]
    ):
        rendered = f": {rendered}"  # `{a}` has no text for the value
    elif start == node.span.end and before not in (" ", "\t", "\n", "\r"):
        rendered = f" {rendered}"
    return Splice(start, node.span.end, rendered)


def _in_old_quotes(node: Node, value: Any) -> str | None:
    """The string in the quotes of the old one; None if that is not possible."""
    if not isinstance(node, Scalar) or not isinstance(value, str) or "\n" in value:
        return None
    if node.style == "single":
        return quote(value, "single")
    return quote(value, "double") if node.style == "double" else None


def _rendered(target: Target, start: int, kept: str, value: Any) -> _ValueText:
    source, holder = target.tree.source, target.holders[-1]
    quoted = _in_old_quotes(holder.node, value)
    if quoted is not None:
        return _ValueText(f"{kept} {quoted}".lstrip(), [])
    if starts_line(source, start) and not kept:
        return _on_own_line(value, target.layout(), column(source, start))
    layout = target.layout(inside=1)
    has_property = kept or start > holder.node.span.start
    if holder.index is not None:
        text = _after_dash(target, start, value, layout, alone=bool(has_property))
    else:
        base = 0 if holder.entry is None else column(source, entry_start(source, holder.entry))
        if holder.entry is None:  # after `---` a block cannot begin on the same line, only at the margin
            if isinstance(value, (dict, list)) and value:
                return _ValueText(kept, block_lines(value, layout))
            layout = replace(layout, step=0, dash=0)
        first, below = value_lines(value, layout)
        text = _ValueText(first, indent(below, base))
    return _ValueText(f"{kept} {text.first}".strip(), text.below) if kept else text


def _on_own_line(value: Any, layout: Layout, width: int) -> _ValueText:
    """The text of a value that begins its line and keeps its column."""
    if isinstance(value, (dict, list)) and value:
        first, *below = block_lines(value, layout)
    else:
        first, below = value_lines(value, layout)
    return _ValueText(first, indent(below, width))


def _after_dash(target: Target, start: int, value: Any, layout: Layout, *, alone: bool) -> _ValueText:
    """The text of a value after a dash. `alone`: an anchor or tag follows the dash, which must not become a key's."""
    source, holder = target.tree.source, target.holders[-1]
    parent = target.holders[-2].node
    assert isinstance(parent, Sequence)
    assert holder.index is not None
    dash = item_start(source, parent, holder.index)
    if alone and isinstance(value, (dict, list)) and value:
        return _ValueText("", indent(block_lines(value, layout), column(source, dash) + layout.item))
    if start > dash + 1 and not alone and source.line_start(start) == source.line_start(dash):
        # The content keeps its column, so that the lines below fit it.
        layout = replace(layout, item=max(start - dash, 2))
    first, *below = block_lines([value], layout)
    return _ValueText(first[layout.item :], indent(below, column(source, dash)))


def _in_place(source: Source, start: int, end: int, first: str) -> Splice:
    if not first:
        return _cut_before_comment(source, blanks_before(source, start), end)
    if start < end:
        return Splice(start, end, first)
    line_end = source.line_end(end)
    if not source.text[end:line_end].strip():
        end = line_end  # blanks after an empty value need not be kept
    blank = " " if source.text[start - 1 : start] not in ("", " ", "\t", "\n", "\r") else ""
    return Splice(start, end, blank + first)


def _cut_before_comment(source: Source, start: int, end: int) -> Splice:
    """Removes a value from its line. After an indicator the blanks that follow must not be tabs (`: x<TAB># c`)."""
    blanks = _BLANKS.match(source.text, end)
    is_indicator = (
        source.text[start - 1 : start] in ("-", "?", ":") and source.text[start - 2 : start - 1].strip() == ""
    )
    if blanks is None or not is_indicator or "\t" not in blanks.group():
        return Splice(start, end, "")
    ends_line = blanks.end() == source.line_end(end)
    return Splice(start, blanks.end(), "" if ends_line else " " * len(blanks.group()))


def _instead_of_block_scalar(source: Source, node: Scalar, start: int, text: _ValueText) -> list[Splice]:
    """Replaces the header with the new text and removes the content lines. The header's comment stays."""
    match = _HEADER.match(source.text, content_start(source.text, node))
    header = _in_place(source, start, match.end() if match else start, text.first)
    return [header, _lines_instead(source, source.next_line(start), node.span.end, text.below)]


def _has_no_colon(target: Target) -> bool:
    """Whether the value belongs to a `? key` without a colon."""
    entry = target.holders[-1].entry
    if entry is None or entry.value.span.start < entry.value.span.end:
        return False
    return ":" not in target.tree.source.text[entry.key.span.end : entry.value.span.start]


def _after_question_mark(target: Target, value: Any) -> list[Splice]:
    source, entry = target.tree.source, target.holders[-1].entry
    assert entry is not None
    first, below = value_lines(value, target.layout(inside=1))
    lines = indent([f": {first}".rstrip(), *below], column(source, entry_start(source, entry)))
    return lines_below(source, entry.key, [new_lines(source, next_line_after(source, entry.key), lines)])


def _instead_of_lines(target: Target, start: int, kept: str, value: Any) -> list[Splice]:
    """Replaces a block collection below its key or dash with the lines of another, or with a value after the key."""
    source, node = target.tree.source, target.holders[-1].node
    region = source.line_start(start), next_line_after(source, node)
    at = _after_owner(target, start)
    if isinstance(value, (dict, list)) and value:
        lines = indent(block_lines(value, target.layout()), _column_instead(target, start, value))
        return [*([Splice(at, at, f" {kept}")] if kept else []), _lines_instead(source, *region, lines)]
    first, below = value_lines(value, target.layout())
    lines = indent(below, column(source, start))
    return [Splice(at, at, f" {kept}".rstrip() + f" {first}"), _lines_instead(source, *region, lines)]


def _column_instead(target: Target, start: int, value: Any) -> int:
    """The old column, unless the kind changes: a list may be in its key's column, but a mapping may not."""
    source, holder = target.tree.source, target.holders[-1]
    width = column(source, start)
    if holder.entry is None:
        return width
    own, layout = column(source, entry_start(source, holder.entry)), target.layout(inside=1)
    if isinstance(value, list):
        return own + layout.dash if isinstance(holder.node, Mapping) else width
    return own + layout.step if width <= own else width


def _after_owner(target: Target, start: int) -> int:
    """The offset after the colon or dash, and after the anchor and tag that follow it."""
    source, holder = target.tree.source, target.holders[-1]
    node = holder.node
    if (node.anchor or node.tag) and start > node.span.start:
        head = source.text[node.span.start : start]
        return node.span.start + len(re.split(r"\s#|[\r\n]", head, maxsplit=1)[0].rstrip())
    if holder.entry is not None:
        return find_colon(source, holder.entry.key.span.end)
    parent = target.holders[-2].node
    assert isinstance(parent, Sequence)
    assert holder.index is not None
    return item_start(source, parent, holder.index) + 1


def _lines_instead(source: Source, start: int, end: int, lines: list[str]) -> Splice:
    """Replaces whole lines with others. A file without a final newline stays so."""
    if lines and start == end:  # the header of a block scalar may end the file
        return new_lines(source, start, lines)
    newline = source.newline_near(max(start - 1, 0))
    ends_line = source.text[end - 1 : end] in ("\n", "\r")
    if not lines:
        unended = start < end == len(source.text) and not ends_line
        return Splice(above_blank_lines(source, start) if unended else start, end, "")
    return Splice(start, end, newline.join(lines) + (newline if ends_line else ""))


def _is_root(target: Target) -> bool:
    return len(target.holders) == 1
