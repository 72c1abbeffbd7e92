"""Who has set which fields of an object, as the API server keeps it: managedFields, and what conflicts by them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from tarmak_iam.hook.cluster.objects import without_server_fields

Step = tuple[str, ...]
"""Keys of FieldsV1 down to a field."""

Entries = list[dict[str, Any]]
_IDENTITY = {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")}


def leaves(each: dict[str, Any]) -> dict[Step, Any]:
    """Every field that somebody may have set, and its value. Lists of named things are taken apart, others not."""
    return {path: value for path, value in _leaves(without_server_fields(each), ()) if path not in _IDENTITY}


def updated(live: dict[str, Any] | None, new: dict[str, Any], manager: str, operation: str) -> Entries:
    """managedFields once a manager has written the object as it is new, whole."""
    old, now = leaves(live) if live else {}, leaves(new)
    changed = {path for path, value in now.items() if path not in old or old[path] != value}
    left = {key: (paths - changed) & now.keys() for key, paths in _sets(live).items()}
    return _entries(left, manager, operation, changed)


def conflicts(live: dict[str, Any] | None, wanted: dict[str, Any], manager: str) -> list[tuple[str, str]]:
    """With whom about which field a server-side apply would be in conflict."""
    old, mine = leaves(live) if live else {}, leaves(wanted)
    return [
        (name, "".join(f".{step[2:]}" for step in path))
        for (name, operation), paths in _sets(live).items()
        if (name, operation) != (manager, "Apply")
        for path in sorted(paths)
        if path in mine and old.get(path) != mine[path]
    ]


def applied(live: dict[str, Any] | None, wanted: dict[str, Any], manager: str) -> dict[str, Any]:
    """The object that a server-side apply makes, whoever had the fields, with its managedFields."""
    if live is None:
        made = copy.deepcopy(wanted)
        made["metadata"]["managedFields"] = updated(None, wanted, manager, "Apply")
        return made
    sets, mine = _sets(live), leaves(wanted)
    others = set().union(*(paths for key, paths in sets.items() if key != (manager, "Apply")), set())
    made = copy.deepcopy(live)
    for path in sets.get((manager, "Apply"), set()) - mine.keys() - others:
        _set(made, path, None)
    old = leaves(live)
    for path, value in mine.items():
        _set(made, path, value)
    taken = {path for path in mine if path in old and old[path] != mine[path]}
    left = {key: paths - taken for key, paths in sets.items() if key != (manager, "Apply")}
    made["metadata"]["managedFields"] = _entries(left, manager, "Apply", set(mine))
    return made


def timed(
    entries: Entries, live: dict[str, Any] | None, writer: tuple[str, str] | None = None, time: str = ""
) -> Entries:
    """With the times of the live object's entries; that of `writer`, or of a new one, is `time`."""
    before = {(each["manager"], each["operation"]): each.get("time") for each in _managed(live)}
    found = []
    for each in entries:
        key = (each["manager"], each["operation"])
        when = time if key == writer else before.get(key) or time
        found.append({**each, "time": when} if when else each)
    return found


def _managed(live: dict[str, Any] | None) -> Entries:
    return (live or {"metadata": {}})["metadata"].get("managedFields") or []


def _entries(sets: dict[tuple[str, str], set[Step]], manager: str, operation: str, more: Iterable[Step]) -> Entries:
    found = {**sets, (manager, operation): sets.get((manager, operation), set()) | set(more)}
    return [
        {"manager": name, "operation": kind, "fieldsType": "FieldsV1", "fieldsV1": _fields(paths)}
        for (name, kind), paths in found.items()
        if paths
    ]


def _sets(live: dict[str, Any] | None) -> dict[tuple[str, str], set[Step]]:
    """By manager and operation; what is not there any more is nobody's."""
    there = leaves(live).keys() if live else ()
    found: dict[tuple[str, str], set[Step]] = {}
    for entry in _managed(live):
        paths = set(_paths(entry.get("fieldsV1") or {}, ()))
        found[entry["manager"], entry["operation"]] = {path for path in paths if path in there}
    return found


def _leaves(value: Any, path: Step) -> Iterable[tuple[Step, Any]]:
    named = isinstance(value, list) and value and all(isinstance(each, dict) and "name" in each for each in value)
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, f"f:{key}"))
    elif named and len({each["name"] for each in value}) == len(value):
        for each in value:
            yield from _leaves(each, (*path, f"k:{json.dumps({'name': each['name']})}"))
    else:
        yield path, value


def _fields(paths: Iterable[Step]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(paths):
        inner = found
        for step in path:
            inner = inner.setdefault(step, {})
    return found


def _paths(fields: dict[str, Any], path: Step) -> Iterable[Step]:
    if not fields and path:
        yield path
    for key, inner in fields.items():
        yield from _paths(inner, (*path, key))


def _set(made: dict[str, Any], path: Step, value: Any) -> None:
    """Puts a value there; None takes away what is there."""
    inner: Any = made
    for at, step in enumerate(path[:-1]):
        if step.startswith("k:"):
            name = json.loads(step[2:])["name"]
            found = next((each for each in inner if each["name"] == name), None)
            if found is None:
                inner.append(found := {"name": name})
            inner = found
        else:
            after = path[at + 1]
            inner = inner.setdefault(step[2:], [] if after.startswith("k:") else {})
    if value is None:
        inner.pop(path[-1][2:], None)
    else:
        inner[path[-1][2:]] = copy.deepcopy(value)


def printed(out: Any, *, hides: bool) -> str:
    """As JSON; `hides`: without managedFields, as kubectl 1.21 and later print objects."""
    text = json.dumps(out)
    if not hides:
        return text
    return json.dumps(
        json.loads(text, object_pairs_hook=lambda pairs: {k: v for k, v in pairs if k != "managedFields"})
    )
