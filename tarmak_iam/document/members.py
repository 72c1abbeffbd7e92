"""Splices that add members to a mapping or list, remove them, or reorder them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from tarmak_iam.document.comments import (
    Slot,
    below_commented,
    below_deeper_comments,
    below_last_comments,
    comment_line,
    holds_comments,
    member_lines,
    own_comment_lines,
)
from tarmak_iam.document.flow import add_to_flow, fill_flow, remove_from_flow
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Span, content_start, is_block
from tarmak_iam.document.render import AROUND, Layout, block_lines, entry_lines, flow_text, indent, value_lines
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import (
    Splice,
    above_blank_lines,
    blanks_before,
    code_end,
    column,
    end_node,
    entry_start,
    item_start,
    joined_spans,
    keeps_line_ends,
    key_column,
    last_leaf,
    lines_below,
    member_count,
    member_span,
    member_start,
    member_value,
    members_of,
    new_lines,
    next_line_after,
    owns_line_end,
    starts_line,
)
from tarmak_iam.document.target import Target, is_null, refuse
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.write import write_value
from tarmak_iam.patterns import compiled
from tarmak_iam.text import quoted


def add_members(target: Target, members: dict[Any, Any]) -> list[Splice]:
    """Adds keys to the target: a mapping, null, or no node at all. Raises EditRefused."""
    if is_empty_target(target):
        return _fill_empty(target, members)
    node = target.holders[-1].node
    if not isinstance(node, Mapping):
        refuse(target.tree, node, f"{target.route} is not a mapping", "keys can only be added to a mapping")
    if node.flow:
        return add_to_flow(target, node, list(members.items()))
    return lines_below(
        target.tree.source, node, [_into_block_mapping(target, node, *member) for member in members.items()]
    )


def add_items(target: Target, index: int, values: list[Any]) -> list[Splice]:
    """Adds items, from `index` on, to the target: a list, null, or no node at all. Raises EditRefused."""
    if is_empty_target(target):
        return _fill_empty(target, values)
    tree, node = target.tree, target.holders[-1].node
    if not isinstance(node, Sequence):
        refuse(tree, node, f"{target.route} is not a list", "items can only be added to a list")
    if node.flow:
        return add_to_flow(target, node, values, index)
    source = tree.source
    dash = column(source, item_start(source, node, len(node.items) - 1))
    lines = indent(_item_lines(node, index, values, target.layout(at=index)), dash)
    if index == 0 and not starts_line(source, start := item_start(source, node, 0)):
        newline = source.newline_near(start)  # after another dash: the present first item moves to its own line
        return [Splice(start, start, newline.join(lines).lstrip(" ") + newline + " " * dash)]
    if index == 0:
        at = member_lines(tree, node, 0).start
    else:
        last = index == len(node.items)
        below = next_line_after(source, node if last else node.items[index - 1])
        at = below_deeper_comments(tree, below, dash)
        if last and at == below:  # a comment further out than those before it is about something else
            at = below_last_comments(tree, at, _outer_column(target, dash))
    return lines_below(source, node, [new_lines(source, at, lines)])


def _outer_column(target: Target, dash: int) -> int:
    """The column of the list's key, which its items may be indented below."""
    entry = target.holders[-1].entry
    return dash if entry is None else min(dash, column(target.tree.source, entry_start(target.tree.source, entry)))


def _item_lines(node: Sequence, index: int, values: list[Any], layout: Layout) -> list[str]:
    """New collections are written in flow style if the items around are flow collections of their kind (`- {a: 1}`)."""
    first, *others = node.items[max(index - AROUND, 0) : index + AROUND + 1]
    kind = {Mapping: dict, Sequence: list}.get(type(first))
    are_flow = kind and all(type(item) is type(first) and getattr(item, "flow", False) for item in (first, *others))
    if kind is None or not are_flow or not all(isinstance(value, kind) for value in values):
        return block_lines(values, layout)
    return ["-".ljust(layout.item) + flow_text(value, layout) for value in values]


