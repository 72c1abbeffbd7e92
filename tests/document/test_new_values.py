"""Edits inside values that an earlier edit of the batch adds: made, or left to another way without any change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tarmak_iam.document import Append, Insert, Remove, Set
from tarmak_iam.document.draft import Inside, Unclear
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.intent import Intent
from tarmak_iam.document.new_values import edit_new_value
from tarmak_iam.routes import Key, Step

K, X, Y = Key("k"), Key("x"), Key("y")


def edited(value: Any, steps: tuple[Step, ...], edit: ValueEdit) -> Any:
    """What the edit makes of a value, which is the second member of a mapping. Raises Unclear."""
    before, holder = {"a": 0, "n": value}, {"a": 0, "n": copy.deepcopy(value)}
    intent = Intent(before)
    place = Inside(holder, "n", ["n"], steps, lambda: holder.pop("n"))
    try:
        edit_new_value(place, edit, getattr(edit, "value", None), intent)
    except Unclear:
        assert (holder, intent.data) == (before, before)
        raise
    assert json.dumps(holder) == json.dumps(intent.data)  # in the same order
    return holder.get("n", "removed")


@pytest.mark.parametrize(
    ("value", "steps", "edit", "after"),
    [
        ({"k": 1}, (K,), Set((), 2), '{"k": 2}'),
        ({"k": 1}, (X, Y), Set((), 2), '{"k": 1, "x": {"y": 2}}'),
        ({"k": {"x": 1, "y": 2}}, (K,), Set((), {"y": 3, "a": 4, "x": 5}), '{"k": {"x": 5, "y": 3, "a": 4}}'),
        ({"k": {"x": 1, "y": 2}}, (), Set((), {"k": {"y": 3, "x": 5}}), '{"k": {"x": 5, "y": 3}}'),
        ({"k": 1, "y": 2}, (X,), Set((), {"y": 3, "k": 4}), '{"k": 1, "y": 2, "x": {"y": 3, "k": 4}}'),
        ({"k": 1}, (K,), Set((), {"y": 3}), '{"k": {"y": 3}}'),
        ({"k": {"y": 3}}, (K,), Set((), 1), '{"k": 1}'),
        ({"k": 1, "x": 2}, (), Set((), {"x": 3}), '{"x": 3}'),
        ([1, {"k": 2}], (1, K), Set((), 3), '[1, {"k": 3}]'),
        ([1, 2], (0,), Set((), 3), "[3, 2]"),
        ([1], (), Append((), 2), "[1, 2]"),
        (None, (), Append((), 2), "[2]"),
        ({"k": None}, (K,), Append((), 2), '{"k": [2]}'),
        ({"k": 1}, (X,), Append((), 2), '{"k": 1, "x": [2]}'),
        ({"k": 1}, (X, Y), Append((), 2), '{"k": 1, "x": {"y": [2]}}'),
        ([1], (), Insert((0,), 2), "[2, 1]"),
        ([1], (), Insert((1,), 2), "[1, 2]"),
        (None, (), Insert((0,), 2), "[2]"),
        ({"k": 1}, (X,), Insert((0,), 2), '{"k": 1, "x": [2]}'),
        ({"k": 1}, (K,), Remove(()), "{}"),
        ({"k": 1, "x": 2}, (K,), Remove((), prune=True), '{"x": 2}'),
        ({"k": [1, 2]}, (K, 0), Remove(()), '{"k": [2]}'),
        ({"k": 1}, (), Remove(()), '"removed"'),
    ],
)
def test_edits_that_are_made(value: Any, steps: tuple[Step, ...], edit: ValueEdit, after: str) -> None:
    assert json.dumps(edited(value, steps, edit)) == after


@pytest.mark.parametrize(
    ("value", "steps", "edit"),
    [
        ({"k": 1}, (X, 0), Set((), 2)),  # a list cannot be begun by its index
        ({"k": 1}, (0,), Set((), 2)),
        ({"k": 1}, (K, X), Set((), 2)),
        ({"k": 1}, (Key("k", 1),), Set((), 2)),
        ({1: "one", "k": 1}, (K,), Set((), 2)),  # the text of a key may be that of a number
        ([1], (1,), Set((), 2)),
        ([1], (-1,), Set((), 2)),
        ([1], (K,), Set((), 2)),
        ({"k": 1}, (K,), Append((), 2)),
        ({}, (), Append((), 2)),
        ([1], (), Insert((2,), 2)),
        ([1], (), Insert((-1,), 2)),
        ([1], (), Insert((True,), 2)),
        ([1], (), Insert(("k",), 2)),
        (None, (), Insert((1,), 2)),
        ({"k": 1}, (X,), Insert((1,), 2)),
        ({"k": 1}, (K,), Insert((0,), 2)),
        ({"k": 1}, (X,), Remove(())),
        ({"k": 1}, (K,), Remove((), prune=True)),  # the mapping goes too, and perhaps what it is in
        ({"k": 1}, (), Remove((), prune=True)),
    ],
)
def test_edits_that_are_left_to_another_way(value: Any, steps: tuple[Step, ...], edit: ValueEdit) -> None:
    with pytest.raises(Unclear):
        edited(value, steps, edit)


def test_a_value_that_is_the_whole_document_is_not_removed() -> None:
    box = [{"k": 1}]
    with pytest.raises(Unclear):
        edit_new_value(Inside(box, 0, [], ()), Remove(()), None, Intent({"k": 1}))
    assert box == [{"k": 1}]
