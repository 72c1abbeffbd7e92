"""Splices that put a value in the place of a node: of a scalar, of nothing, of a whole collection."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tarmak_iam.document.flow import flow_value
from tarmak_iam.document.geometry import (
    behind,
    blanks_before,
    code_end,
    entry_start,
    item_start,
    new_lines,
    starts_line,
)
from tarmak_iam.document.layout import Layout, column, layout_near
from tarmak_iam.document.nodes import Scalar, Sequence
from tarmak_iam.document.quoting import quote
from tarmak_iam.document.render import block_lines, indent, inline_text, value_lines
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Holder, Target
from tarmak_iam.document.tree import Tree, content_start

__all__ = ["write"]

_HEADER = re.compile(r"[|>][-+0-9]*")


def write(target: Target, value: Any) -> list[Splice]:
    """The value in place of the target's deepest node. What stands behind the old value on its line stays."""
    tree, holder = target.tree, target.holders[-1]
    if target.in_flow:
        return [_in_flow(tree, holder, value)]
    first, below = _rendered(target, value)
    node = holder.node
    start = content_start(tree.source, node)
    if _stands_below(tree, holder, start):
        return _replace_below(target, start, first, below)
    if isinstance(node, Scalar) and node.is_block:
        return _replace_block_scalar(tree, node, start, first, below)
    end = code_end(tree.source, node)
    here = _inline(tree, start, end, first)
    return [here, new_lines(tree.source, behind(tree.source, node), below)] if below else [here]


def _in_flow(tree: Tree, holder: Holder, value: Any) -> Splice:
    node, text = holder.node, tree.source.text
    start, rendered = content_start(tree.source, node), flow_value(tree, value)
    if isinstance(node, Scalar) and isinstance(value, str) and node.style in ("single", "double") and not tree.is_json:
        rendered = quote(value, "single" if node.style == "single" else "double")
    if start == node.span.end and holder.entry is not None:  # `{a}` and `{a:}` have no text for the value
        has_colon = ":" in text[holder.entry.key.span.end : start]
        rendered = f" {rendered}" if has_colon else f": {rendered}"
    return Splice(start, node.span.end, rendered)


def _rendered(target: Target, value: Any) -> tuple[str, list[str]]:
    """What stands at the value's place, and the lines below it, indented for their place in the file."""
    tree, holder = target.tree, target.holders[-1]
    layout = _layout(target)
    source = tree.source
    if (
        isinstance(holder.node, Scalar)
        and isinstance(value, str)
        and holder.node.style in ("single", "double")
        and "\n" not in value
    ):
        return quote(value, "single" if holder.node.style == "single" else "double"), []
    if holder.entry is not None:
        first, below = value_lines(value, layout)
        return first, indent(below, column(source, entry_start(source, holder.entry)))
    if holder.index is not None:
        parent = target.holders[-2].node
        assert isinstance(parent, Sequence)
        dash = item_start(source, parent, holder.index)
        first, *below = block_lines([value], layout)
        return first[layout.item :], indent(below, column(source, dash))
    if isinstance(value, (dict, list)) and value:
        first, *below = block_lines(value, layout)
        # Behind `---` a block cannot begin on the same line.
        alone = starts_line(source, content_start(source, holder.node))
        return (first, below) if alone else ("", [first, *below])
    return inline_text(value, layout), []


def _layout(target: Target) -> Layout:
    source, holder = target.tree.source, target.holders[-1]
    parent = target.holders[-2].node if len(target.holders) > 1 else None
    layout = layout_near(source, target.tree.root, parent)
    if holder.index is None or not isinstance(parent, Sequence):
        return layout
    # Behind a dash the content's column is the old one, so that the lines below fit it.
    width = content_start(source, holder.node) - item_start(source, parent, holder.index)
    on_line = source.line_start(holder.node.span.start) == source.line_start(holder.node.span.start - width)
    return replace(layout, item=max(width, 2)) if on_line else layout


def _stands_below(tree: Tree, holder: Holder, start: int) -> bool:
    """Whether the value begins on a line of its own, below its key or dash."""
    if holder.entry is None and holder.index is None:
        return False
    before = tree.source.text[tree.source.line_start(start) : start]
    return start < holder.node.span.end and not before.strip()


def _inline(tree: Tree, start: int, end: int, first: str) -> Splice:
    text = tree.source.text
    if not first:
        return Splice(blanks_before(tree.source, start), end, "")
    if start < end:
        return Splice(start, end, first)
    line_end = tree.source.line_end(end)
    if not text[end:line_end].strip():
        end = line_end  # blanks behind an empty value are not worth keeping
    blank = " " if text[start - 1 : start] not in ("", " ", "\t", "\n", "\r") else ""
    return Splice(start, end, blank + first)


def _replace_block_scalar(tree: Tree, node: Scalar, start: int, first: str, below: list[str]) -> list[Splice]:
    """The header gives way to the new text, its comment stays, the content lines go."""
    source = tree.source
    match = _HEADER.match(source.text, start)
    header = _inline(tree, start, match.end() if match else start, first)
    return [header, _lines_instead(tree, source.next_line(start), node.span.end, below)]


def _replace_below(target: Target, start: int, first: str, below: list[str]) -> list[Splice]:
    tree, node = target.tree, target.holders[-1].node
    region = _lines_instead(tree, tree.source.line_start(start), behind(tree.source, node), below)
    if not first:
        return [region]
    at = _behind_owner(target, start)
    return [Splice(at, at, f" {first}"), region]


def _behind_owner(target: Target, start: int) -> int:
    """Behind the colon or dash, and behind the anchor and tag that follow it."""
    source, holder = target.tree.source, target.holders[-1]
    node = holder.node
    if node.anchor or node.tag:
        head = source.text[node.span.start : start]
        return node.span.start + len(re.split(r"\s#|[\r\n]", head, maxsplit=1)[0].rstrip())
    if holder.entry is not None:
        return source.text.index(":", holder.entry.key.span.end) + 1
    parent = target.holders[-2].node
    assert isinstance(parent, Sequence)
    assert holder.index is not None
    return item_start(source, parent, holder.index) + 1


def _lines_instead(tree: Tree, start: int, end: int, lines: list[str]) -> Splice:
    """Whole lines replaced by others; at the end of a file without line end, that stays missing."""
    source = tree.source
    newline = source.newline_near(max(start - 1, 0))
    if not lines:
        return Splice(start, end, "")
    ends_line = source.text[end - 1 : end] in ("\n", "\r")
    return Splice(start, end, newline.join(lines) + (newline if ends_line else ""))
