"""Reading a text of twice the size takes about twice the work: function calls, and characters that patterns read."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tarmak_iam.document import go_yaml, json_reader, nodes, plain_values, scalars, source, tree, yaml_reader
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ParseError
from tests.support import ROOT

BOUNDED = "merges of merges"
"""Each level is read for each level above it, up to the limit of 200."""

READERS = (go_yaml, json_reader, nodes, plain_values, scalars, source, tree, yaml_reader)


class Work:
    done = 0

    def profile(self, _frame: object, event: str, _argument: object) -> None:
        self.done += event in ("call", "c_call")


class CountedPattern:
    """A pattern that counts the characters that it reads."""

    def __init__(self, pattern: Any, work: Work) -> None:
        self.pattern, self.work = pattern, work

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pattern, name)

    def match(self, text: str, start: int = 0, end: int = sys.maxsize) -> Any:
        found = self.pattern.match(text, start, end)
        self.work.done += found.end() - start if found else 1
        return found

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> Any:
        found = self.pattern.search(text, start, end)
        self.work.done += (found.end() if found else min(end, len(text))) - start
        return found

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Any]:
        self.work.done += min(end, len(text)) - start
        yield from self.pattern.finditer(text, start, end)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted = Work()
    for module in READERS:
        for name, value in vars(module).items():
            if type(value) is type(tree._COMMENT):
                monkeypatch.setattr(module, name, CountedPattern(value, counted))
    return counted


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("hostile")


def read(text: str, *, pure: bool) -> None:
    with contextlib.suppress(ParseError):
        document = read_tree(Source.decode(text, "f"), pure=pure)
        construct(document.root, document.source)
        _ = document.comments, document.tails, document.rest, document.ends_early
        for scalar in document.scalars:
            document.source.line_end(document.source.next_line(scalar.start))


def amount(work: Work, text: str, *, pure: bool) -> int:
    work.done = 0
    sys.setprofile(work.profile)
    try:
        read(text, pure=pure)
    finally:
        sys.setprofile(None)
    return work.done


@pytest.mark.parametrize(
    "pure", [pytest.param(False, id="c"), pytest.param(True, id="pure", marks=pytest.mark.thorough)]
)
def test_work_grows_as_the_text(hostile: ModuleType, work: Work, pure: bool) -> None:
    growth = {}
    for name, (file, shape) in hostile.SHAPES.items():
        if file == hostile.CONFIG and name != BOUNDED:
            single, double = (amount(work, shape(size), pure=pure) for size in (1_000, 2_000))
            growth[name] = double / single
    assert {name: round(times, 1) for name, times in growth.items() if times > 2.5} == {}