def is_empty_target(target: Target) -> bool:
    """Whether the target is null, {} or [], or does not exist at all."""
    if not target.holders:
        return True
    node = target.holders[-1].node
    return (
        is_null(node) if isinstance(node, Scalar) else isinstance(node, (Mapping, Sequence)) and not member_count(node)
    )


def takes_members(target: Target, value: Any) -> bool:
    """Whether the target is empty and can become the value, a mapping or list."""
    if not is_empty_target(target) or not value:
        return False
    if isinstance(value, dict):
        return not isinstance(target.node, Sequence)
    return isinstance(value, list) and not isinstance(target.node, Mapping)


def _is_unwritten_root(target: Target) -> bool:
    """The empty node of a document that is only `---` (and comments)."""
    root = target.holders[0].node
    return len(target.holders) == 1 and root.span.start == root.span.end


def begin(target: Target, value: Any) -> list[Splice]:
    """The first value of a document without any node (empty, or only comments), after its comments."""
    source, end = target.tree.source, target.tree.extent.end
    at = end if end >= len(source.text) else source.line_start(end)
    layout = replace(Layout(), literal=target.literals)
    if isinstance(value, (dict, list)) and value:
        return [new_lines(source, at, block_lines(value, layout))]
    first, below = value_lines(value, layout)
    return [new_lines(source, at, [f"--- {first}" if below else first, *below])]


def _fill_empty(target: Target, child: Any) -> list[Splice]:
    """Replaces null, ~, an empty value, {} or [] with a block (inside a flow collection: flow). Its comment stays."""
    if not target.holders or _is_unwritten_root(target):
        return begin(target, child)
    node = target.holders[-1].node
    if not takes_members(target, child):
        found, needed = ("list", "mapping") if isinstance(node, Sequence) else ("mapping", "list")
        refuse(target.tree, node, f"{target.route} is an empty {found}, not a {needed}", "remove it first")
    if isinstance(node, (Mapping, Sequence)) and holds_comments(target.tree, node):
        return fill_flow(target, node, list(child.items() if isinstance(child, dict) else child))
    slot = None if target.in_flow else _commented_child(target, child)
    if slot is not None:
        return _below_comment(target, child, slot)
    return write_value(replace(target, keeps_tags=True), child)


def _commented_child(target: Target, child: Any) -> Slot | None:
    """The slot below the commented-out line of the new key, under the key whose value is null."""
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
    start = content_start(source.text, node)  # the block replaces `null` or `~`
    return [Splice(blanks_before(source, start), node.span.end, ""), lines] if node.text else [lines]


def _into_block_mapping(target: Target, mapping: Mapping, key: Any, value: Any) -> Splice:
    tree, source = target.tree, target.tree.source
    layout, width = target.layout(), key_column(source, mapping)
    lines = indent(entry_lines(key, value, layout), width)
    for start in _comment_places(target, mapping) if str(key) in tree.commented_out else ():
        slot = None if start is None else below_commented(tree, str(key), start, lambda where: where == width)
        if slot:
            return new_lines(source, slot.offset, lines)
    return new_lines(source, below_deeper_comments(tree, next_line_after(source, mapping), width), lines)


def _comment_places(target: Target, mapping: Mapping) -> Iterator[int | None]:
    """Where the lines between the keys begin."""
    yield _above_first(target, mapping)
    for entry in mapping.entries:
        yield next_line_after(target.tree.source, end_node(entry))


def _above_first(target: Target, mapping: Mapping) -> int | None:
    """The offset of the lines between the mapping's owner and its first key; None if the key is on the same line."""
    source, holder = target.tree.source, target.holders[-1]
    if not starts_line(source, entry_start(source, mapping.entries[0])):
        return None
    if holder.entry is not None:
        return source.next_line(holder.entry.key.span.end)
    return source.line_start(target.tree.extent.start) if holder.index is None else None


_MARKER = compiled(r"^---", re.MULTILINE)


