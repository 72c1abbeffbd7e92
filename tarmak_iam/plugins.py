"""Plugins: the values that installed distributions provide as entry points of a group, and calls of their functions."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tarmak_iam.errors import ConfigError, TarmakIamError

if TYPE_CHECKING:
    from importlib import metadata

__all__ = ["OWN", "Provided", "check_unique", "guarded", "provided"]

OWN = "tarmak-iam"
"""The distribution that provides the built-in sections, rules and emitters."""

_LOGGER = logging.getLogger(__name__)

_METADATA = (".dist-info", ".egg-info")
_ENTRY_POINTS = "entry_points.txt"

_T = TypeVar("_T")
_R = TypeVar("_R")

# A plugin that calls sys.exit() must not end the program as if there were no error.
_FAILURES = (Exception, SystemExit)


@dataclass(frozen=True, slots=True)
class Provided(Generic[_T]):
    """A value and the distribution that provides it."""

    value: _T
    origin: str

    def call(self, what: str, function: Callable[..., _R], *args: Any) -> _R:
        """Calls a function of the value and returns its result.

        If a function of another distribution raises anything but a TarmakIamError, raises a ConfigError that names
        `what` and the distribution. Errors of built-in functions are passed on.
        """
        return function(*args) if self.origin == OWN else guarded(f"{what} of {self.origin}", function, *args)


def provided(group: str, kind: type[_T]) -> list[Provided[_T]]:
    """The values of the entry points of `group`, sorted by name. Each must be of type `kind`.

    Raises a ConfigError that names the distribution if an entry point cannot be loaded or is of another type.
    """
    # Reading the entry points of all distributions is slow, and so is the import; most users have no plugins.
    if "importlib.metadata" not in sys.modules and not may_have_group(group):
        return []
    from importlib import metadata

    points = sorted(metadata.entry_points(group=group), key=lambda point: (point.name, _origin(point)))
    for point in points:
        _LOGGER.info("plugin %s of %s (entry point %s)", point.name, _origin(point), group)
    return [Provided(_load(point, kind), _origin(point)) for point in points]


def check_unique(what: str, named: Iterable[tuple[str, str]]) -> None:
    """Raises ConfigError if two distributions provide the same name. `named`: pairs of name and distribution."""
    origins: dict[str, str] = {}
    for name, origin in named:
        if name in origins:
            raise ConfigError(
                f"both {origins[name]} and {origin} provide the {what} {name}", remedy="remove one of them"
            )
        origins[name] = origin


def guarded(what: str, function: Callable[..., _R], *args: Any) -> _R:
    """Calls a plugin's function and returns its result. Its TarmakIamErrors are passed on, because they say what to do.

    Raises a ConfigError that names `what` for everything else that the function raises.
    """
    try:
        return function(*args)
    except TarmakIamError:
        raise
    except _FAILURES as error:
        raise ConfigError(
            f"{what} has a bug: {type(error).__name__}: {error}",
            remedy="report it to the authors of the plugin",
        ) from error


def _load(point: metadata.EntryPoint, kind: type[_T]) -> _T:
    noun = kind.__name__.lower()
    try:
        value = point.load()
    except _FAILURES as error:  # a plugin's module may raise anything while it is imported
        raise ConfigError(
            f"the {noun} plugin {point.name} of {_origin(point)} cannot be loaded: {type(error).__name__}: {error}",
            remedy=f"fix or remove {_origin(point)}",
        ) from error
    if not isinstance(value, kind):
        raise ConfigError(
            f"the entry point {point.name} of {_origin(point)} is not of type {kind.__name__}",
            remedy=f"remove {_origin(point)}",
        )
    return value


def _origin(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def may_have_group(group: str) -> bool:
    """False only if no installed distribution has an entry point of the group: from the files that `importlib.metadata`
    reads, without importing it. Wherever distributions may come from elsewhere, the answer is yes."""
    return _has_other_finders(sys.meta_path) or any(_mentions(directory, group.encode()) for directory in sys.path)


def _has_other_finders(finders: Iterable[object]) -> bool:
    """Whether anything but Python's own finder of paths finds distributions."""
    return any(hasattr(finder, "find_distributions") and not _is_path_finder(finder) for finder in finders)


def _is_path_finder(finder: object) -> bool:
    name = getattr(finder, "__module__", ""), getattr(finder, "__name__", "")
    return name == ("_frozen_importlib_external", "PathFinder")


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
    return any(
        _file_mentions(os.path.join(directory, name, _ENTRY_POINTS), group)
        for name in names
        if name.lower().endswith(_METADATA)
    )


def _file_mentions(path: str, group: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return group in file.read()
    except (FileNotFoundError, NotADirectoryError):  # no entry points; or *.egg-info is a file, which has none
        return False
    except OSError:
        return True
