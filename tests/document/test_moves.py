"""What holds for every move. The cases `move-*` and `refuse-move-*` have the text of each kind."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.plain_values import same, value_at
from tarmak_iam.document.source import MAX_DEPTH
from tarmak_iam.routes import Key
from tests.document.test_invariants import KEYS, MAPPINGS, documents, paths_of
from tests.document.test_update import blocks
from tests.support import shared_file
from tests.support.thorough import examples, quick_sample

Steps = tuple[str | int, ...]

REASONS = (
    *("exists already", "is inside of", "is a scalar", "is a list", "is a mapping", "is the alias", "cannot get"),
    *("has no index", "nothing can be moved to", "index 1 is out of range", "would be above its anchor"),
    *("does not fit into the flow collection", "keeps all line ends", "would become part of it"),
    *("does not fit there, because it is next to or in a flow collection", "is an empty mapping, not a list"),
)
"""The reasons to refuse a move of what can be moved to another place. A wrong result is none of them."""


def moved(data: Any, path: Steps, to: Steps) -> Any:
    """The values after a move."""
    data = copy.deepcopy(data)
    parent = value_at(data, path[:-1])
    return _added(data, to, parent.pop(path[-1]))


def _added(data: Any, to: Steps, value: Any) -> Any:
    step, *rest = to
    if isinstance(step, int):
        items: list[Any] = data or []
        if rest and step < len(items):
            items[step] = _added(items[step], tuple(rest), value)
        else:
            items.insert(step, _added(None, tuple(rest), value) if rest else value)
        return items
    members: dict[Any, Any] = data or {}
    assert rest or step not in members
    members[step] = _added(members.get(step), tuple(rest), value) if rest else value
    return members


def in_order(value: Any) -> str:
    """A value as text, with the order of its keys."""
    return json.dumps(value)


def places(data: Any) -> st.SearchStrategy[Steps]:
    """Paths at which there is nothing yet, and some at which there is something."""
    collections: list[tuple[Steps, Any]] = [((), data)]
    collections += [(path, found) for path in paths_of(data) if isinstance(found := value_at(data, path), (dict, list))]

    def inside(each: tuple[Steps, Any]) -> st.SearchStrategy[Steps]:
        path, value = each
        steps: st.SearchStrategy[Any] = (
            st.integers(0, len(value)) if isinstance(value, list) else st.one_of(KEYS, st.just("new"))
        )
        more: st.SearchStrategy[Steps] = st.sampled_from([(), (), ("n",), ("n", "m"), (0,)])
        return st.tuples(steps, more).map(lambda found: (*path, found[0], *found[1]))

    return st.sampled_from(collections).flatmap(inside)


def comments(document: Document) -> Counter[str]:
    return Counter(comment.text for comment in document.comments)


def move(document: Document, path: Steps, to: Steps) -> Document | None:
    """The document after the move; None if it is refused for a good reason."""
    try:
        return document.move(path, to)
    except EditRefused as refusal:
        if not any(reason in refusal.what for reason in REASONS) or not refusal.remedy or refusal.place is None:
            raise
        return None


def check(document: Document, path: Steps, to: Steps) -> Document | None:
    edited = move(document, path, to)
    if edited is None or edited is document:
        assert edited is None or path == to
        return None
    assert in_order(edited.data) == in_order(moved(document.data, path, to))
    assert same(Document.parse(edited.to_bytes(), json=edited.is_json).data, edited.data)
    assert comments(edited) == comments(document)
    assert not edited.removed_comments
    return edited


def test_what_moves_below_an_empty_key_is_indented_as_what_is_next_to_it() -> None:
    text = "a: null\nb:\n # above\n k: 1\n l: 2\n g:\n - x\n - y\nc: null\nd: []\n"
    expected = "a:\n m: []\nb:\n # above\n k: 1\n l: 2\n g:\n - x\n - y\nc: null\n"
    assert Document.parse(text).move(("d",), ("a", "m")).text == expected


def test_a_comment_does_not_move_to_new_parents_in_a_flow_collection() -> None:
    document = Document.parse("a: {b: 1}\nc: []  # of c\nd: [2]\n")
    with pytest.raises(EditRefused, match="'# of c' does not fit there"):
        document.move(("c",), ("a", "new", "c"))
    assert document.move(("d",), ("a", "new", "d")).text == "a: {b: 1, new: {d: [2]}}\nc: []  # of c\n"


@settings(max_examples=examples(300), deadline=None)
@given(documents(), st.data())
def test_a_move_is_the_removal_and_the_value_at_its_new_place(raw: bytes, data: st.DataObject) -> None:
    document = Document.parse(raw)
    path = data.draw(st.sampled_from(list(paths_of(document.data))))
    to = data.draw(places(document.data))
    if any(f"# {step}: commented out" in document.text for step in to):
        return  # a new key may be placed below that line
    edited = check(document, path, to)
    if edited is None:
        return
    if b"\r\n" in raw:
        assert edited.to_bytes().count(b"\n") == edited.to_bytes().count(b"\r\n")
    assert edited.to_bytes()[:3] == raw[:3] or not raw.startswith(b"\xef\xbb\xbf")


@settings(max_examples=examples(200), deadline=None)
@given(blocks(), st.data())
def test_a_move_there_and_back_gives_the_same_values_and_comments(lines: list[str], data: st.DataObject) -> None:
    document = Document.parse("\n".join(lines) + data.draw(st.sampled_from(["", "\n"])), json=False)
    path = data.draw(st.sampled_from(list(paths_of(document.data))))
    collection = data.draw(st.sampled_from([(), path[:-1]]))
    if not isinstance(value_at(document.data, collection), dict):
        return
    there = (*collection, "new")
    edited = check(document, path, there)
    back = move(edited, there, path) if edited is not None else None
    if back is None:
        return
    assert same(back.data, document.data)
    assert comments(back) == comments(document)
    texts = [sorted(line.strip() for line in each.text.splitlines() if line.strip()) for each in (document, back)]
    if edited is not None and "{}" not in edited.text and "[" not in document.text and "{" not in document.text:
        assert texts[0] == texts[1]


@settings(max_examples=examples(150), deadline=None)
@given(MAPPINGS, st.sampled_from([None, 2, "\t"]), st.data())
def test_moves_in_json(value: dict[str, Any], indent: int | str | None, data: st.DataObject) -> None:
    text = json.dumps(value, indent=indent)
    if "Infinity" in text:
        return
    document = Document.parse(text, json=True)
    path = data.draw(st.sampled_from(list(paths_of(document.data))))
    edited = check(document, path, data.draw(places(document.data)))
    if edited is not None:
        assert json.loads(edited.text) == edited.data


def test_moves_in_real_files() -> None:
    folder = shared_file("corpus", "edits", "kubernetes")
    made = 0
    for file in quick_sample(sorted(folder.iterdir()), 10):
        document = Document.parse(file.read_bytes(), file.name)
        paths = list(paths_of(document.data))
        for path in paths[:: max(len(paths) // 8, 1)]:
            for to in (("a-new-key",), ("a-new-key", "list", 0)):
                edited = move(document, path, to) if isinstance(document.data, dict) else None
                if edited is None:
                    continue
                made += 1
                assert same(edited.data, moved(document.data, path, to))
                assert comments(edited) == comments(document)
                lines = [Counter(each.text.splitlines()) for each in (document, edited)]
                stripped = [Counter(line.strip(" -") for line in each.elements()) for each in lines]
                lost = stripped[0] - stripped[1]
                assert sum(lost.values()) <= 2  # the line of the key, and of its parent that gets {}
    assert made > 20


def test_moves_and_other_edits_are_made_in_order() -> None:
    document = Document.parse("a: {b: 1}\nl:\n- x\n- w\n")
    edits = (
        Set(("a", "c"), 2),
        Move(("a", "b"), ("d", "e")),
        Rename(("d",), "f"),
        Move(("f", "e"), ("l", 1)),
        Append(("l",), "z"),
        Move(("l", 3), ("l", 0)),
        Insert(("l", 0), "v"),
        Remove(("f",)),
    )
    edited = document.edit(*edits)
    assert edited.text == "a: {c: 2}\nl:\n- v\n- z\n- x\n- 1\n- w\n"
    one_by_one = document
    for edit in edits:
        one_by_one = one_by_one.edit(edit)
    assert one_by_one.text == edited.text


@pytest.mark.parametrize(
    ("edits", "refusal"),
    [
        ((Set(("a",), 2), Move(("b",), ("a",))), "edit 2 of 2: a exists already"),
        ((Rename(("a",), "x"), Move(("a",), ("c",))), "edit 2 of 2: a does not exist"),
        ((Move(("a",), ("x",)), Move(("x",), ("x", "c"))), "edit 2 of 2: x.c is inside of x, which moves"),
        ((Move(("a",), ("x",)), Set(("l", "c"), 1)), "edit 2 of 2: l is a list, not a mapping"),
        ((Move(("a",), ("x",) * (MAX_DEPTH + 1)),), "the path has more than 200 steps"),
        ((Move(("a",), ("x",) * 5_000),), "the path has more than 200 steps"),
        ((Move(("x",) * (MAX_DEPTH + 1), ("a",)),), "the path has more than 200 steps"),
        ((Set(("x",) * 5_000, 1),), "the path has more than 200 steps"),
        ((Insert((*("x",) * 5_000, 0), 1),), "the path has more than 200 steps"),
    ],
)
def test_a_refusal_has_the_number_of_the_edit(edits: tuple[Edit, ...], refusal: str) -> None:
    with pytest.raises(EditRefused) as caught:
        Document.parse("a: 1\nb: 2\nl: [1]\n").edit(*edits)
    assert caught.value.what == refusal


def test_the_same_place_by_another_name() -> None:
    document = Document.parse("a: {b: 1}\nl:\n- c: 2\n")
    for path, to in ((("a",), (Key("a", 0),)), (("l", 0, "c"), ("l", 0, Key("c", 0))), (("l", 0), ("l", 0))):
        assert document.move(path, to) is document


def test_a_placeholder_is_a_new_word() -> None:
    document = Document.parse("a: moved  # moved1\nmoved2: x\nb: {c: 1}\n")
    assert document.move(("b",), ("d",)).text == "a: moved  # moved1\nmoved2: x\nd: {c: 1}\n"
