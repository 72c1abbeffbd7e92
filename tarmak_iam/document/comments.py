"""Which comments belong to a member of a collection: the four rules of docs/editing.md.

A member that is removed or moved takes its comments along. A member that is replaced by another one does not leave its
comments to that.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile

from tarmak_iam.document.nodes import Mapping, Node, Sequence, Span, is_block
from tarmak_iam.document.splices import member_start, member_value, next_line_after
from tarmak_iam.document.tree import Comment, Tree


def own_comment_lines(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comment lines above and below a member that belong to it. Those between its lines are part of it anyway."""
    source, value = tree.source, member_value(parent, number)
    start, below = member_start(source, parent, number), next_line_after(source, value)
    above = lines_above(tree, start)
    if above and _heads_document(tree, above[0]):
        above = []
    if is_block(value):
        return above + lines_deeper(tree, below, source.column(start), across_blanks=True)
    tail = tree.tails.get(source.line_start(max(below - 1, 0)))
    if tail is None or parent.flow:
        return above
    aligned = source.column(tail.span.start)
    continued = takewhile(lambda line: source.column(line.span.start) == aligned, lines_deeper(tree, below, -1))
    return above + (list(continued) if aligned > source.column(start) else [])


def _heads_document(tree: Tree, comment: Comment) -> bool:
    """Whether nothing but markers, directives and blank lines is above a comment in its document."""
    above = tree.source.text[tree.extent.start : comment.span.start]
    return all(not line.strip() or line.startswith(("---", "%", "...")) for line in above.splitlines())


def member_lines(tree: Tree, parent: Mapping | Sequence, number: int) -> Span:
    """The lines of a member that begins its line, with the comment lines that belong to it."""
    source, start = tree.source, member_start(tree.source, parent, number)
    below = next_line_after(source, member_value(parent, number))
    for comment in own_comment_lines(tree, parent, number):
        start = min(start, comment.span.start)
        below = max(below, source.next_line(comment.span.end))
    return Span(source.line_start(start), below)


def have_comments(tree: Tree, parent: Mapping | Sequence, numbers: Collection[int]) -> bool:
    """Whether comments belong to some members, on their own lines or at the end of a member's."""
    end = parent.end if parent.flow else len(tree.source.text)
    spans = (member_lines(tree, parent, number) for number in numbers)
    return any(tree.comments_in(span.start, min(span.end, end)) for span in spans)


def holds_comments(tree: Tree, node: Node) -> bool:
    """Whether there are comments inside a node's text."""
    return bool(tree.comments_in(node.start + 1, node.end))


def lines_above(tree: Tree, start: int) -> list[Comment]:
    """The unbroken run of comment lines directly above the line of `start`, in the column of `start`."""
    width, line = tree.source.column(start), tree.source.line_start(start) if tree.source.starts_line(start) else 0
    run: list[Comment] = []
    while line:
        line = tree.source.line_start(line - 1)
        comment = tree.own_lines.get(line + width)
        if comment is None:
            break
        run.append(comment)
    return run[::-1]


def lines_deeper(tree: Tree, at: int, width: int, *, across_blanks: bool = False) -> list[Comment]:
    """The run of comment lines from the line at `at` on that are indented deeper than `width`."""
    source, run = tree.source, list[Comment]()
    while at < len(source.text):
        line = source.text[at : source.line_end(at)]
        blanks = len(line) - len(line.lstrip())
        comment = tree.own_lines.get(at + blanks)
        if comment is not None and blanks > width:
            run.append(comment)
        elif line.strip() or not across_blanks:
            break
        at = source.next_line(at)
    return run


def below_deeper_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of a line, moved below the deeper comment lines there, which continue what is above them."""
    deeper = lines_deeper(tree, at, width)
    return tree.source.next_line(deeper[-1].span.end) if deeper else at


def below_last_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of the line directly below a list, moved below the comment lines there about its last item: they are
    indented at least to `width`, and a blank line or the end of the document follows them."""
    below = below_deeper_comments(tree, at, width - 1)
    line = tree.source.text[below : tree.source.line_end(below)]
    return below if not line.strip() or line.startswith(("---", "...")) else at
