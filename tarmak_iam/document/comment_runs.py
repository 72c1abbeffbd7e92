"""Runs of comment lines: those above a line, and those that are indented deeper than it."""

from __future__ import annotations

from tarmak_iam.document.commented_out import is_item
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.splices import column, member_start, member_value, next_line_after
from tarmak_iam.document.tree import Comment, Tree


def lines_above(tree: Tree, start: int) -> list[Comment]:
    """The unbroken run of comment lines directly above the line of `start`, in the column of `start`."""
    width, line = column(tree.source, start), tree.source.line_start(start)
    found: list[Comment] = []
    while line:
        line = tree.source.line_start(line - 1)
        comment = tree.own_lines.get(line + width)
        if comment is None:
            break
        found.append(comment)
    return found[::-1]


def lines_deeper(tree: Tree, at: int, width: int) -> list[Comment]:
    """The unbroken run of comment lines from the line at `at` on that are indented deeper than `width`."""
    found: list[Comment] = []
    while True:
        line = tree.source.text[at : tree.source.line_end(at)]
        indentation = len(line) - len(line.lstrip())
        comment = tree.own_lines.get(at + indentation)
        if comment is None or indentation <= width:
            break
        found.append(comment)
        at = tree.source.next_line(at)
    return found


def lines_inside(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comments directly below a member that are indented deeper than it."""
    width = column(tree.source, member_start(tree.source, parent, number))
    return lines_deeper(tree, next_line_after(tree.source, member_value(parent, number)), width)


def items_of(lines: list[Comment]) -> list[Comment]:
    """The first of the lines that are items that were commented out, with what is indented deeper than an item."""
    end, least = 0, 0
    for line in lines:
        if is_item(line.text):
            least = depth(line)
        elif end == 0 or depth(line) <= least:
            break
        end += 1
    return lines[:end]


def depth(comment: Comment) -> int:
    body = comment.text.lstrip("#")
    return len(body) - len(body.lstrip())
