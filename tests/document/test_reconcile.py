"""Which items of two lists are the same one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import item_matching
from tarmak_iam.document.arrangement import longest_ascent
from tarmak_iam.document.item_matching import Identity, matched_items


def named(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, **more} for name in names]


@pytest.mark.parametrize(
    ("old", "new", "identities", "pairs"),
    [
        ([], [], [], {}),
        (["a", "b"], ["b", "a", "b"], [], {1: 0, 2: 1}),
        (["x", "y", "x"], ["y", "x"], [], {0: 1, 1: 2}),
        ([1, True, 1.0, "1"], ["1", 1.0, True, 1], [], {0: 3, 1: 2, 2: 1, 3: 0}),
        (["a", "x", "c"], ["a", "y", "c"], [], {0: 0, 1: 1, 2: 2}),  # what is left is paired by its position
        (["a", "b"], ["z"], [], {0: 0}),
        (["nginx:1", "redis:5"], ["redis:6"], [], {0: 1}),  # or by likeness, where there are more on one side
        (["redis:6"], ["nginx:1", "redis:5"], [], {1: 0}),
        (["a", "b", "c"], ["b", "c", "d"], [], {0: 1, 1: 2}),  # a and d are not at the same place
        (["a", "m", "b"], ["b", "x", "a"], [], {0: 2, 2: 0}),
        (["a"], [{"k": 1}], [], {0: 0}),
        ([{"run": 1}], [{"uses": 1}], [], {}),  # two mappings without a common key are two things
        ([{"run": 1}], [{}], [], {0: 0}),
        (named("a", "b"), named("c"), [], {}),
        ([["a", "b"], ["c"]], [["c", "d"]], [], {0: 1}),
        ([["a"], ["c"]], [["d"]], [], {}),
        (["a", *named("b")], ["c", *named("d")], ["name"], {0: 0}),  # an identity without a counterpart is a new item
        (named("a", "b"), named("b", "a"), ["name"], {0: 1, 1: 0}),
        (named("a", v=1), named("b", v=1), ["name"], {}),
        (named("a", v=1), named("b", v=1), [], {0: 0}),  # half of it is equal
        (named("a", "a", v=1), named("a", "a", v=2), ["name"], {0: 0, 1: 1}),
        (named("a"), named("a", e="x"), [("e", "name"), "name"], {}),  # the first identity that there is counts
        ([{"m": {"n": 1}}, {"m": {"n": 2}}], [{"m": {"n": 2}, "v": 1}], [("m.n",)], {0: 1}),
        ([{"m": {"n": None}, "v": 1}], [{"m": {"n": None}, "v": 1}], ["m.n"], {0: 0}),  # null is no identity
        ([["a", "b"]], [["a", "c"]], [], {0: 0}),
        ([{"k": 1}], ["a"], [], {0: 0}),
        ([{}], [{"k": 1}], [], {0: 0}),
        # an item with an identity is no other one, however much alike they are
        (named("a", v=1, w=1), [{"v": 1, "w": 1}], ["name"], {}),
        ([{"v": 1, "w": 1}], named("a", v=1, w=1), ["name"], {}),
        (["s", *named("a", x=1)], [*named("b", x=1), "s"], [("e", "name")], {0: 1, 1: 0}),  # half an identity is none
        (["s", {"m": {"n": {}}, "v": 1}], [{"m": {"n": {}}, "w": 1, "x": 2}, "s"], ["m.n"], {1: 0}),
        # each item is matched once
        ([{"k": 1, "l": 2}], [{"k": 1, "l": 2}, {"k": 1, "l": 3}], [], {0: 0}),
        ([{"k": 1, "l": 2}, {"k": 1, "l": 3}], [{"k": 1, "l": 2}], [], {0: 0}),
        ([{"k": 1, "l": 2}], [{"k": 1, "l": 3}, {"k": 1, "l": 4}], [], {0: 0}),
        # items that move are matched if at least half of the larger one is the same, at any depth
        (["s", {"k": 1}], [{"k": 1, "a": 1}, "s"], [], {0: 1, 1: 0}),
        (["s", {"k": 1}], [{"k": 1, "a": 1, "b": 1}, "s"], [], {1: 0}),
        (["s", {"k": {"x": 1, "y": [2, 3]}}], [{"k": {"x": 1, "y": [2]}}, "s"], [], {0: 1, 1: 0}),
        (["s", {"k": {"x": 1, "y": [2]}}], [{"k": {"x": 1, "z": [3, 4]}}, "s"], [], {1: 0}),
        (["s", {"k": {"x": 1}}], [{"k": {"y": 1}}, "s"], [], {1: 0}),
        (["s", [["a", "b"], ["c"]]], [[["a"], ["c"]], "s"], [], {0: 1, 1: 0}),
        (["s", [["a", "b", {}], ["c"]]], [[["a", {}], ["d"]], "s"], [], {0: 1, 1: 0}),
        ([{"k": 1, "l": 2}, {"k": 1, "m": 3}], [{"k": 1, "m": 3, "n": 4}], [], {0: 1}),  # the more alike one
        # as many pairs as possible, in order, and as much alike as possible
        ("abcabba", "cbabac", [], {0: 2, 1: 1, 2: 3, 3: 4, 4: 6}),
        (["alpha", "beta"], ["alphb"], [], {0: 0}),
        (["beta", "alpha"], ["alphb"], [], {0: 1}),
        (["ab", "cd", "ef"], ["cx", "ex"], [], {0: 1, 1: 2}),
        (["ab", "ef"], ["ax", "q", "ex"], [], {0: 0, 2: 1}),
        (["a1", "b1", "c1"], ["a2", "b2"], [], {0: 0, 1: 1}),
        (["a1", "b1", "c1", "d1"], ["b2", "d2"], [], {0: 1, 1: 3}),
        (["xa", "aa"], ["a"], [], {0: 0}),  # no letter counts twice
        (["abcdefgh", "ab"], ["abc"], [], {0: 1}),
        (["zz", ""], ["z"], [], {0: 0}),
        ([{"k": 1}, "s"], [["q"]], [], {0: 0}),
        ([{"k": 1}, "{'k': 2}"], ["{'k': 1}"], [], {0: 1}),
        (["{'k': 1}", "{'k': 2}"], [{"k": 2}], [], {0: 0}),
        ([{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "d": 4}], [{"a": 1, "b": 2, "d": 4, "e": 5}], [], {0: 1}),
        ([["a", "b", "c", "d", "e"], ["a", "x", "z"]], [["a", "y", "w"]], [], {0: 1}),
        ([["a", "b", "c"], ["a"]], ["s", ["a", "d", "e", "f"], ["a", "g"]], [], {1: 0, 2: 1}),
    ],
)
def test_matched(old: list[Any], new: list[Any], identities: list[Identity], pairs: dict[int, int]) -> None:
    assert matched_items(old, new, identities) == pairs


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
def test_equal_items_are_matched_as_often_as_they_can_be(old: list[str], new: list[str]) -> None:
    pairs = matched_items(old, new)
    equal = [after for after, before in pairs.items() if old[before] == new[after]]
    assert len(equal) == sum(min(old.count(each), new.count(each)) for each in set(old))
    assert len(set(pairs.values())) == len(pairs)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), st.data())
def test_one_changed_item_is_matched_with_itself(old: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(old) - 1))
    new = [*old[:index], data.draw(st.sampled_from("abcdx")), *old[index + 1 :]]
    assert matched_items(old, new) == {n: n for n in range(len(old))}


def test_large_lists_are_matched_without_a_table() -> None:
    old, new = [f"a{n}" for n in range(3000)], [f"a{n}" for n in reversed(range(3000))]
    assert matched_items(old, new) == {n: 2999 - n for n in range(3000)}


def test_likeness_decides_in_runs_that_are_not_too_long() -> None:
    for length, shift in ((125, 45), (126, 0)):  # 80 times 125 is the largest table
        old = [f"{n}-{n}-{n}" for n in range(length)]
        assert matched_items(old, [f"{each}x" for each in old[45:125]]) == {n: n + shift for n in range(80)}


def test_many_items_that_have_nothing_in_common_are_different_items() -> None:
    assert matched_items([{"a": n} for n in range(102)], [{"b": n} for n in range(100)]) == {}


def test_runs_of_equal_items_are_compared_if_they_are_not_too_long() -> None:
    for length, pairs in ((250, 250), (251, 0)):  # 100,000 pairs of equal items are the most
        assert len(list(item_matching._longest_common(["e"] * length, ["e"] * 400))) == pairs


def test_the_order_of_keys_does_not_make_an_item_another_one() -> None:
    assert item_matching._frozen([{"x": 1, "y": {}}]) == item_matching._frozen([{"y": {}, "x": 1}])
    assert item_matching._frozen([1]) != item_matching._frozen([True])


def test_many_items_that_differ_are_matched_by_position() -> None:
    old, new = [f"{n}" for n in range(300)], [f"x{n}" for n in range(200)]
    assert matched_items(old, new) == {n: n for n in range(200)}


def test_many_equal_items_are_matched_in_order() -> None:
    old, new = ["x", "a", *["e"] * 500, "b"], ["y", *["e"] * 500, "a", "c"]
    pairs = matched_items(old, new)
    assert [pairs[n] for n in range(1, 501)] == list(range(2, 502))
    assert pairs[501] == 1


@given(st.permutations(range(8)))
def test_the_longest_ascent(numbers: list[int]) -> None:
    ascent = longest_ascent(numbers)
    assert ascent == sorted(ascent)
    left = iter(numbers)
    assert all(number in left for number in ascent)


def test_ascents() -> None:
    assert longest_ascent([]) == []
    assert longest_ascent([2, 0, 1, 3]) == [0, 1, 3]
