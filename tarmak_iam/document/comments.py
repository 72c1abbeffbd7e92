"""Which comments belong to a member of a block collection.

A comment is knowledge that must not be lost. It is removed with a member only if it is clearly about that member
alone. It stays if it may be about other members, the file, or something that was commented out.

Which lines above a member are about it alone, `headings` says. Lines below it belong to it if they continue the comment
at the end of its line, if they are inside its value, or if they are examples of its value, which is empty (`key: []`).
An example is indented deeper than the key, or its text is (`#   - item`), or it has the same key. Lines inside an item
that are about the next one (the words say so) are not part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import takewhile

from tarmak_iam.document.comment_runs import depth, items_of, lines_above, lines_deeper, lines_inside
from tarmak_iam.document.commented_out import Neighbours, is_commented_out, is_item
from tarmak_iam.document.headings import (
    headings,
    heads_the_document,
    is_about_next,
    is_about_removed,
    is_section_within,
    name_of,
)
from tarmak_iam.document.nodes import Entry, Mapping, Node, Sequence, Span, is_block
from tarmak_iam.document.splices import column, member_count, member_start, member_value, next_line_after, starts_line
from tarmak_iam.document.target import is_null
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a new line: the offset where it begins, and the column of the comment above it."""

    offset: int
    column: int


def below_commented(tree: Tree, name: str, start: int, fits: Callable[[int], bool]) -> Slot | None:
    """The slot below a commented-out `name:` among the comment and blank lines from `start` on.

    `fits` says whether a `#` in that column belongs to the mapping. Comment lines below it that are indented deeper
    (`#   awsIAMAuthenticatorInit: true` below `# amazon:`) are part of it.
    """
    lines = list(_comment_lines(tree, start))
    for number, (comment, _) in enumerate(lines):
        where = column(tree.source, comment.span.start)
        if comment.setting != name or not fits(where):
            continue
        return Slot(_below_deeper(lines[number:], where), where)
    return None


def _below_deeper(lines: list[tuple[Comment, int]], where: int) -> int:
    """The offset below the first line and the deeper lines that follow it without a gap, in its column."""
    (first, below), *followers = lines
    for follower, after in followers:
        if follower.span.start - where != below or depth(follower) <= depth(first):
            break
        below = after
    return below


def _comment_lines(tree: Tree, start: int) -> Iterator[tuple[Comment, int]]:
    """The own-line comments from `start` to the next line with content, each with the offset below it."""
    source = tree.source
    while start < len(source.text):
        line = source.text[start : source.line_end(start)]
        below = source.next_line(start)
        if line.strip():
            comment = tree.own_lines.get(start + len(line) - len(line.lstrip()))
            if comment is None:
                return
            yield comment, below
        start = below


_ITEM = compiled(r"#+ ?- ")


def member_lines(tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int] = ()) -> Span:
    """The lines of a member that begins its line, with the comment lines of `own_comment_lines`."""
    source, start = tree.source, member_start(tree.source, parent, number)
    below = next_line_after(source, member_value(parent, number))
    for comment in own_comment_lines(tree, parent, number, removed):
        start = min(start, comment.span.start)
        below = max(below, source.next_line(comment.span.end))
    return Span(source.line_start(start), below)


def own_comment_lines(
    tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int] = ()
) -> list[Comment]:
    """The comment lines above and below a member that clearly belong to it.

    `removed` are the numbers of all members that are removed together. A heading over those alone belongs to the first
    of them.
    """
    start = member_start(tree.source, parent, number)
    if not starts_line(tree.source, start):
        return _below(tree, parent, number)
    banner, own = headings(tree, parent, number)
    if own and not is_about_removed(tree, parent, number, own, removed):
        keeps_examples = _is_empty(member_value(parent, number)) and heads_the_document(tree, own[0])
        return [] if keeps_examples else _below(tree, parent, number)
    if banner and (heads_the_document(tree, banner[0]) or not is_section_within(tree, parent, number, removed)):
        banner = []
    return banner + own + _below(tree, parent, number)


