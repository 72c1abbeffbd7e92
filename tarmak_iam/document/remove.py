"""Splices that take members out of a mapping or list, with the comments that clearly belong to them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import replace

from tarmak_iam.document.flow import remove_from_flow
from tarmak_iam.document.geometry import (
    above_blank_lines,
    behind,
    blanks_before,
    code_end,
    member_start,
    member_value,
    owns_line_end,
    size,
    starts_line,
)
from tarmak_iam.document.nodes import Mapping, Node, Sequence, Span, is_block
from tarmak_iam.document.ownership import comment_line, member_lines, own_comment_lines
from tarmak_iam.document.source import Source
from tarmak_iam.document.splice import Splice, joined
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.write import write
from tarmak_iam.text import quoted

__all__ = ["emptied_by", "remove_members", "remove_root", "sparing"]

_MARKER = re.compile(r"^---", re.MULTILINE)


def emptied_by(target: Target) -> Target:
    """The highest of the target's parents that its removal would leave empty; the target itself if none."""
    while len(target.holders) > 1 and size(target.holders[-2].node) == 1:
        if len(target.holders) == 2 and not _is_removable_root(target.tree, target.holders[0].node):
            break
        target = target.parent
    return target


def _is_removable_root(tree: Tree, root: Node) -> bool:
    """Whether the root is a block on lines of its own, so that without them an empty document is left."""
    if not is_block(root):
        return False
    text, extent = tree.source.text, tree.extent
    if extent.end < len(text) and not _MARKER.search(text, extent.start, root.span.start):
        return False  # it would be no document at all, and the next one the first
    return root.span.start == member_start(tree.source, root, 0) and starts_line(tree.source, root.span.start)


def remove_members(target: Target, numbers: Collection[int]) -> list[Splice]:
    """Takes members out of the collection that the target is; one that is left empty is {} or []."""
    tree, parent = target.tree, target.holders[-1].node
    assert isinstance(parent, (Mapping, Sequence))
    if isinstance(parent, Mapping):
        _refuse_duplicates(tree, parent, numbers)
    if len(numbers) < size(parent) or (parent.flow and _holds_comment(tree, parent)):
        return remove_from_flow(tree, parent, numbers) if parent.flow else _from_block(tree, parent, sorted(numbers))
    return _emptied(target, parent)


def remove_root(tree: Tree) -> list[Splice]:
    """Takes a block collection that is the whole document out: the comments above and below it stay."""
    root = tree.root
    assert root is not None
    span = Span(tree.source.line_start(root.span.start), behind(tree.source, root))
    return [_lines(tree.source, span, keep_line_end=False)]


def sparing(tree: Tree, splices: list[Splice], own: Collection[Comment]) -> list[Splice]:
    """Deletions, cut into pieces around all comment lines but some."""
    taken = {comment.span.start for comment in own}
    lines = [comment_line(tree, comment) for start, comment in tree.own_lines.items() if start not in taken]
    return [part for splice in splices for part in _without(splice, lines)]


def _without(splice: Splice, spared: list[Span]) -> list[Splice]:
    inside = [span for span in spared if splice.start <= span.start and span.end <= splice.end and not splice.text]
    edges = [splice.start, *(edge for span in inside for edge in span), splice.end]
    return [replace(splice, start=start, end=end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _holds_comment(tree: Tree, parent: Mapping | Sequence) -> bool:
    """Whether comments stand beside the members of a flow collection: they keep its brackets apart."""
    inside = [c.span.start for c in tree.comments if parent.span.start < c.span.start < parent.span.end]
    spans = [
        Span(member.key.span.start, member.value.span.end)
        for member in (parent.entries if isinstance(parent, Mapping) else ())
    ] + [item.span for item in (parent.items if isinstance(parent, Sequence) else ())]
    return any(not any(span.start < at < span.end for span in spans) for at in inside)


def _refuse_duplicates(tree: Tree, parent: Mapping, numbers: Collection[int]) -> None:
    """Without the last of two equal keys the one before it would count, which nobody means by a removal."""
    kept: set[str | None] = {entry.text for number, entry in enumerate(parent.entries) if number not in numbers}
    for number in numbers:
        entry = parent.entries[number]
        if entry.text is not None and entry.text in kept:
            equal = [other.key.span.start for other in parent.entries if other.text == entry.text]
            lines = ", ".join(str(tree.source.position(start)[0]) for start in equal)
            what = f"the key {quoted(entry.text)} is there {len(equal)} times (lines {lines})"
            refuse(tree, entry.key, what, "remove all but one by hand first")


def _emptied(target: Target, parent: Mapping | Sequence) -> list[Splice]:
    """{} or [] instead of all members; the comment lines of a block's members go where they stand around them."""
    tree, source = target.tree, target.tree.source
    splices = write(target, {} if isinstance(parent, Mapping) else [])
    if parent.flow:
        return splices
    lines = [
        comment_line(tree, comment)
        for number in range(size(parent))
        for comment in own_comment_lines(tree, parent, number)
    ]
    if not lines:
        return splices
    deleted = joined([*lines, *(Span(each.start, each.end) for each in splices if not each.text)])
    return [*(each for each in splices if each.text), *(_lines(source, span, keep_line_end=False) for span in deleted)]


def _from_block(tree: Tree, parent: Mapping | Sequence, numbers: list[int]) -> list[Splice]:
    """Takes some of the members out, but not all."""
    source = tree.source
    spans = [
        member_lines(tree, parent, number)
        for number in numbers
        if starts_line(source, member_start(source, parent, number))
    ]
    splices = [Splice(*span, "") for span in _ending_as_before(tree, parent, joined(spans))]
    if numbers[0] == 0 and not starts_line(source, member_start(source, parent, 0)):
        return _behind_dash(tree, parent, numbers, splices)
    return splices


def _ending_as_before(tree: Tree, parent: Mapping | Sequence, spans: list[Span]) -> list[Span]:
    """Whole lines that go; if they end a file without line end, the line ends before them go too."""
    source = tree.source
    starts = [member_start(source, parent, number) for number in range(size(parent))]
    while spans:
        before = bisect_left(starts, spans[-1].start) - 1
        keeps = before >= 0 and owns_line_end(source, member_value(parent, before))
        last = _lines(source, spans[-1], keep_line_end=keeps)
        longer = joined([*spans[:-1], Span(last.start, last.end)])
        if len(longer) == len(spans):
            return longer
        spans = longer  # it reaches up to what goes above
    return spans


def _behind_dash(tree: Tree, parent: Mapping | Sequence, numbers: list[int], others: list[Splice]) -> list[Splice]:
    """The first member of a mapping or list that begins behind a dash: the next one that stays moves up to its
    place, or the dash stays alone if comments stand between them."""
    source, start = tree.source, member_start(tree.source, parent, 0)
    following = next(number for number in range(size(parent)) if number not in numbers)
    before, end = member_value(parent, following - 1), member_start(source, parent, following)
    between = source.text[behind(source, before) : source.line_start(end)]
    if starts_line(source, end) and not between.strip():
        return [Splice(start, end, ""), *(splice for splice in others if splice.start >= end)]
    first = Splice(blanks_before(source, start), source.line_end(code_end(source, member_value(parent, 0))), "")
    return [first, *others]


def _lines(source: Source, span: Span, *, keep_line_end: bool) -> Splice:
    """Whole lines; if they end a file without line end, the ones before them go, so that it stays so."""
    start, end = span
    unended = start < end == len(source.text) and not source.ends_line(end)
    if unended and start and not keep_line_end and source.ends_line(start):
        start = above_blank_lines(source, start)
    return Splice(start, end, "")
