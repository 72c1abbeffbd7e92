"""What a tarmak.yaml would be if its misspelt keys were spelled right, to tell causes from what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.meant import meant
from tarmak_iam.config.survey import Survey, Unknown
from tarmak_iam.config.types import ITEM, TypePath
from tarmak_iam.errors import SelectionError, TarmakIamError

if TYPE_CHECKING:
    from tarmak_iam.config.config import TarmakConfig

__all__ = ["misspelt_key_of_selection", "repaired"]

_Path = tuple[str | int, ...]
_OF_SELECTION = ("clusters", "environment", "metadata", "name")
"""The keys by which Tarmak finds a cluster."""


def repaired(config: TarmakConfig, keys: Iterable[Unknown]) -> TarmakConfig | None:
    """The same with each of these keys where, and called what, it was surely meant to be. None where nothing changes,
    or where Tarmak could not read what comes out."""
    try:
        data = json.loads(json.dumps(config.document.data, default=str))
    except (TypeError, ValueError):
        return None
    moves = [(key.route.plain, target) for key in keys if (target := _target(key)) is not None]
    # What is deepest goes first: its path is right as long as nothing above it has another name.
    done = [_move(data, path, target) for path, target in sorted(moves, key=lambda each: -len(each[0]))]
    try:
        return type(config).parse(json.dumps(data)) if any(done) else None
    except TarmakIamError:
        return None


def misspelt_key_of_selection(config: TarmakConfig) -> tuple[Unknown, str] | None:
    """The key whose spelling alone is why `currentCluster` selects nothing, and what it was meant to be."""
    sure = [key for key in Survey.of(config.document).unknown if _target(key) is not None]
    corrected = repaired(config, sure)
    if corrected is None or not _selects(corrected):
        return None
    for key in sure:
        name = str((_target(key) or ("",))[-1])
        if name in _OF_SELECTION and not _selects(repaired(config, [each for each in sure if each is not key])):
            return key, name
    return None


def _selects(config: TarmakConfig | None) -> bool:
    try:
        return config is not None and config.current_cluster is not None
    except SelectionError:
        return False


def _target(key: Unknown) -> _Path | None:
    """The path that a key was surely meant to have; None for a guess, and where the place is not clear."""
    guess = meant(key.name, key.node, key.parent, key.struct, key.beside, key.others)
    if guess is None or not guess.is_sure:
        return None
    path: list[str | int] = []
    here = key.route.plain[:-1]
    for number, step in enumerate(guess.path):
        if step != ITEM:
            path.append(step)
        elif number < len(here) and _types(here[: number + 1]) == guess.path[: number + 1]:
            path.append(here[number])  # the item that the key is in
        else:
            return None
    return tuple(path)


def _types(path: _Path) -> TypePath:
    return tuple(ITEM if isinstance(step, int) else step for step in path)


def _move(data: Any, path: _Path, target: _Path) -> bool:
    """Whether it was moved: not where something is there already, or where the target would be in a list or a text."""
    *parents, name = path
    source = _at(data, parents)
    home: Any = data
    for step in target[:-1]:
        if isinstance(home, dict) and isinstance(step, str):
            home[step] = home.get(step) or {}
        home = _at(home, [step])
    if not isinstance(source, dict) or not isinstance(home, dict) or name not in source or target[-1] in home:
        return False
    home[target[-1]] = source.pop(name)
    return True


def _at(data: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
