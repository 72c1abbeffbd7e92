"""What `make test` runs of the tests that take long.

It has the profile `quick` of tests/conftest.py, and leaves out what is marked `thorough`. `make test-all`, and pytest
by itself, run everything.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

import pytest

__all__ = ["MANY", "QUICK", "examples", "mark_rest_of_samples", "profile", "quick_sample", "spread"]

QUICK = "quick"
MANY = "many"
_FEWER = 10
_T = TypeVar("_T")


def profile() -> str:
    """The name of hypothesis's profile."""
    return os.environ.get("TARMAK_IAM_EXAMPLES", "repeatable")


def examples(most: int) -> int:
    """For `max_examples` of a test that says how many: a tenth in `make test`, but not fewer than three. Those of a run
    are the same on every run: for others, the profile `many` has ten times as many."""
    if profile() == MANY:
        return most * _FEWER
    return max(most // _FEWER, min(most, 3)) if profile() == QUICK else most


def quick_sample(values: Sequence[_T], count: int) -> Sequence[_T]:
    """For a loop within one test: so many of the values in `make test`, else all."""
    return spread(values, count if profile() == QUICK else None)


def spread(values: Sequence[_T], count: int | None) -> Sequence[_T]:
    """So many of the values, spread evenly from first to last; None for all."""
    if count is None or len(values) <= count:
        return values
    return [values[number * (len(values) - 1) // max(count - 1, 1)] for number in range(count)]


def mark_rest_of_samples(items: Iterable[pytest.Item]) -> None:
    """Of a test with the mark `sample(n)`, all cases but n are `thorough`. Which n: those with the lowest digests of
    their ids, so that a new case seldom changes the choice, and no period of the parameters decides it."""
    cases = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if item.get_closest_marker("sample"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        marker = found[0].get_closest_marker("sample")
        assert marker is not None
        for item in sorted(found, key=_digest)[marker.args[0] :]:
            item.add_marker(pytest.mark.thorough)


def _digest(item: pytest.Item) -> bytes:
    return hashlib.sha256(item.nodeid.encode()).digest()
