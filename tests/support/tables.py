"""Tables of cases in YAML files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ruamel.yaml import YAML

from tarmak_iam.config import ConfigEdits
from tests.support import ROOT

__all__ = ["Steps", "cases", "rows", "with_steps"]

Steps = list[list[Any]]
"""Edits of a table: the name of a method of `ConfigEdits` and its arguments, for each of them."""

_Test = TypeVar("_Test", bound=Callable[..., None])


@cache
def _tables(path: Path) -> dict[str, list[Any]]:
    tables: dict[str, list[Any]] = YAML(typ="safe", pure=True).load(path)
    return tables


def rows(test_file: str, name: str) -> list[Any]:
    """The rows of the test `name`, in the YAML file that is named as the module of the tests: each a list of its
    arguments, or the only one."""
    return _tables(Path(test_file).with_suffix(".yaml"))[name]


def cases(file: str) -> Callable[[_Test], _Test]:
    """Runs a test with each row that tests/FILE.yaml has under its name, without `test_`. A row's keys are the test's
    parameters."""

    def parametrized(test: _Test) -> _Test:
        table = _tables(ROOT / "tests" / f"{file}.yaml")[test.__name__.removeprefix("test_")]
        names = list(table[0])
        values = [tuple(row[name] for name in names) for row in table]
        marked: _Test = pytest.mark.parametrize(names, values)(test)
        return marked

    return parametrized


def with_steps(edits: ConfigEdits, steps: Steps) -> ConfigEdits:
    for method, *arguments in steps:
        edits = getattr(edits, method)(*arguments)
    return edits
