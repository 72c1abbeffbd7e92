"""Rows of a parametrised test, from the YAML file of its module in `cases`."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

__all__ = ["rows"]


def rows(module: str, test: str) -> pytest.MarkDecorator:
    """`module` is the module's `__file__`; the names of the arguments are the keys of each row."""
    path = Path(module)
    listed = YAML(typ="safe").load(path.parent / "cases" / f"{path.stem.removeprefix('test_')}.yaml")[test]
    return pytest.mark.parametrize(list(listed[0]), [tuple(row.values()) for row in listed])
