"""What holds for every rename, and what a batch of renames costs. The cases `rename-*` have the text of each kind."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tarmak_iam.document.document as document_module
from tarmak_iam.document import Document, Edit, EditRefused, Rename, Set
from tarmak_iam.document.document_batch import DocumentBatch
from tarmak_iam.document.edit_proof import NotProven
from tarmak_iam.document.excerpt import excerpt_for
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.renames import NewKey
from tarmak_iam.document.source import MAX_DEPTH, Source
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.tree import Tree
from tests.document.test_invariants import KEYS, documents, paths_of
from tests.support import shared_file
from tests.support.thorough import examples, quick_sample

ENTRIES = "l:\n" + "".join(f"  k{number}: {number}  # {number}\n" for number in range(60)) + "z: {a: {b: 1}}\n"


def renamed(data: Any, path: tuple[str | int, ...], key: str) -> Any:
    """The values with another key, at its place."""
    step, *rest = path
    if not isinstance(data, dict):
        return [renamed(item, tuple(rest), key) if number == step else item for number, item in enumerate(data)]
    if rest:
        return {name: renamed(value, tuple(rest), key) if name == step else value for name, value in data.items()}
    return {key if name == step else name: value for name, value in data.items()}


def in_order(value: Any) -> str:
    """A value as text, with the order of its keys."""
    return json.dumps(value)


@settings(max_examples=examples(200))
@given(documents(), st.data(), KEYS)
def test_a_rename_there_and_back_gives_the_bytes_back(raw: bytes, data: st.DataObject, key: str) -> None:
    document = Document.parse(raw)
    path = data.draw(st.sampled_from([path for path in paths_of(document.data) if isinstance(path[-1], str)]))
    there = (*path[:-1], key)
    if key in value_at(document.data, path[:-1]):
        if key == path[-1]:
            assert document.rename(path, key) is document
        else:
            with pytest.raises(EditRefused, match="exists already"):
                document.rename(path, key)
        return
    edited = document.rename(path, key)
    assert in_order(edited.data) == in_order(renamed(document.data, path, key))
    assert edited.rename(there, str(path[-1])).to_bytes() == raw
    comments = [[comment.text for comment in each.comments] for each in (document, edited)]
    assert comments[0] == comments[1]


@settings(max_examples=examples(100))
@given(documents(), st.text(st.characters(codec="utf-8"), max_size=8))
def test_any_text_can_be_a_key(raw: bytes, key: str) -> None:
    document = Document.parse(raw)
    first = next(iter(document.data))
    if key in document.data:
        return
    edited = document.rename((first,), key)
    assert in_order(edited.data) == in_order(renamed(document.data, (first,), key))
    assert edited.rename((key,), first).data == document.data


def test_every_key_of_real_files_there_and_back() -> None:
    folder = shared_file("corpus", "edits", "kubernetes")
    for file in quick_sample(sorted(folder.iterdir()), 10):
        raw = file.read_bytes()
        document = Document.parse(raw, file.name)
        paths = [path for path in paths_of(document.data) if isinstance(path[-1], str)]
        for path in quick_sample(paths, 5)[:20]:
            try:
                edited = document.rename(path, "a-new-name")
            except EditRefused as refusal:
                if not any(reason in refusal.what for reason in ("<<", "*", "would also change line")):
                    raise
                continue
            assert edited.rename((*path[:-1], "a-new-name"), str(path[-1])).to_bytes() == raw


class CountedBatch(DocumentBatch):
    """`texts`: what was read again."""

    def __init__(self, text: str) -> None:
        self.texts: list[str] = []
        document = Document.parse(text, "tarmak.yaml")

        def read(edited: str) -> tuple[Tree, Any]:
            self.texts.append(edited)
            return document._read(self.changed(edited))

        super().__init__(document._tree, document.data, read, retries=False)

    def changed(self, edited: str) -> str:
        return edited

    def edited(self, *edits: Edit) -> str:
        for edit in edits:
            self.perform(edit)
        self.finish()
        return self.tree.source.text


def test_renames_cost_one_pass_over_the_file() -> None:
    batch = CountedBatch(ENTRIES)
    edited = batch.edited(*(Rename(("l", f"k{number}"), f"x{number}") for number in range(50)))
    assert edited == ENTRIES.replace("k", "x", 50)
    assert batch.texts == [edited]


def test_renames_of_different_mappings_cost_one_pass_over_the_file() -> None:
    batch = CountedBatch("a: {b: {c: 1}}\nd: [{e: 1}]\n")
    edits = [Rename(("a", "b", "c"), "x"), Rename(("d", 0, "e"), "x"), Rename(("a", "b"), "x"), Rename(("a",), "x")]
    assert batch.edited(*edits) == "x: {x: {x: 1}}\nd: [{x: 1}]\n"
    assert len(batch.texts) == 1


@pytest.mark.parametrize(
    ("edits", "edited", "texts"),
    [
        ((Rename(("a",), "x"), Rename(("x", "b"), "w")), "x: {w: {c: 1}}\nd: 2\n", 2),
        ((Rename(("a",), "x"), Rename(("x",), "w")), "w: {b: {c: 1}}\nd: 2\n", 2),
        ((Rename(("a",), "x"), Rename(("d",), "a")), "x: {b: {c: 1}}\na: 2\n", 2),
        ((Rename(("a", "b"), "x"), Rename(("a", "x", "c"), "w"), Rename(("d",), "z")), "a: {x: {w: 1}}\nz: 2\n", 2),
        ((Set(("d",), 3), Rename(("d",), "x"), Set(("x",), 4)), "a: {b: {c: 1}}\nx: 4\n", 3),
        ((Rename(("a",), "x"), Rename(("d",), "d")), "x: {b: {c: 1}}\nd: 2\n", 1),
    ],
)
def test_renames_that_depend_on_each_other(edits: tuple[Edit, ...], edited: str, texts: int) -> None:
    batch = CountedBatch("a: {b: {c: 1}}\nd: 2\n")
    assert batch.edited(*edits) == edited
    assert len(batch.texts) == texts


@pytest.mark.parametrize(
    ("edits", "refusal"),
    [
        ((Rename(("a",), "x"), Rename(("b",), "c")), "edit 2 of 2: c exists already (line 3)"),
        ((Rename(("a",), "x"), Rename(("b",), "x")), "edit 2 of 2: x exists already (line 1)"),
        ((Rename(("a",), "x"), Rename(("a",), "w")), "edit 2 of 2: a does not exist"),
        ((Rename(("a",), "x"), Rename(("a", "b"), "w")), "edit 2 of 2: a.b does not exist"),
        ((Rename(("a",), "x"), Rename((), "w")), "edit 2 of 2: the whole document has no key"),
        ((Rename(("a",), "x"), Rename((0,), "w")), "edit 2 of 2: [0] is an item of a list, which has no key"),
        ((Rename(("a",), "x"), Rename(("b", 1, "k"), "w")), "edit 2 of 2: b is a scalar, not a list"),
        ((Rename(("a",), "x"), Rename(("w",) * (MAX_DEPTH + 1), "w")), "edit 2 of 2: the path has more than 200 steps"),
        ((Rename(("a",), "x" * 1100), Rename(("b",), "w"), Rename(("c",), "z")), "edit 1 of 3: the edit would make"),
        ((Rename(("b",), "w"), Rename(("c",), "z" * 1100), Rename(("a",), "x")), "edit 2 of 3: the edit would make"),
    ],
)
def test_a_refusal_has_the_number_of_the_rename(edits: tuple[Edit, ...], refusal: str) -> None:
    document = Document.parse("a: 1\nb: 2\nc: 3\n")
    with pytest.raises(EditRefused) as caught:
        document.edit(*edits)
    assert caught.value.what.startswith(refusal)


def test_a_file_in_another_encoding_is_not_renamed_in() -> None:
    document = Document.parse("a: &x {b: 1}\nc: *x\n".encode("utf-16"))
    for path in (("a",), ("c", "b")):
        with pytest.raises(EditRefused, match="the file is encoded as UTF-16-LE"):
            document.rename(path, "x")


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("'x'", '"x"', "the edit would also change how a is written"),
        ("'x': 1", "'x': &a 1", "the edit would also change how a is written"),
        ("'x': 1", "'x': '1'", "the edit would also change x"),
        ("b: 2", "'b': 2", "the edit would also change how b is written"),
        ("  # one", "", "the edit would lose the comment '# one'"),
    ],
)
def test_what_a_rename_is_not_about_is_refused(
    old: str, new: str, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountedBatch, "changed", lambda _, text: text.replace(old, new))
    with pytest.raises(NotProven) as caught:
        CountedBatch("'a': 1  # one\nb: 2\n").edited(Rename(("a",), "x"))
    assert caught.value.what == refusal


def test_a_comment_is_never_removed_by_a_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it is within the text that is written anew."""
    monkeypatch.setattr(NewKey, "splices", lambda key: [Splice(key.node.start, key.node.end, "!t x")])
    with pytest.raises(NotProven, match="the edit would lose the comment '# key'"):
        CountedBatch("? !t # key\n  a\n: 1\n").edited(Rename(("a",), "x"))


