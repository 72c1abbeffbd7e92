"""The random configurations of tests/e2e/test_answers.py: the same for the same seed, and as they are written."""

from __future__ import annotations

import json

from tests.e2e.login_comparison import loaded
from tests.e2e.random_logins import login_of
from tests.e2e.written_configs import MERGE, Pairs, Raw, as_flow, as_yaml, smaller


def test_the_same_for_the_same_seed() -> None:
    first, second = login_of(7, 3), login_of(7, 3)
    assert (first, first.callers, first.text) == (second, second.callers, second.text)
    assert first.text != login_of(8, 3).text


def test_most_of_them_start_and_map_somebody() -> None:
    logins = [login_of(seed, 2, is_mounted=True) for seed in range(100)]
    made = [loaded("v0.7.18", login) for login in logins]
    answers = [
        daemon.whois(caller.identity)
        for daemon, login in zip(made, logins, strict=True)
        if daemon.failure is None
        for caller in login.callers
    ]
    assert len(answers) > 120
    assert sum(each.authenticated for each in answers) > 40


def test_keys_may_be_doubled_and_scalars_are_as_they_are_written() -> None:
    value = Pairs.of(("a", Raw("yes")), ("a", ("x", Pairs.of(("b c", "é"), (MERGE, Pairs(()))))), ("d", ()))
    assert as_yaml(value) == 'a: yes\na:\n  - "x"\n  - {"b c": "é", <<: {}}\nd: []\n'
    assert as_flow(value) == '{"a": yes, "a": ["x", {"b c": "é", <<: {}}], "d": []}'


def test_smaller_leaves_out_one_thing_at_a_time() -> None:
    value = Pairs.of(("a", ("x", "y")), ("b", "z"))
    assert [json.loads(as_flow(each)) for each in smaller(value)] == [
        {"b": "z"},
        {"a": ["x", "y"]},
        {"a": ["y"], "b": "z"},
        {"a": ["x"], "b": "z"},
    ]
