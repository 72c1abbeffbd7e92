"""Splices that take an entry or item out of a document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tarmak_iam.document.flow import remove_member
from tarmak_iam.document.geometry import (
    behind,
    blanks_before,
    code_end,
    entry_start,
    item_start,
    last_leaf,
    starts_line,
)
from tarmak_iam.document.nodes import Mapping, Scalar, Sequence, Span
from tarmak_iam.document.source import Source
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.write import write

__all__ = ["remove", "remove_with_parents", "shorten"]


def shorten(target: Target) -> Target:
    """The highest of the target's parents that its removal would leave empty (never the root)."""
    while len(target.holders) > 2 and _size(target, -2) == 1:
        target = _parent(target)
    return target


def _parent(target: Target) -> Target:
    return replace(target, route=target.route.parent, holders=target.holders[:-1])


def remove_with_parents(target: Target) -> list[Splice]:
    """Takes the target out, and every parent that is left empty without it; comment lines that stand between
    the parents' keys and the target stay."""
    top, tree = shorten(target), target.tree
    start, end = _start(tree, top), _start(tree, target)
    lines = [
        Span(tree.source.line_start(comment.span.start), tree.source.next_line(comment.span.start))
        for comment in tree.comments
        if comment.own_line and start < comment.span.start < end
    ]
    return [part for splice in remove(top) for part in _without(splice, lines)]


def _start(tree: Tree, target: Target) -> int:
    holder = target.holders[-1]
    return entry_start(tree.source, holder.entry) if holder.entry else holder.node.span.start


def _without(splice: Splice, spared: list[Span]) -> list[Splice]:
    """A deletion, cut into pieces around what is spared."""
    inside = [span for span in spared if splice.start <= span.start and span.end <= splice.end and not splice.text]
    edges = [splice.start, *(edge for span in inside for edge in (span.start, span.end)), splice.end]
    return [replace(splice, start=start, end=end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def remove(target: Target) -> list[Splice]:
    """Takes the target (it exists and is not the root) out of its parent; a parent left empty is {} or []."""
    tree, holder = target.tree, target.holders[-1]
    parent = target.holders[-2].node
    if isinstance(parent, Mapping):
        _refuse_duplicate(target, parent)
    if _size(target, -2) == 1 and not _holds_comment(target):
        emptied: Any = {} if isinstance(parent, Mapping) else []
        return write(_parent(target), emptied)
    assert isinstance(parent, (Mapping, Sequence))
    number = holder.index if isinstance(parent, Sequence) else parent.entries.index(holder.entry)
    assert number is not None
    if parent.flow:
        return remove_member(tree, parent, number)
    return _from_block(tree, parent, number)


def _holds_comment(target: Target) -> bool:
    """Whether comments stand beside the only member of a flow collection: they keep its brackets apart."""
    parent, own = target.holders[-2].node, target.holders[-1]
    start = own.entry.key.span.start if own.entry else own.node.span.start
    if not isinstance(parent, (Mapping, Sequence)) or not parent.flow:
        return False
    inside = [c.span.start for c in target.tree.comments if parent.span.start < c.span.start < parent.span.end]
    return any(not start < at < own.node.span.end for at in inside)


def _refuse_duplicate(target: Target, parent: Mapping) -> None:
    """Without the last of two equal keys the one before it would count, which nobody means by a removal."""
    entry = target.holders[-1].entry
    lines = [
        str(target.tree.source.position(other.key.span.start)[0])
        for other in parent.entries
        if entry is not None and other.text == entry.text
    ]
    if len(lines) > 1 and entry is not None:
        refuse(
            target.tree,
            entry.key,
            f"the key '{entry.text}' is there {len(lines)} times (lines {', '.join(lines)})",
            "remove all but one by hand first",
        )


def _size(target: Target, at: int) -> int:
    node = target.holders[at].node
    if isinstance(node, Mapping):
        return len(node.entries)
    return len(node.items) if isinstance(node, Sequence) else 0


def _from_block(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Splice]:
    source = tree.source
    starts = _starts(source, parent)
    start = starts[number]
    node = parent.entries[number].value if isinstance(parent, Mapping) else parent.items[number]
    below = behind(source, node)
    if starts_line(source, start):
        ends_in_block = number > 0 and _ends_in_block_scalar(parent, number - 1)
        return [_lines(source, source.line_start(start), below, keep_line_end=ends_in_block)]
    # The first one of a mapping or list that begins behind a dash: the next one moves up to its place,
    # or down to its own line if comments stand between them.
    following = starts[number + 1] if number + 1 < len(starts) else None
    if following is not None and not source.text[below : source.line_start(following)].strip():
        return [Splice(start, following, "")]
    end = code_end(source, node)
    return [Splice(blanks_before(source, start), source.line_end(end), "")]


def _starts(source: Source, parent: Mapping | Sequence) -> list[int]:
    if isinstance(parent, Mapping):
        return [entry_start(source, entry) for entry in parent.entries]
    return [item_start(source, parent, number) for number in range(len(parent.items))]


def _ends_in_block_scalar(parent: Mapping | Sequence, number: int) -> bool:
    """Whether a member's last line end belongs to its value."""
    leaf = last_leaf(parent.entries[number].value if isinstance(parent, Mapping) else parent.items[number])
    return isinstance(leaf, Scalar) and leaf.is_block


def _lines(source: Source, start: int, end: int, *, keep_line_end: bool) -> Splice:
    """Whole lines; if they end a file without line end, the one before them goes, so that it stays so."""
    unended = start < end == len(source.text) and not source.ends_line(end)
    if unended and start and not keep_line_end:
        newline = source.newline_near(start - 1)
        return Splice(start - len(newline), end, "")
    return Splice(start, end, "")
