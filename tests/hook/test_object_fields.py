"""The merge by fields: what was changed is as before again, what others have set stays, and twice is once."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.hook.cluster.object_fields import MISSING, fields, merged, shortly

KEYS = st.sampled_from(["a", "b", "c", "name"])
SCALARS = st.one_of(st.text(max_size=3), st.integers(2, 9), st.booleans())
NAMED = st.dictionaries(st.sampled_from("xyz"), st.dictionaries(st.sampled_from("ab"), SCALARS), max_size=3).map(
    lambda found: [{"name": name, **each} for name, each in found.items()]
)
VALUES = st.recursive(
    SCALARS | NAMED, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_what_nobody_has_touched_is_exactly_as_before(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = merged(copy.deepcopy(after), before, [after])
    assert found[0] == before
    assert found[1] == ()


@given(OBJECTS, OBJECTS, OBJECTS)
def test_twice_is_once(live: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    once = merged(live, before, [after])[0]
    again = merged(once, before, [after])
    assert again[0] == once
    assert again[1] == ()


@given(OBJECTS, OBJECTS)
def test_what_was_never_changed_stays_as_it_is(live: dict[str, Any], before: dict[str, Any]) -> None:
    assert merged(live, before, [copy.deepcopy(before)])[0] == live


@given(OBJECTS, OBJECTS, st.dictionaries(st.sampled_from(["theirs", "others"]), VALUES, min_size=1))
def test_what_others_have_added_stays(before: dict[str, Any], after: dict[str, Any], theirs: dict[str, Any]) -> None:
    found = merged({**after, **theirs}, before, [after])
    assert found[0] == {**before, **theirs}
    assert found[1] == ()


def test_other_fields_of_the_same_mapping_are_no_conflict() -> None:
    before = {"data": {"config.yaml": "1"}, "metadata": {"labels": {"v": "1"}}}
    after = {"data": {"config.yaml": "2", "new": "x"}, "metadata": {"labels": {"v": "2"}}}
    live = {
        "data": {"config.yaml": "2", "new": "x", "theirs": "y"},
        "metadata": {"labels": {"v": "2", "argo": "app"}, "annotations": {"restartedAt": "now"}},
    }
    found = merged(live, before, [after])
    assert found[0] == {
        "data": {"config.yaml": "1", "theirs": "y"},
        "metadata": {"labels": {"v": "1", "argo": "app"}, "annotations": {"restartedAt": "now"}},
    }
    assert found[1] == ()


@pytest.mark.parametrize("live", ["3", None, MISSING])
def test_a_changed_field_that_is_a_third_thing_is_a_conflict(live: Any) -> None:
    theirs = {"data": {} if live is MISSING else {"config.yaml": live}}
    found = merged(theirs, {"data": {"config.yaml": "1"}}, [{"data": {"config.yaml": "2"}}])
    assert found[0] == {"data": {"config.yaml": "1"}}
    assert [shortly([path]) for path in found[1]] == ["data.config.yaml"]


def test_any_of_the_states_in_between_is_known() -> None:
    found = merged({"a": 2}, {"a": 1}, [{"a": 2}, {"a": 3}])
    assert found == ({"a": 1}, ())


def test_named_things_are_merged_by_name_in_the_order_of_before() -> None:
    before = {"c": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}
    after = {"c": [{"name": "b", "image": "2"}, {"name": "new", "image": "2"}]}
    live = {"c": [{"name": "theirs"}, {"name": "b", "image": "2", "x": "y"}, {"name": "new", "image": "2"}]}
    assert merged(live, before, [after])[0] == {
        "c": [{"name": "a", "image": "1"}, {"name": "b", "image": "1", "x": "y"}, {"name": "theirs"}]
    }


def test_subjects_of_one_name_and_lists_without_names_are_one_value() -> None:
    before = {"s": [{"kind": "User", "name": "x"}, {"kind": "Group", "name": "x"}]}
    after = {"s": [{"kind": "User", "name": "x"}]}
    assert merged(after, before, [after])[0] == before
    found = merged({"args": ["b", "theirs"]}, {"args": ["a"]}, [{"args": ["b"]}])
    assert found == ({"args": ["a"]}, (("args",),))


def test_what_came_with_the_change_goes_with_it_unless_something_of_others_is_in_it() -> None:
    assert merged({"data": {"a": "1"}, "x": 1}, {"x": 1}, [{"data": {"a": "1"}, "x": 1}])[0] == {"x": 1}
    assert merged({"data": {"a": "1", "t": "2"}}, {}, [{"data": {"a": "1"}}])[0] == {"data": {"t": "2"}}
    assert merged({}, {"annotations": {}}, [{}])[0] == {"annotations": {}}


def test_fields_of_several_objects_side_by_side() -> None:
    one = {"a": {"b": 1}, "c": [{"name": "x", "i": 1}], "e": {}}
    other = {"a": {}, "c": [{"name": "x", "i": 2}, {"name": "y", "i": 3}]}
    assert {shortly([path]): values for path, values in fields(one, other)} == {
        "a.b": (1, MISSING),
        "c[x].name": ("x", "x"),
        "c[x].i": (1, 2),
        "c[y].name": (MISSING, "y"),
        "c[y].i": (MISSING, 3),
        "e": ({}, MISSING),
    }


def test_many_fields_are_counted() -> None:
    assert shortly([("a",), ("b", "c")]) == "a, b.c"
    assert shortly([("a",), ("b",), ("c",), ("d",), ("e",)]) == "a, b, c and 2 more"
