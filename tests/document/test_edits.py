"""Edits, a folder each: before.yaml, edit.json (a list of calls) and after.yaml, or refused.txt for a refusal.

removed.txt has the comments that the last call took along, and also.txt the other uses of a shared value that it
changed; where one is missing, that is none.

`<EMPTY>` stands for an empty file, which git and editors like to mend.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Move, Remove, Rename, Set

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def edit_of(call: dict[str, Any]) -> Edit:
    path, through = tuple(call["path"]), call.get("through_alias", False)
    if call["op"] == "remove":
        return Remove(path, call.get("prune", False), through)
    if call["op"] == "move":
        return Move(path, tuple(call["to"]), call.get("prune", False))
    if call["op"] == "rename":
        return Rename(path, call["key"], through)
    if call["op"] == "set":
        return Set(path, call["value"], call.get("keep_tag", False), call.get("rewrite", False), through)
    kinds: dict[str, Callable[..., Edit]] = {"append": Append, "insert": Insert}
    return kinds[call["op"]](path, call["value"], through_alias=through)


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
    assert [comment.text for comment in edited.removed_comments] == lines_of(case / "removed.txt")
    assert [str(route) for route in edited.also_changed] == lines_of(case / "also.txt")


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
