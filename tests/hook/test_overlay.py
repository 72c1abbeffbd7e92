"""What plain apply makes of an object: what is wanted is there, what others added stays, and twice is once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.hook.cluster.object_fields import overlaid

KEYS = st.sampled_from(["a", "b", "c", "name"])
SCALARS = st.one_of(st.text(max_size=3), st.integers(0, 9), st.booleans())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_twice_is_once(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    once = overlaid(live, wanted, None)
    assert overlaid(once, wanted, None) == once


@given(OBJECTS)
def test_what_is_so_already_stays_so(live: dict[str, Any]) -> None:
    assert overlaid(live, live, None) == live


def test_defaults_of_the_api_server_stay() -> None:
    live = {"spec": {"containers": [{"name": "a", "image": "x:1", "pullPolicy": "Always"}], "dnsPolicy": "Default"}}
    wanted = {"spec": {"containers": [{"name": "a", "image": "x:2"}, {"name": "b", "image": "y"}]}}
    assert overlaid(live, wanted, None) == {
        "spec": {
            "containers": [{"name": "a", "image": "x:2", "pullPolicy": "Always"}, {"name": "b", "image": "y"}],
            "dnsPolicy": "Default",
        }
    }


def test_what_was_applied_last_and_is_not_wanted_goes() -> None:
    live = {"data": {"old": "1", "kept": "2", "theirs": "3"}, "spec": {"c": [{"name": "a", "x": 1, "y": 2}]}}
    wanted = {"data": {"kept": "2"}, "spec": {"c": [{"name": "a", "y": 2}]}}
    last = {"data": {"old": "1", "kept": "2"}, "spec": {"c": [{"name": "a", "x": 1, "y": 2}]}}
    assert overlaid(live, wanted, last) == {
        "data": {"kept": "2", "theirs": "3"},
        "spec": {"c": [{"name": "a", "y": 2}]},
    }


def test_lists_without_names_are_replaced() -> None:
    assert overlaid({"args": ["a", "b"]}, {"args": ["c"]}, None) == {"args": ["c"]}
