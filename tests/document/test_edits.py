"""Edits, a folder each: before.yaml, edit.json (a list of calls) and after.yaml, or refused.txt for a refusal.

removed.txt has the comments that the last call took along; where it is missing, that is none.

`<EMPTY>` stands for an empty file, which git and editors like to mend.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Remove, Set

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def edit_of(call: dict[str, Any]) -> Edit:
    path = tuple(call["path"])
    if call["op"] == "remove":
        return Remove(path, call.get("prune", False))
    if call["op"] == "set":
        return Set(path, call["value"], call.get("keep_tag", False), call.get("rewrite", False))
    kinds: dict[str, Callable[..., Edit]] = {"append": Append, "insert": Insert}
    return kinds[call["op"]](path, call["value"])


def perform(document: Document, call: dict[str, Any]) -> Document:
    if call["op"] == "update":
        return document.update(call["data"], identities=call.get("identities", ()))
    if call["op"] == "batch":
        return document.edit(*map(edit_of, call["edits"]))
    return document.edit(edit_of(call))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path) -> None:
    document = Document.parse((case / "before.yaml").read_bytes(), "before.yaml")
    calls = json.loads((case / "edit.json").read_text())
    refusal = case / "refused.txt"
    if refusal.exists():
        with pytest.raises(EditRefused) as caught:
            reduce(perform, calls, document)
        assert str(caught.value) == refusal.read_text().strip()
        return
    edited = reduce(perform, calls, document)
    assert edited.to_bytes().decode() == (case / "after.yaml").read_bytes().decode()
    removed = case / "removed.txt"
    assert [comment.text for comment in edited.removed_comments] == (
        removed.read_text().splitlines() if removed.exists() else []
    )
