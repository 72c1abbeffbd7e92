"""What holds for every move. The cases `move-*` and `refuse-move-*` have the text of each kind."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.source import MAX_DEPTH
from tarmak_iam.routes import Key

Steps = tuple[str | int, ...]


def test_what_moves_below_an_empty_key_is_indented_as_what_is_next_to_it() -> None:
    text = "a: null\nb:\n # above\n k: 1\n l: 2\n g:\n - x\n - y\nc: null\nd: []\n"
    expected = "a:\n m: []\nb:\n # above\n k: 1\n l: 2\n g:\n - x\n - y\nc: null\n"
    assert Document.parse(text).move(("d",), ("a", "m")).text == expected


def test_an_entry_becomes_an_item_above_its_own() -> None:
    document = Document.parse("l:\n- x: 1\n- a: 2  # of a\n  b: 3\n")
    assert document.move(("l", 1, "a"), ("l", 0)).text == "l:\n- 2  # of a\n- x: 1\n- b: 3\n"


def test_nothing_moves_to_where_a_key_is_written_with_a_question_mark() -> None:
    document = Document.parse("a:\n  b: 1\n  c: 2\nd:\n  ? e\n  : 3\n")
    with pytest.raises(EditRefused, match=r"the mapping at d\.f or around it has a key that is written with \?"):
        document.move(("a", "b"), ("d", "f"))


def test_a_comment_does_not_move_to_new_parents_in_a_flow_collection() -> None:
    document = Document.parse("a: {b: 1}\nc: []  # of c\nd: [2]\n")
    with pytest.raises(EditRefused, match="'# of c' does not fit there"):
        document.move(("c",), ("a", "new", "c"))
    assert document.move(("d",), ("a", "new", "d")).text == "a: {b: 1, new: {d: [2]}}\nc: []  # of c\n"


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


def test_the_only_key_moves_below_a_new_one_beside_it() -> None:
    document = Document.parse("# head\n\n# about\nmapRoles:  # roles\n- a\n")
    moved = document.move(("mapRoles",), ("server", "mapRoles"))
    assert moved.text == "# head\n\nserver:\n  # about\n  mapRoles:  # roles\n  - a\n"


def test_a_move_where_keys_override_each_other() -> None:
    document = Document.parse("a: 1\na: 2\nb: 3\n")
    assert document.move(("b",), ("c",)).text == "a: 1\na: 2\nc: 3\n"


def test_the_only_key_behind_a_dash_does_not_move_below_a_new_one_beside_it() -> None:
    document = Document.parse("l:\n- name: x\n", "f.yaml")
    with pytest.raises(EditRefused) as caught:
        document.move(("l", 0, "name"), ("l", 0, "metadata", "name"))
    what = "all of l[0] would be replaced; add the new members in a separate edit first"
    assert str(caught.value) == f"f.yaml:2:3: {what}"
    edited = document.edit(Set(("l", 0, "metadata", "name"), "x"), Remove(("l", 0, "name")))
    assert edited.text == "l:\n- metadata:\n    name: x\n"


def test_a_key_goes_from_strict_json_in_which_another_one_is_a_duplicate() -> None:
    document = Document.parse('{"a": {"x": 1}, "a": {"y": 2}, "b": 3}')
    assert document.remove(("b",)).text == '{"a": {"x": 1}, "a": {"y": 2}}'
