"""Edits of real files: right, clean, and refused only because of an alias."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.plain_values import assigned, same, value_at
from tarmak_iam.document.source import Source
from tarmak_iam.document.yaml_reader import has_c_parser
from tarmak_iam.errors import ParseError
from tests.support import GOLDEN, golden_json, shared_file

TARMAK = golden_json("edits", "tarmak.json")
REFUSED = {"11_alias_target:set"}


def perform(document: Document, edit: dict[str, Any]) -> tuple[Document, Any]:
    path, before = edit["path"], document.data
    if edit["op"] in ("set", "replace"):
        return document.set(path, edit["value"]), assigned(before, path, edit["value"])
    if edit["op"] == "append":
        return document.append(path, edit["value"]), assigned(
            before, path, [*(value_at(before, path) or []), edit["value"]]
        )
    intended = document.data
    del value_at(intended, path[:-1])[path[-1]]
    return document.remove(path), intended


def check(file: Path, edit: dict[str, Any]) -> None:
    raw = file.read_bytes()
    document = Document.parse(raw, file.name, edit["doc"])
    assert document.to_bytes() == raw
    edited, intended = perform(document, edit)
    assert same(Document.parse(edited.to_bytes(), index=edit["doc"]).data, intended)
    before, after = raw.decode().splitlines(), edited.to_bytes().decode().splitlines()
    gone = list(lines_gone(before, after))
    if edit["op"] in ("set", "append"):
        # Only the line that the new text hangs on may change; it grows (a comma, a value) and loses nothing.
        assert len(gone) <= 1
    if edit["op"] != "delete":
        comments = [comment.text for comment in document.comments]
        assert [comment.text for comment in edited.comments] == comments


def lines_gone(before: list[str], after: list[str]) -> Iterator[str]:
    left = iter(after)
    for line in before:
        if line not in left:
            yield line
            left = iter(after)


@pytest.mark.parametrize("edit", TARMAK, ids=lambda edit: edit["id"])
def test_edit_of_a_tarmak_file(edit: dict[str, Any]) -> None:
    file = GOLDEN / "edits" / "tarmak" / edit["file"]
    if edit["id"] in REFUSED:
        with pytest.raises(EditRefused, match="is the alias"):
            check(file, edit)
    else:
        check(file, edit)


def test_edits_of_other_kubernetes_files() -> None:
    edits = json.loads(shared_file("corpus", "edits", "kubernetes.json").read_text())
    for edit in edits:
        check(shared_file("corpus", "edits", "kubernetes", edit["file"]), edit)


def test_recorded_files_come_back_identical() -> None:
    for file in sorted((GOLDEN / "tarmak").glob("*.yaml")):
        raw = file.read_bytes()
        try:
            document = Document.parse(raw, file.name)
        except ValueError:
            continue  # what Tarmak cannot read either: tests/config has the list
        assert document.to_bytes() == raw


@pytest.mark.skipif(not has_c_parser(), reason="ruamel.yaml's C parser is not installed")
def test_both_parsers_give_the_same_nodes() -> None:
    """Spans, texts, styles, tags, anchors and comments: an edit cannot depend on which parser there is."""
    folders = [GOLDEN / "edits" / "tarmak", GOLDEN / "tarmak", shared_file("corpus", "edits", "kubernetes")]
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.suffix != ".json"]
    for file in files:
        raw = file.read_bytes()
        assert seen(raw, pure=False) == seen(raw, pure=True), file.name
    assert len(files) > 200


def seen(raw: bytes, *, pure: bool) -> Any:
    try:
        tree = read_tree(Source.decode(raw, "f"), json=False, pure=pure)
    except ParseError:
        return "refused"
    return shape(tree.root), tree.extent, [(comment.text, comment.span) for comment in tree.comments]


def shape(node: Node | None) -> Any:
    if node is None:
        return None
    own = (type(node).__name__, node.span, node.tag, node.anchor)
    if isinstance(node, Scalar):
        return *own, node.text, node.style
    if isinstance(node, Alias):
        return *own, node.name
    if isinstance(node, Mapping):
        return *own, node.flow, [(shape(entry.key), shape(entry.value)) for entry in node.entries]
    return *own, node.flow, [shape(item) for item in node.items]
