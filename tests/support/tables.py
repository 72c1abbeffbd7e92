"""The rows of parametrised tests, in the YAML file that is named as the module of the tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

__all__ = ["rows"]


@cache
def _tables(path: Path) -> dict[str, list[Any]]:
    tables: dict[str, list[Any]] = YAML(typ="safe", pure=True).load(path)
    return tables


def rows(test_file: str, name: str) -> list[Any]:
    """The rows of the test `name`, each a list of its arguments, or the only one."""
    return _tables(Path(test_file).with_suffix(".yaml"))[name]
