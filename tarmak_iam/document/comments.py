"""Which comments belong to a member of a block collection, and which are settings that were commented out.

A comment is knowledge that must not be lost. It is removed with a member only if it is clearly about that member
alone. It stays if it may be about the members below, the file, or something that was commented out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from tarmak_iam.document.nodes import Entry, Mapping, Node, Sequence, Span, is_block
from tarmak_iam.document.splices import column, member_count, member_start, member_value, next_line_after, starts_line
from tarmak_iam.document.tree import Comment, Tree

# Prose may have colons too. A setting has one word, a quoted string or a collection after the colon.
_SETTING = re.compile(
    r"""
    [#]+[ \t]*
    (?: (?:-[ ]+)? [\w./"'-]+ :  (?:[ \t]+ (?: \S+ | "[^"]*" | '[^']*' | \{.*\} | \[.*\] ))?
      | -[ ]+ \S+
    )
    (?:[ \t]+[#].*)? [ \t]* \Z
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a new line: the offset where it begins, and the column of the comment above it."""

    offset: int
    column: int


def is_setting(comment: Comment) -> bool:
    """Whether the comment looks like a key with its value, or an item, that was commented out."""
    return _SETTING.match(comment.text) is not None


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
        if follower.span.start - where != below or _depth(follower) <= _depth(first):
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


def _depth(comment: Comment) -> int:
    body = comment.text.lstrip("#")
    return len(body) - len(body.lstrip())


_WORD = re.compile(r"[\w-]+")

_ITEM = re.compile(r"#+ ?- ")


def member_lines(tree: Tree, parent: Mapping | Sequence, number: int) -> Span:
    """The lines of a member that begins its line, with the comment lines that clearly belong to it."""
    source, start = tree.source, member_start(tree.source, parent, number)
    below = next_line_after(source, member_value(parent, number))
    for comment in own_comment_lines(tree, parent, number):
        start = min(start, comment.span.start)
        below = max(below, source.next_line(comment.span.end))
    return Span(source.line_start(start), below)


def own_comment_lines(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comment lines above and below a member that clearly belong to it."""
    start = member_start(tree.source, parent, number)
    above = _above(tree, start) if starts_line(tree.source, start) else []
    if above and not _speaks_of_it_alone(tree, parent, number, above):
        above = []
    return above + _below(tree, parent, number)


def comment_line(tree: Tree, comment: Comment) -> Span:
    """The whole line of a comment that is alone on its line."""
    return Span(tree.source.line_start(comment.span.start), tree.source.next_line(comment.span.start))


def holds_comments(tree: Tree, node: Node) -> bool:
    """Whether there are comments inside a node's text."""
    return any(node.span.start < comment.span.start < node.span.end for comment in tree.comments)


def below_deeper_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of a line, moved below the comment lines there that are indented deeper than `width`: they continue
    what is above them."""
    deeper = _deeper(tree, at, width)
    return tree.source.next_line(deeper[-1].span.end) if deeper else at


def below_last_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of the line directly below a collection, moved below the comment lines there about its last member.

    Those lines are indented at least to `width`. Either a blank line or the end of the document follows them, or they
    are members that were commented out.
    """
    source, comments = tree.source, _deeper(tree, at, width - 1)
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
    above = _above(tree, start) if starts_line(source, start) else []
    return above + [tree.tails[line] for line in sorted(lines) if line in tree.tails]


def _above(tree: Tree, start: int) -> list[Comment]:
    """The unbroken run of comment lines directly above the line of `start`, in the column of `start`."""
    width, line = column(tree.source, start), tree.source.line_start(start)
    found: list[Comment] = []
    while line:
        line = tree.source.line_start(line - 1)
        comment = tree.own_lines.get(line + width)
        if comment is None or column(tree.source, comment.span.start) != width:
            break
        found.append(comment)
    return found[::-1]


def _deeper(tree: Tree, at: int, width: int) -> list[Comment]:
    """The unbroken run of comment lines from the line at `at` on that are indented deeper than `width`."""
    found: list[Comment] = []
    while at < len(tree.source.text):
        line = tree.source.text[at : tree.source.line_end(at)]
        indentation = len(line) - len(line.lstrip())
        comment = tree.own_lines.get(at + indentation)
        if comment is None or indentation <= width:
            break
        found.append(comment)
        at = tree.source.next_line(at)
    return found


def _below(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comments directly below a member that are inside it by their indentation, or that continue the comment at the
    end of its line."""
    source, value = tree.source, member_value(parent, number)
    below = next_line_after(source, value)
    deeper = _deeper(tree, below, column(source, member_start(source, parent, number)))
    if is_block(value):
        return deeper
    tail = tree.tails.get(source.line_start(max(below - 1, 0)))
    width = column(source, tail.span.start) if tail else -1
    return list(takewhile(lambda comment: column(source, comment.span.start) == width, deeper))


def _speaks_of_it_alone(tree: Tree, parent: Mapping | Sequence, number: int, above: list[Comment]) -> bool:
    source, line = tree.source, tree.source.line_start(above[0].span.start)
    if any(is_setting(comment) for comment in above) or _heads_the_document(tree, line):
        return False
    last = number
    while _may_go_on(tree, parent, last):
        last += 1
    if _is_named(parent, number, above) and not any(_is_named(parent, n, above) for n in range(number + 1, last + 1)):
        return True
    is_below_a_sibling = number > 0 and source.text[source.line_start(line - 1) : line].strip()
    return bool(is_below_a_sibling) or not _may_go_on(tree, parent, number)


def _is_named(parent: Mapping | Sequence, number: int, comments: list[Comment]) -> bool:
    """Whether the comments have the member's key as a word."""
    name = parent.entries[number].text if isinstance(parent, Mapping) else None
    return any(name in _WORD.findall(comment.text) for comment in comments)


def _heads_the_document(tree: Tree, line: int) -> bool:
    """Whether only comments and markers are above the line. A comment there is about the file, not its first key."""
    return tree.root is None or tree.source.line_start(tree.root.span.start) >= line


def _may_go_on(tree: Tree, parent: Mapping | Sequence, number: int) -> bool:
    """Whether the next member follows without a blank line or comment, so that a comment may be the heading of both."""
    if number + 1 == member_count(parent):
        return False
    source, following = tree.source, member_start(tree.source, parent, number + 1)
    gap = source.text[next_line_after(source, member_value(parent, number)) : source.line_start(following)]
    return starts_line(source, following) and not gap