def emptied_by(target: Target) -> Target:
    """The highest parent that removing the target would leave empty; the target itself if there is none."""
    while len(target.holders) > 1 and member_count(target.holders[-2].node) == 1:
        if len(target.holders) == 2 and not _is_removable_root(target.tree, target.holders[0].node):
            break
        target = target.parent
    return target


def _is_removable_root(tree: Tree, root: Node) -> bool:
    """Whether the root is a block on its own lines, so that removing them leaves an empty document."""
    if not is_block(root):
        return False
    text, extent = tree.source.text, tree.extent
    if extent.end < len(text) and not _MARKER.search(text, extent.start, root.span.start):
        return False  # there would be no document left, and the next one would become the first
    return root.span.start == member_start(tree.source, root, 0) and starts_line(tree.source, root.span.start)


def remove_members(target: Target, numbers: Collection[int], *, with_comments: bool = False) -> list[Splice]:
    """Removes members of the target, a collection. If it is left empty, it becomes {} or []."""
    tree, parent = target.tree, target.holders[-1].node
    assert isinstance(parent, (Mapping, Sequence))
    if isinstance(parent, Mapping):
        _refuse_duplicates(tree, parent, numbers)
    if len(numbers) < member_count(parent) or (parent.flow and _holds_comment(tree, parent)):
        if parent.flow:
            return remove_from_flow(tree, parent, numbers, with_comments=with_comments)
        return _from_block(tree, parent, sorted(numbers))
    return replace_items(target, {} if isinstance(parent, Mapping) else [])


def remove_root(tree: Tree) -> list[Splice]:
    """Removes a block collection that is the whole document. The comments above and below it stay."""
    root = tree.root
    assert root is not None
    span = Span(tree.source.line_start(root.span.start), next_line_after(tree.source, root))
    return [_lines(tree.source, span, keep_line_end=False)]


def sparing(tree: Tree, splices: list[Splice], own: Collection[Comment]) -> list[Splice]:
    """Deletions, split so that all comment lines except `own` stay."""
    taken = {comment.span.start for comment in own}
    lines = [comment_line(tree, comment) for start, comment in tree.own_lines.items() if start not in taken]
    return [part for splice in splices for part in _without(splice, lines)]


