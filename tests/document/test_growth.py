"""Twice the text, or twice the edits, is about twice the work.

The work is counted: the calls of functions, of Python and of C. benchmarks/growth.py has the times of the same rows.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.support import ROOT
from tests.support.both_ways import one_way
from tests.support.thorough import QUICK, profile

Work = Callable[[], object]

with pytest.MonkeyPatch.context() as _patch:
    _patch.syspath_prepend(str(ROOT / "benchmarks"))
    ROWS: dict[str, Callable[[int], Work]] = importlib.import_module("growth").ROWS

MOST = 2.35
"""Times as many calls for twice as much: n log n, and what is done once."""
IN_STEPS = "nested blocks"
"""A row that grows as its depth does."""
SMALL = 2_500 if profile() == QUICK else 5_000


def calls(work: Work, most: float = sys.maxsize) -> int:
    """How many there are. It ends with an error if there are more than `most`."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        assert count <= most, f"more than {most:.0f} calls"

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(autouse=True)
def _one_way() -> Iterator[None]:
    with one_way():
        yield


@pytest.mark.sample(24)
@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in ROWS.items() if name != IN_STEPS])
def test_work_grows_with_the_text(make: Callable[[int], Work]) -> None:
    small, large = make(SMALL), make(2 * SMALL)
    make(SMALL // 10)()  # what is imported and compiled once
    most = calls(small) * MOST
    assert calls(large, most) <= most


def test_too_many_calls_are_an_error() -> None:
    with pytest.raises(AssertionError, match="more than 50 calls"):
        calls(lambda: [abs(number) for number in range(100)], 50)


def test_what_is_counted() -> None:
    assert calls(lambda: [abs(number) for number in range(100)]) - calls(lambda: None) in (100, 101, 102)
