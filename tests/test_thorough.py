"""The selection of `make test`: the same on every run, and of each test."""

from __future__ import annotations

import pytest

from tests.support.thorough import examples, mark_rest_of_samples, quick_sample


def test_a_sample_is_of_each_test(request: pytest.FixtureRequest) -> None:
    names = ["six[0]", "six[1]", "six[2]", "six[3]", "six[4]", "six[5]", "one[0]", "other"]
    items = [
        pytest.Function.from_parent(request.node.parent, name=name, callobj=test_a_sample_is_of_each_test)
        for name in names
    ]
    for item in items[:-1]:
        item.add_marker(pytest.mark.sample(2))
    mark_rest_of_samples(items)
    kept = [item.name for item in items if item.get_closest_marker("thorough") is None]
    assert [name.partition("[")[0] for name in kept] == ["six", "six", "one", "other"]


def test_fewer_examples_in_the_quick_profile_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_IAM_EXAMPLES", "quick")
    assert [examples(200), examples(12), examples(2)] == [20, 3, 2]
    assert (quick_sample("abcdefghi", 3), quick_sample("ab", 3)) == (["a", "e", "i"], "ab")
    monkeypatch.setenv("TARMAK_IAM_EXAMPLES", "many")
    assert [examples(200), quick_sample("abcdefghi", 3)] == [2000, "abcdefghi"]
    monkeypatch.delenv("TARMAK_IAM_EXAMPLES")
    assert [examples(200), quick_sample("abcdefghi", 3)] == [200, "abcdefghi"]
