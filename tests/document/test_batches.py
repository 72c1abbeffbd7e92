"""Batches: which of their edits are made at once, and that they lead to what the edits lead to one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any
from unittest.mock import Mock

import pytest

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.edits import AnyEdit, Arrange, ChangeItems
from tarmak_iam.document.engine import groups, with_routes
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.proof import prove
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Key, Route
from tests.document.edit_model import read, yaml
from tests.document.random_edits import Text, generated_texts, json_texts, own_texts, random_call
from tests.document.test_edits import edit_of
from tests.support.both_ways import one_way
from tests.support.thorough import MANY, profile

GROUPS: dict[str, tuple[list[Edit], list[list[int]]]] = {
    "of other places": ([Set(("a",), 1), Set(("b", "c"), 1), Rename(("d",), "e"), Remove(("f",))], [[1, 2, 3, 4]]),
    "of the same place": ([Set(("a",), 1), Set(("a",), 2)], [[1], [2]]),
    "inside of what changed": ([Set(("a",), {}), Set(("a", "b"), 1), Set(("c",), 1)], [[1], [2, 3]]),
    "around what changed": ([Set(("a", "b"), 1), Remove(("a",))], [[1], [2]]),
    "at the end of one list": ([Append(("l",), 1), Append(("l",), 2), Set(("l", 0), 3)], [[1, 2, 3]]),
    "of a list that grew": ([Append(("l",), 1), Insert(("l", 0), 2)], [[1], [2]]),
    "of the new key": ([Rename(("a",), "b"), Set(("b",), 1)], [[1], [2]]),
    "of both ends of a move": ([Move(("a", "b"), ("c", "d")), Set(("a", "b"), 1), Set(("c", "d"), 1)], [[1], [2, 3]]),
    "of items and inside of them": ([Set(("l", 1, "a"), 1), Remove(("l", 0)), Set(("l", 1), 1)], [[1, 2], [3]]),
    "through an alias": ([Set(("a",), 1), Set(("b",), 1, through_alias=True), Set(("c",), 1)], [[1], [2], [3]]),
    "with a prune": ([Set(("a",), 1), Remove(("b", "c"), prune=True), Set(("d",), 1)], [[1], [2], [3]]),
    "of one of equal keys": ([Set(("a",), 1), Set((Key("b", 0),), 1), Set(("c",), 1)], [[1], [2], [3]]),
    "of the whole document": ([Set(("a",), 1), Set((), {})], [[1], [2]]),
    "of items of two lists": ([Remove(("k", 0)), Remove(("l", 0)), Remove(("l", 0)), Set(("a",), 1)], [[1, 2, 4]]),
    "a move into itself": ([Move(("a",), ("a", "b")), Set(("c",), 1)], [[1], [2]]),
}


@pytest.mark.parametrize(("edits", "expected"), GROUPS.values(), ids=GROUPS)
def test_edits_are_made_at_once_that_do_not_touch_each_other(edits: list[Edit], expected: list[list[int]]) -> None:
    assert [[part.number for part in parts] for parts in groups(edits)] == expected


L = Route.of(("l",))


@pytest.mark.parametrize(
    ("edits", "composed"),
    [
        ([Insert(("l", 0), "x"), Insert(("l", 1), "y")], ChangeItems(L, {0: ["x", "y"]})),
        ([Insert(("l", 1), "x"), Insert(("l", 1), "y")], ChangeItems(L, {1: ["y", "x"]})),
        ([Remove(("l", 0)), Remove(("l", 0)), Remove(("l", 1))], ChangeItems(L, {}, (0, 1, 3))),
        ([Remove(("l", 1)), Insert(("l", 1), "x")], ChangeItems(L, {2: ["x"]}, (1,))),
        ([Insert(("l", 0), "x"), Remove(("l", 3)), Insert(("l", 0), "y")], ChangeItems(L, {0: ["y", "x"]}, (2,))),
        ([Insert(("l", 2), "x"), Remove(("l", 2)), Remove(("l", 0))], ChangeItems(L, {}, (0,))),
        ([Move(("l", 0), ("l", 2)), Move(("l", 0), ("l", 1))], Arrange(L, (2, 1, 0))),
        ([Move(("l", 1), ("l", 0)), Move(("l", 1), ("l", 0))], Arrange(L, (0,))),
    ],
)
def test_edits_of_items_in_a_row_become_one(edits: list[Edit], composed: AnyEdit) -> None:
    ((part,),) = groups(edits)
    assert part == (1, tuple(map(with_routes, edits)), composed)


@pytest.mark.parametrize(
    "edits",
    [
        [Insert(("l", 0), "x"), Remove(("l", 0))],  # nothing is left to do
        [Remove(("l", -1)), Remove(("l", 0))],
        [Move(("l", 0), ("l", 500)), Move(("l", 0), ("l", 499))],  # to write all items anew takes longer
        [Remove(("l", 20_000)), Remove(("l", 0))],
    ],
)
def test_edits_of_items_that_stay_several(edits: list[Edit]) -> None:
    assert [part.asked for parts in groups(edits) for part in parts] == [(with_routes(edit),) for edit in edits]


ITEMS = "l:\n- a  # a\n- b\n# of c\n- c\n- d  # d\nk: {m: 1}\n"

MADE: dict[str, tuple[list[Edit], str, list[str]]] = {
    "inserts": (
        [Insert(("l", 1), "x"), Insert(("l", 2), "v"), Insert(("l", 6), "z")],
        "l:\n- a  # a\n- x\n- v\n- b\n# of c\n- c\n- d  # d\n- z\nk: {m: 1}\n",
        [],
    ),
    "removes": (
        [Remove(("l", 3)), Remove(("l", 0)), Remove(("l", 1))],
        "l:\n- b\nk: {m: 1}\n",
        ["# a", "# of c", "# d"],
    ),
    "all items": ([Remove(("l", 0))] * 4, "l: []\nk: {m: 1}\n", ["# a", "# of c", "# d"]),
    "one in the place of another": (
        [Remove(("l", 2)), Insert(("l", 2), "x")],
        "l:\n- a  # a\n- b\n- x\n- d  # d\nk: {m: 1}\n",
        ["# of c"],
    ),
    "moves": (
        [Move(("l", 0), ("l", 3)), Move(("l", 0), ("l", 1))],
        "l:\n# of c\n- c\n- b\n- d  # d\n- a  # a\nk: {m: 1}\n",
        [],
    ),
    "inside of a parent that another edit creates": (
        [Set(("new", "a", "b"), 1), Set(("new", "c"), 2), Append(("new", "d"), 3), Move(("k", "m"), ("new", "a", "m"))],
        "l:\n- a  # a\n- b\n# of c\n- c\n- d  # d\nk: {}\nnew:\n  a:\n    b: 1\n    m: 1\n  c: 2\n  d:\n  - 3\n",
        [],
    ),
}


@pytest.mark.parametrize(("edits", "after", "removed"), MADE.values(), ids=MADE)
def test_edits_that_become_one(edits: list[Edit], after: str, removed: list[str]) -> None:
    edited = Document.parse(ITEMS).edit(*edits)
    assert edited.text == after
    assert [comment.text for comment in edited.removed_comments] == removed


@pytest.mark.parametrize(
    ("edits", "refusal"),
    [
        ([Remove(("l", 0)), Remove(("l", 0)), Remove(("l", 2))], "edit 3 of 3: l has no index 2"),
        ([Insert(("l", 4), 1), Insert(("l", 6), 2)], "edit 2 of 2: a new item cannot be inserted into l at 6"),
        ([Move(("l", 0), ("l", 1)), Move(("l", 0), ("l", 4))], "edit 2 of 2: l[0] cannot get the index 4"),
        ([Set(("a",), 1), Set(("l", "b"), 1), Set(("c",), 1)], "edit 2 of 3: l is a list, not a mapping"),
        ([Set(("a", "b"), 1), Set(("a", 0), 1), Set(("c",), 1)], "edit 2 of 3: a is a mapping, not a list"),
        ([Remove(("k", "m")), Remove(("k", "m"))], "edit 2 of 2: k.m does not exist"),
        ([Set(("l", 0), 1), Set(("k", "x"), object()), Set(("l", 9), 1)], "edit 2 of 3: a value of type object"),
    ],
)
def test_a_refusal_of_edits_at_once_has_the_number_of_the_first(edits: list[Edit], refusal: str) -> None:
    with pytest.raises(EditRefused) as caught:
        Document.parse(ITEMS).edit(*edits)
    assert caught.value.what.startswith(refusal)


def test_indices_that_an_edit_shifts_are_those_before_it_for_an_edit_that_waits() -> None:
    edits: list[Edit] = [Set((0, "a", "x"), 1), Set((0, "a", "z"), 2), Insert((0,), "new")]
    assert Document.parse("- k: 1\n- l: 2\n").edit(*edits).text == "- new\n- k: 1\n  a:\n    x: 1\n    z: 2\n- l: 2\n"


def test_edits_at_once_have_one_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = Mock(wraps=prove)
    monkeypatch.setattr("tarmak_iam.document.engine.prove", proof)
    edits: list[Edit] = [Set(("k", "m"), 2), Append(("l",), "e"), Set(("a",), 1), Set(("l", 0), "x")]
    with one_way():
        Document.parse(ITEMS).edit(*edits, *[Remove(("l", 0)) for _ in range(3)])
    assert proof.call_count == 2  # the removals are of what was changed


def test_edits_below_a_parent_that_others_create_are_made_at_once_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = Mock(wraps=prove)
    monkeypatch.setattr("tarmak_iam.document.engine.prove", proof)
    edits: list[Edit] = [Set((f"new-{number % 2}", f"key-{number}"), number) for number in range(10)]
    with one_way():
        Document.parse(ITEMS).edit(*edits)
    assert proof.call_count == 2


def test_what_is_added_where_several_blocks_end_is_added_to_the_inner_ones_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proof = Mock(wraps=prove)
    monkeypatch.setattr("tarmak_iam.document.engine.prove", proof)
    edits: list[Edit] = [Set(("new",), 1), Append(("l",), {"b": 2}), Set(("l", 0, "c"), 3)]
    with one_way():
        edited = Document.parse("l:\n- a: 1\n").edit(*edits)
    assert (edited.text, proof.call_count) == ("l:\n- a: 1\n  c: 3\n- b: 2\nnew: 1\n", 1)


def test_so_many_edits_are_made_at_once() -> None:
    assert [len(group) for group in groups([Set((f"k{number}",), 1) for number in range(1001)])] == [500, 500, 1]


def batch_of(text: Text) -> tuple[Document, list[Edit], Document] | None:
    """A document, edits that can be made of it one after the other, and what they lead to."""
    try:
        first = edited = Document.parse(text.raw, "f", text.index)
    except ParseError:
        return None
    random, edits = Random(f"batch {text.name}"), list[Edit]()
    for _ in range(12):
        try:
            documents = read(edited.to_bytes()).documents
        except yaml.YAMLError:  # PyYAML rejects what go-yaml reads
            break
        call: dict[str, Any] = random_call(random, documents[text.index]) if text.index < len(documents) else {}
        for asked in call.get("edits", [call]):
            if asked.get("op", "update") == "update":
                continue
            try:
                edited = edited.edit(edit := edit_of(asked))
            except EditRefused:
                continue
            edits.append(edit)
    return first, edits, edited


def check(texts: Iterable[Text], at_least: int) -> None:
    made = 0
    for text in texts:
        with one_way():  # test_random_edits.py makes each edit both ways
            batch = batch_of(text)
            if batch is None:
                continue
            first, edits, expected = batch
            edited = first.edit(*edits)
        assert same(edited.data, expected.data), (text.name, edits)
        before, after, removed = (
            Counter(comment.text for comment in comments)
            for comments in (first.comments, edited.comments, edited.removed_comments)
        )
        assert not before - after - removed, (text.name, edits)
        made += len(edits)
    assert made >= at_least


def test_a_batch_gives_the_same_data_as_its_edits_one_after_the_other() -> None:
    documents = {MANY: 150, "repeatable": 80}.get(profile(), 50)
    check([*generated_texts(range(70_000, 70_000 + documents)), *json_texts(10), *own_texts()[::20]], documents * 5)


@pytest.mark.thorough
def test_many_batches_give_the_same_data_as_their_edits_one_after_the_other() -> None:
    share = 1 if profile() == MANY else 8
    check([*generated_texts(range(80_000, 81_000, share)), *own_texts()[:: 3 * share]], 5_000 // share)