def _without(splice: Splice, spared: list[Span]) -> list[Splice]:
    inside = [span for span in spared if splice.start <= span.start and span.end <= splice.end and not splice.text]
    edges = [splice.start, *(edge for span in inside for edge in span), splice.end]
    return [replace(splice, start=start, end=end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _holds_comment(tree: Tree, parent: Mapping | Sequence) -> bool:
    """Whether there are comments between the members of a flow collection, which then cannot become {} or []."""
    inside = [c.span.start for c in tree.comments if parent.span.start < c.span.start < parent.span.end]
    spans = [member_span(member) for member in members_of(parent)]
    return any(not any(span.start < at < span.end for span in spans) for at in inside)


def _refuse_duplicates(tree: Tree, parent: Mapping, numbers: Collection[int]) -> None:
    """Refuses to remove the last of several equal keys: the one before it would take effect, which is not intended."""
    kept: set[str | None] = {entry.text for number, entry in enumerate(parent.entries) if number not in numbers}
    for number in numbers:
        entry = parent.entries[number]
        if entry.text is not None and entry.text in kept:
            equal = [other.key.span.start for other in parent.entries if other.text == entry.text]
            lines = ", ".join(str(tree.source.position(start)[0]) for start in equal)
            what = f"duplicate key {quoted(entry.text)} (lines {lines})"
            refuse(tree, entry.key, what, "remove all but one of them by hand first")


def replace_items(target: Target, value: Any) -> list[Splice]:
    """Another value instead of all members. The comment lines that belong to a block's members are removed."""
    tree, source, parent = target.tree, target.tree.source, target.holders[-1].node
    assert isinstance(parent, (Mapping, Sequence))
    splices = write_value(replace(target, keeps_tags=True), value)
    if parent.flow:
        return splices
    lines = [
        comment_line(tree, comment)
        for number in range(member_count(parent))
        for comment in own_comment_lines(tree, parent, number, range(member_count(parent)))
    ]
    new = [splice for splice in splices if splice.text]
    lines = [line for line in lines if not any(text.start <= line.start < text.end for text in new)]
    if not lines:
        return splices
    deleted = joined_spans([*lines, *(Span(splice.start, splice.end) for splice in splices if not splice.text)])
    return [*new, *(_lines(source, span, keep_line_end=False) for span in deleted)]


def _from_block(tree: Tree, parent: Mapping | Sequence, numbers: list[int]) -> list[Splice]:
    """Removes some of the members, but not all."""
    source, removed = tree.source, frozenset(numbers)
    spans = [
        member_lines(tree, parent, number, removed)
        for number in numbers
        if starts_line(source, member_start(source, parent, number))
    ]
    starts = [member_span(member).start for member in members_of(parent)]
    spans = [_with_blank_lines(source, parent, starts, span) for span in joined_spans(spans)]
    spans = _ending_as_before(source, parent, starts, joined_spans(spans))
    splices = [Splice(*span, "") for span in spans]
    if numbers[0] == 0 and not starts_line(source, member_start(source, parent, 0)):
        return _after_dash(tree, parent, numbers, splices)
    return splices


def _with_blank_lines(source: Source, parent: Mapping | Sequence, starts: list[int], span: Span) -> Span:
    """The lines to remove, with the blank lines below them if these would become part of a block scalar above."""
    before = bisect_left(starts, span.start) - 1
    leaf = last_leaf(member_value(parent, before)) if before >= 0 else None
    if not isinstance(leaf, Scalar) or not leaf.is_block or source.text[leaf.end : span.start].strip():
        return span
    end = span.end
    while end < len(source.text) and not source.text[end : source.line_end(end)].strip():
        end = source.next_line(end)
    blank = source.text[span.end : end]
    return Span(span.start, end) if keeps_line_ends(source, leaf) or blank.strip("\r\n") else span


def _ending_as_before(source: Source, parent: Mapping | Sequence, starts: list[int], spans: list[Span]) -> list[Span]:
    """The whole lines to remove. If they end a file without a final newline, the newlines before them go too."""
    while spans:
        before = bisect_left(starts, spans[-1].start) - 1
        keeps = before >= 0 and owns_line_end(source, member_value(parent, before))
        last = _lines(source, spans[-1], keep_line_end=keeps)
        longer = joined_spans([*spans[:-1], Span(last.start, last.end)])
        if len(longer) == len(spans):
            return longer
        spans = longer  # it now touches the span above
    return spans


def _after_dash(tree: Tree, parent: Mapping | Sequence, numbers: list[int], others: list[Splice]) -> list[Splice]:
    """Removes the first member of a mapping or list that begins after a dash. The next one that stays moves up to its
    place, or the dash stays alone if there are comments between them."""
    source, start = tree.source, member_start(tree.source, parent, 0)
    following = next(number for number in range(member_count(parent)) if number not in numbers)
    before, end = member_value(parent, following - 1), member_start(source, parent, following)
    between = source.text[next_line_after(source, before) : source.line_start(end)]
    if starts_line(source, end) and not between.strip():
        return [Splice(start, end, ""), *(splice for splice in others if splice.start >= end)]
    first = Splice(blanks_before(source, start), source.line_end(code_end(source, member_value(parent, 0))), "")
    return [first, *others]


def _lines(source: Source, span: Span, *, keep_line_end: bool) -> Splice:
    """Removes whole lines. If they end a file without a final newline, the newlines before them go too."""
    start, end = span
    unended = start < end == len(source.text) and not source.ends_line(end)
    if unended and start and not keep_line_end and source.ends_line(start):
        start = above_blank_lines(source, start)
    return Splice(start, end, "")
