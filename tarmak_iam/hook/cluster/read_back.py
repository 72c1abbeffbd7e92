"""Reads what was applied once more, at the very end: somebody else may have written over it meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tarmak_iam.emit.checksum import OWN_ANNOTATIONS
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.objects import MANAGER, Index, Object, Ref
from tarmak_iam.hook.cluster.server import Server

__all__ = ["ChangedSince", "read_back"]

_MAX_PATHS = 3
_MAX_OBJECTS = 5
_GONE = object()


class ChangedSince(ToolError):
    """The cluster does not have what was applied just now. `refs`: which objects."""

    def __init__(self, found: Sequence[tuple[Ref, str]]) -> None:
        more = f"; {len(found) - _MAX_OBJECTS} more objects too" if len(found) > _MAX_OBJECTS else ""
        super().__init__("; ".join(f"{ref} {what}" for ref, what in found[:_MAX_OBJECTS]) + more)
        self.refs = tuple(ref for ref, _ in found)


def read_back(server: Server, made: Sequence[tuple[Object, Object]], removed: Sequence[Ref] = ()) -> None:
    """`made`: each object as it was wanted, and as it became. Only what was wanted counts: a status, and fields that
    others add, do not. `removed` are to be gone.

    Raises ChangedSince, naming who has changed them, and ToolError where they cannot be read.
    """
    wanted = [each for each, _ in made]
    try:
        found = server.read([*wanted, *(ref.stub for ref in removed)])
    except TarmakIamError as error:
        raise ToolError(f"what was applied could not be read again: {error.what}", remedy=error.remedy) from None
    index = Index(found)
    changed = [*_changed(made, index), *_back(removed, index)]
    if changed:
        raise ChangedSince(changed)


def _changed(made: Iterable[tuple[Object, Object]], found: Index) -> Iterator[tuple[Ref, str]]:
    for wanted, became in made:
        ref = Ref.of(wanted)
        live = found.get(ref)
        if live is None:
            yield ref, "is gone: somebody removed it after it was applied"
            continue
        paths = list(_differing(wanted, became, live, ()))
        if paths:
            shown = ", ".join(map(_shown, paths[:_MAX_PATHS])) + (", ..." if len(paths) > _MAX_PATHS else "")
            yield ref, f"is not what was applied: {_who(became, live)} changed {shown} afterwards"


def _back(removed: Iterable[Ref], found: Index) -> Iterator[tuple[Ref, str]]:
    for ref in removed:
        live = found.get(ref)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            yield ref, "is there again: somebody made it after it was removed"


def _differing(shape: Any, became: Any, live: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where the two differ in what `shape` sets."""
    if isinstance(shape, dict) and isinstance(became, dict) and isinstance(live, dict):
        for key, value in shape.items():
            if str(key).startswith(OWN_ANNOTATIONS):  # which no comparison goes by: they say when and by what it is set
                continue
            yield from _differing(value, became.get(key, _GONE), live.get(key, _GONE), (*path, str(key)))
    elif (names := _names(shape)) and _names(became) and _names(live):
        sides = [{each["name"]: each for each in side} for side in (shape, became, live)]
        for name in names:
            wanted, was, now = (side.get(name, _GONE) for side in sides)
            yield from _differing(wanted, was, now, (*path, name))
    elif became != live:
        yield path


def _names(items: Any) -> list[str]:
    """Those of a list whose items have one each, as containers have; others may add to such a list."""
    if not isinstance(items, list) or not all(isinstance(each, dict) and "name" in each for each in items):
        return []
    names = [str(each["name"]) for each in items]
    return names if len(set(names)) == len(names) else []


def _who(became: Object, live: Object) -> str:
    """By what the API server keeps of field managers, from Kubernetes 1.16 on."""
    names = {name for (name, _), _ in _entries(live).items() - _entries(became).items()}
    others = sorted(names - {MANAGER})
    if others:
        return ", ".join(others)
    return f"another run of {MANAGER}" if names else "somebody"


def _entries(each: Object) -> dict[tuple[str, str], str]:
    """When each manager has changed it last."""
    entries = (each.get("metadata") or {}).get("managedFields") or ()
    return {
        (str(entry.get("manager", "")), str(entry.get("operation", ""))): f"{entry.get('time')} {entry.get('fieldsV1')}"
        for entry in entries
        if isinstance(entry, dict)
    }


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(path)
