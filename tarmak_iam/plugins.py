"""Names that are imported on first use; and plugins: the values that installed distributions provide as entry points of
a group, and calls of their functions.

All packages import this module, so that it imports nothing that takes long.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["OWN", "Provided", "check_unique", "guarded", "lazy_exports", "provided"]


def lazy_exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package: its names are imported on first use. `homes` maps each module, such as
    `.model` of the package, to the names that it defines, separated by blanks. Hide it from type checkers: they would
    accept any name as one of the package."""

    def get(name: str) -> Any:
        home = next((module for module, names in homes.items() if name in names.split()), None)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home, package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(sys.modules[package].__all__)


OWN = "tarmak-iam"
"""The distribution that provides the built-in sections, rules and emitters."""

__version__ = "0.2.0"
"""Its version, in one place."""

_T = TypeVar("_T")
_R = TypeVar("_R")

# A plugin that calls sys.exit() must not end the program as if there were no error.
_FAILURES = (Exception, SystemExit)


class Provided(Generic[_T]):
    """A value and the distribution that provides it."""

    def __init__(self, value: _T, origin: str) -> None:
        self.value, self.origin = value, origin

    def call(self, what: str, function: Callable[..., _R], *args: Any) -> _R:
        """Calls a function of the value and returns its result. If a function of another distribution raises anything
        but a TarmakIamError, raises a ConfigError that names `what` and the distribution. Errors of built-in functions
        are passed on."""
        return function(*args) if self.origin == OWN else guarded(f"{what} of {self.origin}", function, *args)


def provided(group: str, kind: type[_T]) -> list[Provided[_T]]:
    """The values of the entry points of `group`, sorted by name. Each must be of type `kind`. Raises a ConfigError that
    names the distribution if an entry point cannot be loaded or is of another type."""
    # Reading the entry points of all distributions is slow, and so is the import; most users have no plugins.
    if "importlib.metadata" not in sys.modules and not may_have_group(group):
        return []
    import logging
    from importlib import metadata

    from tarmak_iam.errors import ConfigError

    points = [(point, point.dist.name if point.dist else point.value) for point in metadata.entry_points(group=group)]
    plugins = []
    for point, origin in sorted(points, key=lambda pair: (pair[0].name, pair[1])):
        logging.getLogger(__name__).info("plugin %s of %s (entry point %s)", point.name, origin, group)
        try:
            value = point.load()
        except _FAILURES as error:  # a plugin's module may raise anything while it is imported
            what = f"the {kind.__name__.lower()} plugin {point.name} of {origin} cannot be loaded"
            raise ConfigError(f"{what}: {type(error).__name__}: {error}", remedy=f"fix or remove {origin}") from error
        if not isinstance(value, kind):
            what = f"the entry point {point.name} of {origin} is not of type {kind.__name__}"
            raise ConfigError(what, remedy=f"remove {origin}")
        plugins.append(Provided(value, origin))
    return plugins


def check_unique(what: str, named: Iterable[tuple[str, str]]) -> None:
    """Raises ConfigError if two distributions provide the same name. `named`: pairs of name and distribution."""
    from tarmak_iam.errors import ConfigError

    origins: dict[str, str] = {}
    for name, origin in named:
        if name in origins:
            both = f"both {origins[name]} and {origin} provide the {what} {name}"
            raise ConfigError(both, remedy="remove one of them")
        origins[name] = origin


def guarded(what: str, function: Callable[..., _R], *args: Any) -> _R:
    """Calls a plugin's function and returns its result. Its TarmakIamErrors are passed on, because they say what to do.
    Raises a ConfigError that names `what` for everything else that the function raises."""
    from tarmak_iam.errors import ConfigError, TarmakIamError

    try:
        return function(*args)
    except TarmakIamError:
        raise
    except _FAILURES as error:
        reported = f"{what} has a bug: {type(error).__name__}: {error}"
        raise ConfigError(reported, remedy="report it to the authors of the plugin") from error


def may_have_group(group: str) -> bool:
    """False only if no installed distribution has an entry point of the group: from the files that `importlib.metadata`
    reads, without importing it. Wherever distributions may come from elsewhere, the answer is yes."""
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    names = {(getattr(finder, "__module__", ""), getattr(finder, "__name__", "")) for finder in finders}
    is_python = names <= {("_frozen_importlib_external", "PathFinder")}  # its own finder of paths
    return not is_python or any(_mentions(directory, group.encode()) for directory in sys.path)


def _mentions(directory: object, group: bytes) -> bool:
    """Whether a distribution in a directory of the import path may have the group."""
    if not isinstance(directory, str) or directory.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(directory or ".")
    except FileNotFoundError:  # such as python311.zip
        return False
    except OSError:  # a ZIP archive
        return True
    for name in names:
        if name.lower().endswith((".dist-info", ".egg-info")):
            try:
                with open(os.path.join(directory, name, "entry_points.txt"), "rb") as file:
                    if group in file.read():
                        return True
            except (FileNotFoundError, NotADirectoryError):  # none; or *.egg-info is a file, which has none
                continue
            except OSError:
                return True
    return False
