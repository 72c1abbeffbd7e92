"""Edits that tests make in a window of a text, or several at once, are made one by one in the whole text too, and the
results must be the same."""

from __future__ import annotations

import difflib
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
    _compare(document, edited, engine, edits, are_many=len(edits) > 1)
    return edited


@wraps(_update)
def update(document: Document, data: Any, *, identities: Any = ()) -> Document:
    edited = _update(document, data, identities=identities)
    if len(document.text) > LARGEST:
        return edited
    engine = in_whole(document)
    engine.update(data, identities)
    _compare(document, edited, engine, data, are_many=True)
    return edited


def _compare(document: Document, edited: Document, engine: Engine, edits: Any, *, are_many: bool = False) -> None:
    """Edits that cannot be made at once in the window may be written like what the ones before them wrote."""
    tree, data = engine.text.whole()
    if are_many and edited.text != tree.source.text:
        assert same(edited.data, data), _difference(edited.text, tree.source.text, edits)
        assert [comment.text for comment in edited.comments] == [comment.text for comment in tree.comments], edits
        return
    assert edited.text == tree.source.text, _difference(edited.text, tree.source.text, edits)
    if edited is not document:
        removed = [(comment.text, comment.span) for comment in edited.removed_comments]
        assert removed == [(comment.text, comment.span) for comment in engine.removed], edits
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
