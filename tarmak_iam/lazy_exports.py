"""Lazy imports: the names of a package are imported on first use, so that importing the package itself stays fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package, so that importing it stays fast: its names are imported on first use.
    `homes` maps each module, such as `.model` of the package, to the names that it defines, separated by blanks.

    Hide it from type checkers: they would accept any name as one of the package.
    """

    def get(name: str) -> Any:
        home = next((module for module, names in homes.items() if name in names.split()), None)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home, package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(sys.modules[package].__all__)
