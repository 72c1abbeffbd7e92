"""Tables of cases in YAML files: for each test a list of rows, whose keys are its parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ruamel.yaml import YAML

from tarmak_iam.config import ConfigEdits
from tests.support import ROOT

Steps = list[list[Any]]
"""Edits of a table: the name of a method of `ConfigEdits` and its arguments, for each of them."""

_Test = TypeVar("_Test", bound=Callable[..., None])


def cases(file: str) -> Callable[[_Test], _Test]:
    """Runs a test with each row that tests/FILE.yaml has under its name, without `test_`."""

    def parametrized(test: _Test) -> _Test:
        rows = _tables(ROOT / "tests" / f"{file}.yaml")[test.__name__.removeprefix("test_")]
        names = list(rows[0])
        values = [tuple(row[name] for name in names) for row in rows]
        marked: _Test = pytest.mark.parametrize(names, values)(test)
        return marked

    return parametrized


@cache
def _tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = YAML(typ="safe", pure=True).load(path)
    return tables


def with_steps(edits: ConfigEdits, steps: Steps) -> ConfigEdits:
    for method, *arguments in steps:
        edits = getattr(edits, method)(*arguments)
    return edits
