"""Splices that bring the items of a block list into another order, each with its lines and comments."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence as SequenceOf

from tarmak_iam.document.geometry import above_blank_lines, member_start, starts_line
from tarmak_iam.document.nodes import Sequence, Span
from tarmak_iam.document.ownership import member_lines
from tarmak_iam.document.splice import Splice, joined
from tarmak_iam.document.target import Target

__all__ = ["arrange", "can_be_arranged", "longest_ascent"]


def can_be_arranged(target: Target) -> bool:
    """Whether every item of the list stands on whole lines of its own."""
    node, source = target.node, target.tree.source
    if not isinstance(node, Sequence) or node.flow or target.in_flow:
        return False
    return all(starts_line(source, member_start(source, node, number)) for number in range(len(node.items)))


def arrange(target: Target, order: SequenceOf[int]) -> list[Splice]:
    """`order` has the index of every item, as they are to follow each other; as many as possible stay in place."""
    source, node = target.tree.source, target.node
    assert isinstance(node, Sequence)
    lines = [member_lines(target.tree, node, number) for number in range(len(node.items))]
    staying = set(longest_ascent(order))
    end = at = max(span.end for span in lines)
    newline = "" if source.ends_line(end) else source.newline_near(end)  # what the end of the file lacks
    moved: dict[int, str] = {}
    for number in reversed(order):
        if number in staying:
            at = lines[number].start
        else:
            text = source.text[slice(*lines[number])]
            moved[at] = text + (newline if lines[number].end == end else "") + moved.get(at, "")
    cuts = joined(lines[number] for number in order if number not in staying)
    if newline and end in moved:
        moved[end] = (newline if len(lines) - 1 in staying else "") + moved[end].removesuffix(newline)
    elif newline:
        cuts = [Span(above_blank_lines(source, cut.start), end) if cut.end == end else cut for cut in cuts]
    return [Splice(*cut, "") for cut in cuts] + [Splice(at, at, text) for at, text in moved.items()]


def longest_ascent(numbers: SequenceOf[int]) -> list[int]:
    """The longest run of ascending numbers that is left when some are taken out (patience sorting)."""
    tops: list[int] = []  # the smallest number that ends an ascent of each length
    before: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(tops, number)
        before[number] = tops[length - 1] if length else None
        tops[length : length + 1] = [number]
    ascent: list[int] = []
    at = tops[-1] if tops else None
    while at is not None:
        ascent.append(at)
        at = before[at]
    return ascent[::-1]
