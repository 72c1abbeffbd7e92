"""Twice the text, or twice the edits, is about twice the work.

The work is counted: the calls of functions, of Python and of C. benchmarks/growth.py has the times of the same rows.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.both_ways import one_way

Work = Callable[[], object]

MOST = 2.35
"""Times as many calls for twice as much: n log n, and what is done once."""
SMALL, LARGE = 5_000, 10_000


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("growth").ROWS


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


NAMES = [
    "flow mappings in one line",
    "flow lists in one line",
    "words in one flow list",
    "JSON in one line of a block scalar",
    "a scalar with ?",
    "a scalar with :",
    "a scalar with #",
    "a scalar of words",
    "a comment with keys and tags",
    "a comment with quotes",
    "a comment in a line",
    "a double-quoted scalar",
    "a single-quoted scalar",
    "a template",
    "a long key",
    "blanks at the end of a line",
    "tabs at the end of a line",
    "a flow list in many lines",
    "a flow mapping in many lines",
    "a block scalar",
    "a folded scalar",
    "a plain scalar of many lines",
    "a quoted scalar of many lines",
    "keys",
    "keys of one mapping below another",
    "items",
    "items with keys",
    "lists in lists",
    "nested brackets",
    "anchors",
    "anchors and aliases",
    "merge keys",
    "tags",
    "comments",
    "comments at the ends of lines",
    "comments deeper and deeper",
    "blank lines",
    "lines with CRLF",
    "tabs after keys",
    "explicit keys",
    "documents",
    "batch: sets",
    "batch: sets of one value",
    "batch: new keys",
    "batch: new keys of one mapping",
    "batch: new keys of the root",
    "batch: appends",
    "batch: inserts at the beginning",
    "batch: inserts everywhere",
    "batch: removes at the beginning",
    "batch: removes everywhere",
    "batch: removes of keys",
    "batch: renames",
    "batch: moves to the beginning",
    "batch: moves of keys",
    "batch: moves into a list",
    "update(): values",
    "update(): a list reversed",
    "update(): every second item gone",
    "update(): other items",
]


@pytest.mark.sample(24)
@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize("name", NAMES)
def test_work_grows_with_the_text(rows: dict[str, Callable[[int], Work]], name: str) -> None:
    small, large = rows[name](SMALL), rows[name](LARGE)
    small()  # what is imported and compiled once
    most = calls(small) * MOST
    assert calls(large, most) <= most


def test_all_rows_are_here(rows: dict[str, Callable[[int], Work]]) -> None:
    assert [name for name in rows if name != "nested blocks"] == NAMES  # that row grows in steps, as its depth does


def test_too_many_calls_are_an_error() -> None:
    with pytest.raises(AssertionError, match="more than 50 calls"):
        calls(lambda: [abs(number) for number in range(100)], 50)


def test_what_is_counted() -> None:
    assert calls(lambda: [abs(number) for number in range(100)]) - calls(lambda: None) in (100, 101, 102)
