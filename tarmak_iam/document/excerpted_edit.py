"""Edits of a regular text that read only an excerpt of it, before and after the change.

The bytes outside the excerpt are the same by construction. The edit itself is made and proven in the excerpt exactly
as it would be in the whole text. docs/editing.md has the whole argument.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from tarmak_iam.document.document_batch import DocumentBatch
from tarmak_iam.document.edits import Edit, Rename
from tarmak_iam.document.excerpt import Excerpt, excerpt_for
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.outline import Level
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.regular import has_regular_lines
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import apply_splices
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, ParseError
from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ExcerptedEdit:
    """The result of edits: the new text, its outline if it is known, and the comments that were removed.

    `source` is the old one itself if there is nothing to change.
    """

    source: Source
    outline: Level | None
    removed: tuple[Comment, ...]


def edit_in_excerpt(source: Source, root: Level, edits: Collection[Edit]) -> ExcerptedEdit | None:
    """Makes the edits of a regular text in an excerpt. None if they need the whole text, and for every refusal: only
    the whole text has the places that a refusal names."""
    excerpt = excerpt_for(source.text, root, edits)
    if excerpt is None:
        return None
    try:
        return _made(source, root, excerpt)
    except (EditRefused, ParseError):
        return None


def _made(source: Source, root: Level, excerpt: Excerpt) -> ExcerptedEdit | None:
    def read(text: str) -> tuple[Tree, Any]:
        part = replace(source, text=text)
        tree = replace(Tree.read(part, json=False), file=source.text)
        return tree, construct(tree.root, part)

    tree, data = read(excerpt.text)
    batch = DocumentBatch(tree, data, read, retries=False)
    for edit in excerpt.edits:
        batch.perform(edit)
    batch.finish()
    if batch.tree is tree:
        return ExcerptedEdit(source, root, ())
    if len(batch.passes) != 1 or not has_regular_lines(batch.tree.source.text):
        return None
    splices = excerpt.in_whole(batch.passes[0], len(source.text))
    if splices is None:
        return None
    added = sum(len(splice.text) for splice in splices)
    if added > root.room:  # no value has less than one character
        return None
    edited = source.with_text(apply_splices(source.text, splices))
    removed = tuple(_moved(comment, excerpt) for comment in batch.removed)
    is_renamed = any(isinstance(edit, Rename) for edit in excerpt.edits)  # the members of a level have other keys then
    level = None if is_renamed else root.after(source.text, 0, sorted(splices))
    if level is not None:
        level.room -= added
    return ExcerptedEdit(edited, level, removed)


def _moved(comment: Comment, excerpt: Excerpt) -> Comment:
    start = excerpt.offset(comment.span.start)
    return replace(comment, span=Span(start, start + comment.span.end - comment.span.start))
