"""Edits that tests make in a window of a text, or several at once, are made one by one in the whole text too, and the
results must be the same."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from tarmak_iam.document.document import Document
from tarmak_iam.document.edits import Edit
from tarmak_iam.document.engine import Engine
from tarmak_iam.document.parsed import Text
from tarmak_iam.document.plain_values import same
from tarmak_iam.errors import EditRefused

LARGEST = 20_000
"""Characters. Larger texts are edited for their speed."""

_edit, _update = Document.edit, Document.update


class WholeText(Engine):
    """An engine that uses no windows."""

    def _make_at_once(self, parts: Any) -> Any:
        self.text.blocks = None
        return super()._make_at_once(parts)


def in_whole(document: Document) -> WholeText:
    """An engine for the text of a document."""
    text = document._text
    return WholeText(Text.read(text.source, text.index, text.json))


@wraps(_edit)
def edit(document: Document, *edits: Edit) -> Document:
    edited = _edit(document, *edits)
    if (document._text.blocks is None and len(edits) < 2) or len(document.text) > LARGEST:
        return edited
    engine = in_whole(document)
    try:
        engine.make(edits)
    except EditRefused as refusal:
        raise AssertionError(f"made in a window, and refused in the whole text: {refusal}") from None
    _compare(document, edited, engine, edits)
    return edited


@wraps(_update)
def update(document: Document, data: Any, *, identities: Any = ()) -> Document:
    edited = _update(document, data, identities=identities)
    if len(document.text) > LARGEST:
        return edited
    engine = in_whole(document)
    engine.update(data, identities)
    _compare(document, edited, engine, data)
    return edited


def _compare(document: Document, edited: Document, engine: Engine, edits: Any) -> None:
    """Of several steps, those that cannot be made at once in the window may be written like what the others wrote: then
    data, comments and reports are the same, but not every byte."""
    tree, data = engine.text.whole()
    reports = [
        [(comment.text, comment.span) for comment in removed]
        if edited.text == tree.source.text
        else Counter(comment.text for comment in removed)
        for removed in (edited.removed_comments, engine.removed)
    ]
    if len(engine._steps) > 1:
        assert same(edited.data, data), _difference(edited.text, tree.source.text, edits)
        assert [comment.text for comment in edited.comments] == [comment.text for comment in tree.comments], edits
    else:
        assert edited.text == tree.source.text, _difference(edited.text, tree.source.text, edits)
    if edited is not document:
        assert reports[0] == reports[1], edits
        assert edited.also_changed == engine.also_changed, edits


def _difference(windowed: str, whole: str, edits: Any) -> str:
    lines = difflib.unified_diff(whole.splitlines(), windowed.splitlines(), "whole text", "window", lineterm="")
    diff = "\n".join(lines)
    return f"{diff}\n{edits}"


def install(is_on: bool = True) -> None:
    """From now on, `Document.edit` and `Document.update` make every edit both ways, or as the program makes them."""
    setattr(Document, "edit", edit if is_on else _edit)  # noqa: B010 mypy knows no other way
    setattr(Document, "update", update if is_on else _update)  # noqa: B010


@contextmanager
def one_way() -> Iterator[None]:
    """For tests of how much work an edit is."""
    install(False)
    yield
    install()
