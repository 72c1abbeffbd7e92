"""Edits, a folder each: before.yaml, edit.json (a list of calls) and after.yaml, or refused.txt for a refusal.

`<EMPTY>` stands for an empty file, which git and editors like to mend.
"""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def perform(document: Document, call: dict[str, Any]) -> Document:
    path = tuple(call["path"])
    if call["op"] == "set":
        return document.set(path, call["value"])
    if call["op"] == "append":
        return document.append(path, call["value"])
    return document.remove(path, prune=call.get("prune", False))


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
    assert reduce(perform, calls, document).to_bytes().decode() == (case / "after.yaml").read_bytes().decode()
