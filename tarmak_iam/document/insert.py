"""Splices that add to a document: keys to a mapping, items to a list, children to what is empty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tarmak_iam.document.commented import Slot, below_commented
from tarmak_iam.document.flow import add_to_flow, fill_flow
from tarmak_iam.document.geometry import (
    behind,
    blanks_before,
    entry_start,
    item_start,
    key_column,
    new_lines,
    room_behind,
    size,
    starts_line,
)
from tarmak_iam.document.layout import Layout, column
from tarmak_iam.document.nodes import Mapping, Scalar, Sequence
from tarmak_iam.document.ownership import behind_last_comments, behind_with_comments, holds_comments, member_lines
from tarmak_iam.document.properties import content_start
from tarmak_iam.document.render import block_lines, entry_lines, flow_text, indent, value_lines
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target, is_null, refuse
from tarmak_iam.document.write import write

__all__ = ["add_items", "add_members", "begin", "is_empty", "takes_members"]


def add_members(target: Target, members: dict[Any, Any]) -> list[Splice]:
    """Gives new keys to the mapping (or null, or nothing) that the target is. Raises EditRefused."""
    if is_empty(target):
        return _fill_empty(target, members)
    node = target.holders[-1].node
    if not isinstance(node, Mapping):
        refuse(target.tree, node, f"{target.route} is not a mapping", "keys are added to mappings only")
    if node.flow:
        return add_to_flow(target, node, list(members.items()))
    return [splice for key, value in members.items() for splice in _into_block_mapping(target, node, key, value)]


def add_items(target: Target, index: int, values: list[Any]) -> list[Splice]:
    """Puts items into the list (or null, or nothing) that the target is, from `index` on. Raises EditRefused."""
    if is_empty(target):
        return _fill_empty(target, values)
    tree, node = target.tree, target.holders[-1].node
    if not isinstance(node, Sequence):
        refuse(tree, node, f"{target.route} is not a list", "items are added to lists only")
    if node.flow:
        return add_to_flow(target, node, values, index)
    source = tree.source
    dash = column(source, item_start(source, node, len(node.items) - 1))
    lines = indent(_item_lines(node, values, target.layout()), dash)
    if index == 0 and not starts_line(source, start := item_start(source, node, 0)):
        newline = source.newline_near(start)  # behind another dash: what stands there moves to a line of its own
        return [Splice(start, start, newline.join(lines).lstrip(" ") + newline + " " * dash)]
    if index == 0:
        at = member_lines(tree, node, 0).start
    else:
        last = index == len(node.items)
        below = room_behind(tree, node) if last else behind(source, node.items[index - 1])
        at = behind_with_comments(tree, below, dash)
        if last and at == below:  # one that stands further out than those before it speaks of something else
            at = behind_last_comments(tree, at, _outer_column(target, dash))
    return [new_lines(source, at, lines)]


def _outer_column(target: Target, dash: int) -> int:
    """The column of the list's key, which its items may be indented below."""
    entry = target.holders[-1].entry
    return dash if entry is None else min(dash, column(target.tree.source, entry_start(target.tree.source, entry)))


def _item_lines(node: Sequence, values: list[Any], layout: Layout) -> list[str]:
    """Collections among none but flow collections of their kind (`- {a: 1}`) are written so, too."""
    kinds = {type(item) if isinstance(item, (Mapping, Sequence)) and item.flow else None for item in node.items}
    kind: type | None = {Mapping: dict, Sequence: list}.get(kinds.pop() or Scalar) if len(kinds) == 1 else None
    if kind is None or not all(isinstance(value, kind) for value in values):
        return block_lines(values, layout)
    return ["-".ljust(layout.item) + flow_text(value, layout) for value in values]


def is_empty(target: Target) -> bool:
    """Whether the target is null, {} or [], or there is no node at all."""
    if not target.holders:
        return True
    node = target.holders[-1].node
    return is_null(node) if isinstance(node, Scalar) else isinstance(node, (Mapping, Sequence)) and not size(node)


