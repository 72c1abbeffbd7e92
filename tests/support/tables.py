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

__all__ = ["Steps", "cases", "parametrized", "rows", "with_steps"]

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


def parametrized(test_file: str, name: str) -> pytest.MarkDecorator:
    """The rows that the YAML file of a module, in the folder `cases` beside it, has under a name. A row's keys are the
    test's parameters."""
    path = Path(test_file)
    return _marked(path.parent / "cases" / f"{path.stem.removeprefix('test_')}.yaml", name)


def cases(file: str) -> Callable[[_Test], _Test]:
    """Runs a test with each row that tests/FILE.yaml has under its name, without `test_`."""

    def marked(test: _Test) -> _Test:
        done: _Test = _marked(ROOT / "tests" / f"{file}.yaml", test.__name__.removeprefix("test_"))(test)
        return done

    return marked


def _marked(path: Path, name: str) -> pytest.MarkDecorator:
    table = _tables(path)[name]
    return pytest.mark.parametrize(list(table[0]), [tuple(row[key] for key in table[0]) for row in table])


def with_steps(edits: ConfigEdits, steps: Steps) -> ConfigEdits:
    for method, *arguments in steps:
        is_text = {"is_text": True} if method.endswith("_text") else {}
        edits = getattr(edits, method.removesuffix("_text"))(*arguments, **is_text)
    return edits
