"""Splices that add to a document: a key to a mapping, an item to a list, a child to what is empty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tarmak_iam.document.commented import Slot, below_commented
from tarmak_iam.document.flow import add_member
from tarmak_iam.document.geometry import (
    behind,
    blanks_before,
    entry_start,
    item_start,
    key_column,
    new_lines,
    room_behind,
    starts_line,
)
from tarmak_iam.document.layout import Layout, column
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence
from tarmak_iam.document.properties import content_start
from tarmak_iam.document.render import block_lines, entry_lines, indent
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target, is_null, refuse
from tarmak_iam.document.write import write
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Step

__all__ = ["insert", "insert_item"]


def insert(target: Target, value: Any) -> list[Splice]:
    """Gives the target's missing steps the value, creating every parent on the way. Raises EditRefused."""
    child = _nested(target.missing, value)
    if not target.holders or _is_unwritten_root(target):
        return _into_nothing(target, child)
    node = target.holders[-1].node
    if _is_empty(node):
        return _fill_empty(target, child)
    if not isinstance(node, Mapping) or not isinstance(child, dict):
        refuse(target.tree, node, f"there is nothing at {target.route}", "append adds to a list")
    ((key, value),) = child.items()
    if node.flow:
        return add_member(target.tree, node, (key, value))
    return _into_block_mapping(target, node, key, value)


def insert_item(target: Target, value: Any) -> list[Splice]:
    """Adds the value to the end of the list that the target is. Raises EditRefused."""
    tree, node = target.tree, target.holders[-1].node
    if _is_empty(node):
        return _fill_empty(target, [value])
    if not isinstance(node, Sequence):
        refuse(tree, node, f"{target.route} is not a list", "append adds to lists only")
    if node.flow:
        return add_member(tree, node, value)
    layout = target.layout()
    dash = column(tree.source, item_start(tree.source, node, len(node.items) - 1))
    return [new_lines(tree.source, room_behind(tree, node), indent(block_lines([value], layout), dash))]


def _nested(steps: tuple[Step, ...], value: Any) -> Any:
    """The value inside the parents that the steps call for; an index can only begin a new list."""
    for step in reversed(steps):
        if isinstance(step, int) and step != 0:
            raise EditRefused(f"a new list has no index {step}", remedy="begin a list with index 0, or append")
        value = {step.text: value} if isinstance(step, Key) else [value]
    return value


def _is_empty(node: Node) -> bool:
    if isinstance(node, Mapping):
        return not node.entries
    if isinstance(node, Sequence):
        return not node.items
    return is_null(node)


def _is_unwritten_root(target: Target) -> bool:
    """The empty node of a document that is only `---` (and comments)."""
    root = target.holders[0].node
    return len(target.holders) == 1 and root.span.start == root.span.end


def _into_nothing(target: Target, child: Any) -> list[Splice]:
    """A document without any node (empty, or comments only) begins behind its comments."""
    source, end = target.tree.source, target.tree.extent.end
    at = end if end >= len(source.text) else source.line_start(end)
    return [new_lines(source, at, block_lines(child, replace(Layout(), literal=target.literals)))]


def _fill_empty(target: Target, child: Any) -> list[Splice]:
    """null, ~, nothing, {} and [] become a block (inside a flow collection: flow); their comment stays."""
    node = target.holders[-1].node
    if isinstance(node, Sequence if isinstance(child, dict) else Mapping):
        kind = "list" if isinstance(node, Sequence) else "mapping"
        refuse(target.tree, node, f"an empty {kind} stands where the other kind is wanted", "remove it first")
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


def _into_block_mapping(target: Target, mapping: Mapping, key: str, value: Any) -> list[Splice]:
    tree, source = target.tree, target.tree.source
    layout, width = target.layout(), key_column(source, mapping)
    lines = indent(entry_lines(key, value, layout), width)
    for start in (_above_first(target, mapping), *(behind(source, entry.value) for entry in mapping.entries)):
        slot = None if start is None else below_commented(tree, key, start, lambda where: where == width)
        if slot:
            return [new_lines(source, slot.offset, lines)]
    return [new_lines(source, room_behind(tree, mapping), lines)]


def _above_first(target: Target, mapping: Mapping) -> int | None:
    """Where the lines between the mapping's owner and its first key begin, if it begins on its own line."""
    source, holder = target.tree.source, target.holders[-1]
    if not starts_line(source, entry_start(source, mapping.entries[0])):
        return None
    if holder.entry is not None:
        return source.next_line(holder.entry.key.span.end)
    return source.line_start(target.tree.extent.start) if holder.index is None else None