def takes_members(target: Target, value: Any) -> bool:
    """Whether the target is empty, and can become the mapping or list that the value is."""
    if not is_empty(target) or not value:
        return False
    if isinstance(value, dict):
        return not isinstance(target.node, Sequence)
    return isinstance(value, list) and not isinstance(target.node, Mapping)


def _is_unwritten_root(target: Target) -> bool:
    """The empty node of a document that is only `---` (and comments)."""
    root = target.holders[0].node
    return len(target.holders) == 1 and root.span.start == root.span.end


def begin(target: Target, value: Any) -> list[Splice]:
    """A document without any node (empty, or comments only) begins behind its comments."""
    source, end = target.tree.source, target.tree.extent.end
    at = end if end >= len(source.text) else source.line_start(end)
    layout = replace(Layout(), literal=target.literals)
    if isinstance(value, (dict, list)) and value:
        return [new_lines(source, at, block_lines(value, layout))]
    first, below = value_lines(value, layout)
    return [new_lines(source, at, [f"--- {first}" if below else first, *below])]


def _fill_empty(target: Target, child: Any) -> list[Splice]:
    """null, ~, nothing, {} and [] become a block (inside a flow collection: flow); their comment stays."""
    if not target.holders or _is_unwritten_root(target):
        return begin(target, child)
    node = target.holders[-1].node
    if not takes_members(target, child):
        kind = "list" if isinstance(node, Sequence) else "mapping"
        refuse(target.tree, node, f"an empty {kind} stands where the other kind is wanted", "remove it first")
    if isinstance(node, (Mapping, Sequence)) and holds_comments(target.tree, node):
        return fill_flow(target, node, list(child.items() if isinstance(child, dict) else child))
    slot = None if target.in_flow else _commented_child(target, child)
    if slot is not None:
        return _below_comment(target, child, slot)
    return write(target, child)


def _commented_child(target: Target, child: Any) -> Slot | None:
    """The slot below a commented-out line of the new key, under the key whose value is null."""
    holder, source = target.holders[-1], target.tree.source
    if holder.entry is None or not isinstance(child, dict) or not isinstance(holder.node, Scalar):
        return None
    own = column(source, entry_start(source, holder.entry))
    below = source.next_line(holder.node.span.end)
    return below_commented(target.tree, next(iter(child)), below, lambda where: where > own)


def _below_comment(target: Target, child: Any, slot: Slot) -> list[Splice]:
    source, node = target.tree.source, target.holders[-1].node
    layout = target.layout()
    lines = new_lines(source, slot.offset, indent(block_lines(child, layout), slot.column))
    assert isinstance(node, Scalar)
    start = content_start(source.text, node)  # `null` or `~` gives way to the block
    return [Splice(blanks_before(source, start), node.span.end, ""), lines] if node.text else [lines]


def _into_block_mapping(target: Target, mapping: Mapping, key: Any, value: Any) -> list[Splice]:
    tree, source = target.tree, target.tree.source
    layout, width = target.layout(), key_column(source, mapping)
    lines = indent(entry_lines(key, value, layout), width)
    places = (_above_first(target, mapping), *(behind(source, entry.value) for entry in mapping.entries))
    for start in places if str(key) in tree.commented_out else ():
        slot = None if start is None else below_commented(tree, str(key), start, lambda where: where == width)
        if slot:
            return [new_lines(source, slot.offset, lines)]
    return [new_lines(source, behind_with_comments(tree, room_behind(tree, mapping), width), lines)]


def _above_first(target: Target, mapping: Mapping) -> int | None:
    """Where the lines between the mapping's owner and its first key begin, if it begins on its own line."""
    source, holder = target.tree.source, target.holders[-1]
    if not starts_line(source, entry_start(source, mapping.entries[0])):
        return None
    if holder.entry is not None:
        return source.next_line(holder.entry.key.span.end)
    return source.line_start(target.tree.extent.start) if holder.index is None else None