def have_comments(tree: Tree, parent: Mapping | Sequence, numbers: Collection[int]) -> bool:
    """Whether comments belong to some members, and to no others: on their own lines, or at the end of a member's."""
    source, end = tree.source, parent.span.end if parent.flow else len(tree.source.text)
    for number in numbers:
        lines = member_start(source, parent, number), next_line_after(source, member_value(parent, number)) - 1
        tails = [tree.tails.get(source.line_start(max(at, 0))) for at in lines]
        if any(tail and tail.span.start < end for tail in tails) or own_comment_lines(tree, parent, number, numbers):
            return True
    return False


def comment_line(tree: Tree, comment: Comment) -> Span:
    """The whole line of a comment that is alone on its line."""
    return Span(tree.source.line_start(comment.span.start), tree.source.next_line(comment.span.start))


def holds_comments(tree: Tree, node: Node) -> bool:
    """Whether there are comments inside a node's text."""
    return any(node.span.start < comment.span.start < node.span.end for comment in tree.comments)


def below_deeper_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of a line, moved below the comment lines there that are indented deeper than `width`: they continue
    what is above them."""
    deeper = lines_deeper(tree, at, width)
    return tree.source.next_line(deeper[-1].span.end) if deeper else at


def below_last_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of the line directly below a collection, moved below the comment lines there about its last member.

    Those lines are indented at least to `width`. Either a blank line or the end of the document follows them, or they
    are members that were commented out.
    """
    source, comments = tree.source, lines_deeper(tree, at, width - 1)
    if not comments:
        return at
    below = source.next_line(comments[-1].span.end)
    line = source.text[below : source.line_end(below)]
    is_parted = not line.strip() or line.startswith(("---", "..."))
    return below if is_parted or _ITEM.match(comments[0].text) else at


def comments_of(tree: Tree, entry: Entry) -> list[Comment]:
    """The comments that may be about an entry: those directly above it, and those after its key or value."""
    source = tree.source
    start, end = entry.key.span.start, entry.value.span.end
    lines = {source.line_start(start), source.line_start(end)}
    above = lines_above(tree, start) if starts_line(source, start) else []
    return above + [tree.tails[line] for line in sorted(lines) if line in tree.tails]


def _below(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comments directly below a member that are inside it, continue the comment at the end of its line, or are
    examples of its value."""
    source, value = tree.source, member_value(parent, number)
    below, width = next_line_after(source, value), column(source, member_start(source, parent, number))
    deeper = lines_inside(tree, parent, number)
    if isinstance(parent, Sequence) and is_about_next(tree, parent, number, deeper):
        return []
    if is_block(value) or _is_empty(value):
        end = source.next_line(deeper[-1].span.end) if deeper else below
        return deeper + _examples(tree, parent, number, end, width)
    tail = tree.tails.get(source.line_start(max(below - 1, 0)))
    aligned = column(source, tail.span.start) if tail else -1
    return list(takewhile(lambda comment: column(source, comment.span.start) == aligned, deeper))


def _is_empty(value: Node) -> bool:
    return is_null(value) or (isinstance(value, (Mapping, Sequence)) and not member_count(value))


def _examples(tree: Tree, parent: Mapping | Sequence, number: int, at: int, width: int) -> list[Comment]:
    """The comment lines from the line at `at` on, in the member's column, whose text was part of the member's value."""
    deeper = lines_deeper(tree, at, width - 1)
    lines = list(takewhile(lambda line: column(tree.source, line.span.start) == width, deeper))
    if not lines or not is_commented_out(lines[0].text, Neighbours.of(parent, number)):
        return []
    least, value = depth(lines[0]), member_value(parent, number)
    if lines[0].setting is not None and lines[0].setting == name_of(parent, number) and _is_empty(value):
        return [lines[0], *takewhile(lambda line: is_item(line.text) or depth(line) > least, lines[1:])]
    if is_item(lines[0].text) and (isinstance(parent, Sequence) or isinstance(value, Mapping)):
        return []  # in a list it is the next item
    if least > 1:
        return list(takewhile(lambda line: depth(line) >= least, lines))
    return items_of(lines)
