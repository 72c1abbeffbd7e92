"""Objects compared and merged field by field: a rollback gives back what an apply has changed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tarmak_iam.text import brief_list

__all__ = ["MISSING", "Merged", "Path", "fields", "merged", "path_text", "shortly"]

_MAX_SHOWN = 3

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
"""The value of a field that is not there."""

Path = tuple[str, ...]
"""Keys of mappings, and of an item of a list its name in brackets: `("spec", "containers", "[a]", "image")`."""


@dataclass(frozen=True, slots=True)
class Merged:
    """`conflicts` are the fields that somebody else has changed since; `value` has them as the target does."""

    value: Any
    conflicts: tuple[Path, ...]


def merged(live: Any, target: Any, states: Sequence[Any]) -> Merged:
    """The live object with the target's value in each field that the states and the target do not agree on.

    `states` are what it is known to have been since it was like the target; a live field that is like none of them is
    a conflict. Fields that were never changed stay as they are live, and so do those that others have added. Lists of
    things with names of their own (containers, volumes) are merged by name; other lists are one value.
    """
    conflicts: list[Path] = []
    value = _merged(live, target, tuple(states), (), conflicts)
    return Merged(value, tuple(conflicts))


def fields(*values: Any) -> Iterator[tuple[Path, tuple[Any, ...]]]:
    """Each field that any of the objects has, and its value in each of them, MISSING where it is not there."""
    yield from _fields((), values)


def path_text(path: Path) -> str:
    """As in `spec.template.spec.containers[a].image`."""
    return ".".join(path).replace(".[", "[")


def shortly(paths: Sequence[Path]) -> str:
    """The first few of them, for messages."""
    return brief_list(map(path_text, paths), _MAX_SHOWN)


def _merged(live: Any, target: Any, states: tuple[Any, ...], path: Path, conflicts: list[Path]) -> Any:
    if all(_same(each, target) for each in states):
        return live
    parts = _parts((live, target, *states))
    if parts is None:
        if not _same(live, target) and not any(_same(live, each) for each in states):
            conflicts.append(path)
        return target
    names, step, build = parts
    found, in_order = {}, _in_order(names, (1, 0))  # the target's order, then what else is there
    for name, (of_live, of_target, *of_states) in in_order:
        found[name] = _merged(of_live, of_target, tuple(of_states), (*path, step(name)), conflicts)
    left = {name: value for name, value in found.items() if value is not MISSING}
    return MISSING if not left and target is MISSING else build(left)


def _fields(path: Path, values: tuple[Any, ...]) -> Iterator[tuple[Path, tuple[Any, ...]]]:
    parts = _parts(values)
    if parts is None or not any(parts[0]):
        yield path, values
        return
    names, step, _ = parts
    for name, inner in _in_order(names, range(len(names))):
        yield from _fields((*path, step(name)), inner)


_Named = dict[str, Any]
_Parts = tuple[tuple[_Named, ...], Callable[[str], str], Callable[[_Named], Any]]


def _parts(values: Sequence[Any]) -> _Parts | None:
    """What is in the values by name, how a name is shown in a path, and what makes a value of it; None for values that
    are wholes, or not of one sort."""
    present = [each for each in values if each is not MISSING]
    if present and all(isinstance(each, dict) for each in present):
        return tuple({} if each is MISSING else each for each in values), str, dict
    if present and all(map(_are_named, present)) and any(present):
        named = tuple({} if each is MISSING else {item["name"]: item for item in each} for each in values)
        return named, "[{}]".format, lambda found: list(found.values())
    return None


def _in_order(named: Sequence[_Named], first: Sequence[int]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each name with its value in all of them: those of the first ones first."""
    order = [*first, *(at for at in range(len(named)) if at not in first)]
    for name in dict.fromkeys(name for at in order for name in named[at]):
        yield name, tuple(each.get(name, MISSING) for each in named)


def _are_named(value: Any) -> bool:
    """Whether it is a list of things with a name each, and no two of them with one: subjects of a binding may have."""
    if not isinstance(value, list):
        return False
    names = [each.get("name") if isinstance(each, dict) else None for each in value]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not MISSING and other is not MISSING and bool(one == other))
