"""The line that tells an editor with yaml-language-server which schema a file has."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from tarmak_iam.document import Document

__all__ = ["modeline", "schema_reference", "with_modeline"]

_MODELINE = re.compile(r"#+\s*yaml-language-server\s*:\s*\$schema=\S*.*")


def modeline(reference: str) -> str:
    return f"# yaml-language-server: $schema={reference}"


def schema_reference(schema: Path, file: Path) -> str:
    """From the file to the schema, as the language server takes it: relative, and without blanks."""
    path = os.path.relpath(os.path.realpath(schema), os.path.realpath(file.parent))
    return quote(os.fsencode(path))


def with_modeline(document: Document, line: str) -> Document:
    """The same document with this line as its first, or in the place of the one that it has; itself where that is
    there, and for JSON, which has no comments."""
    if document.is_json:
        return document
    source = document.source
    for comment in document.comments:
        if _MODELINE.fullmatch(comment.text):
            text = source.text[: comment.span.start] + line + source.text[comment.span.end :]
            break
    else:
        text = f"{line}{source.newline_near(0)}{source.text}"
    if text == source.text:
        return document
    edited = Document.parse(source.with_text(text).encode(), document.filename, json=False)
    assert edited.data == document.data  # a comment is no data
    return edited
