"""Comment lines above a key that would be about nothing without it.

Where it is not certain what a comment is about, an edit leaves it where it is: the lines above the first of several
keys may be about all of them. Their words, and those of the keys, show more.
"""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.document import Document, Remove
from tarmak_iam.document.comment_words import distinct_words
from tarmak_iam.document.headings import is_banner
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.document.tree import Comment
from tarmak_iam.lint.fix import TextEdit, entry_at
from tarmak_iam.lint.suppression import SUPPRESSING_COMMENT
from tarmak_iam.routes import Route

_COMMON = {"access", "public", "internal", "for", "the"}


def with_headings(document: Document, route: Route, names: tuple[str, ...]) -> tuple[TextEdit, ...]:
    """The removal of the comment lines right above a key that contain a word of its `names`, and no word of a key next
    to it. Empty if the removal of the key takes them along."""
    found = entry_at(document, route)
    if found is None or document.is_json:
        return ()
    mapping, entry = found
    lines = list(_lines_above(document, entry.key.start))
    words = distinct_words(" ".join(each.text for each in lines))
    own = set().union(*map(distinct_words, names)) - _COMMON
    if not words & own or words & _others(mapping, entry.text or ""):
        return ()
    taken = {each.span for each in document.edit(Remove(route)).removed_comments}
    source = document.source
    left = [each.span for each in lines if each.span not in taken]
    return tuple(TextEdit(source.line_start(span.start), source.next_line(span.end), "") for span in left)


def _lines_above(document: Document, start: int) -> Iterator[Comment]:
    """From the key upwards, up to a blank line, a line across the file, or a line that is not only a comment."""
    line, column = document.source.position(start)
    for each in reversed([each for each in document.comments if each.span.start < start]):
        line -= 1
        is_plain = each.own_line and each.setting is None and not is_banner(each)
        if not is_plain or SUPPRESSING_COMMENT.match(each.text):
            return
        if document.source.position(each.span.start) != (line, column):
            return
        yield each


def _others(mapping: Mapping, name: str) -> set[str]:
    """The words of the other keys of a mapping."""
    keys = (each.text or "" for each in mapping.entries if each.text != name)
    return set().union(*map(distinct_words, keys))