CLUSTERS = "clusters:\n" + "".join(f"- name: c{n}\n  zone:\n    first: {n}\n    second: b\n" for n in range(40))


@pytest.fixture
def read_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read into nodes, without those of the second proof."""
    texts: list[str] = []
    read = Tree.read

    def recorded(source: Source, *args: Any, **options: Any) -> Tree:
        texts.append(source.text)
        return read(source, *args, **options)

    monkeypatch.setattr(Tree, "read", recorded)
    monkeypatch.setattr(document_module, "PROVEN_ONCE_IN", 1_000_000)
    return texts


def test_a_rename_reads_little_of_a_file(read_texts: list[str]) -> None:
    edited = Document.parse(CLUSTERS).rename(("clusters", 20, "zone", "first"), "x")
    assert edited.text == CLUSTERS.replace("first: 20", "x: 20")
    assert all(len(text) < len(CLUSTERS) / 4 for text in read_texts)


def test_the_outline_has_the_new_key() -> None:
    edited = Document.parse(CLUSTERS).set(("clusters", 20, "zone", "first"), "x")
    edited = edited.rename(("clusters", 20, "zone", "first"), "third")
    assert edited.set(("clusters", 20, "zone", "third"), "w").text == CLUSTERS.replace("first: 20", "third: w")
    added = edited.set(("clusters", 20, "zone", "first"), "z").text
    assert added == CLUSTERS.replace("first: 20\n    second: b", "third: x\n    second: b\n    first: z")


def test_an_edit_of_the_new_key_does_not_add_it_again() -> None:
    """Although the excerpt that a new key needs does not have the lines of this one."""
    edited = Document.parse(ENTRIES).rename(("l", "k3"), "new")
    assert edited.set(("l", "new"), "z").text == ENTRIES.replace("k3: 3 ", "new: z ", 1)
    assert edited.remove(("l", "new")).text == ENTRIES.replace("  k3: 3  # 3\n", "", 1)


@pytest.mark.parametrize(
    "edits",
    [
        (Rename(("clusters", 20, "zone", "first"), "second"),),
        (Rename(("clusters", 20, "zone", "first"), "on"),),
        (Rename(("clusters", 20, "zone", "third"), "x"),),
        (Rename(("clusters", 20, "zone", "first"), "x"), Rename(("clusters", 20, "zone", "x"), "w")),
        (Rename(("clusters", 20, "zone", "first"), "x"), Set(("clusters", 20, "zone", "first"), 1)),
    ],
)
def test_an_excerpt_is_not_enough_for_some_renames(edits: tuple[Edit, ...]) -> None:
    document = Document.parse(CLUSTERS)
    assert document._outline is not None
    assert excerpt_for(CLUSTERS, document._outline, edits) is None


def test_comments_of_all_documents_stay() -> None:
    text = "# one\na: 1  # two\n---\n# three\na: 2\n"
    edited = Document.parse(text, index=1).rename(("a",), "b")
    assert edited.text == "# one\na: 1  # two\n---\n# three\nb: 2\n"
    assert Counter(comment.text for comment in edited.comments) == {"# three": 1}
