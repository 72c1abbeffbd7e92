"""Commented-out settings: a new key belongs right below the line that has it as a comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tarmak_iam.document.layout import column
from tarmak_iam.document.tree import Comment, Tree

__all__ = ["Slot", "below_commented", "is_setting"]

# Prose may have colons too: what looks like a setting has one word, something quoted or a collection behind it.
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
    """Where a line may go in: the offset of a line's begin, and the column of the comment above it."""

    offset: int
    column: int


def is_setting(comment: Comment) -> bool:
    """Whether the comment looks like a key with its value, or an item, that was commented out."""
    return _SETTING.match(comment.text) is not None


def below_commented(tree: Tree, name: str, start: int, fits: Callable[[int], bool]) -> Slot | None:
    """The slot below a commented-out `name:` among the comment and blank lines from `start` on.

    `fits` tells whether a comment sign in that column belongs to the mapping in question. Comment lines
    that go on deeper below it (`#   awsIAMAuthenticatorInit: true` below `# amazon:`) are part of it.
    """
    lines = list(_comment_lines(tree, start))
    for number, (comment, _) in enumerate(lines):
        where = column(tree.source, comment.span.start)
        if comment.setting != name or not fits(where):
            continue
        return Slot(_behind_deeper(lines[number:], where), where)
    return None


def _behind_deeper(lines: list[tuple[Comment, int]], where: int) -> int:
    """The offset below the first line and those that go on deeper, without a gap and in its column."""
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
