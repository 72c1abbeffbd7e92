"""Edits inside the new values of a batch, which are plain values and not text yet."""

from __future__ import annotations

from typing import Any

from tarmak_iam.document.draft import Inside, Unclear
from tarmak_iam.document.edits import Insert, Remove, Set, ValueEdit
from tarmak_iam.document.intent import Intent
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import LAST, Key, Step


@dataclass(frozen=True, slots=True)
class _Place:
    """A value inside the new one, and the path to it from there. `missing` are the steps below it that do not exist:
    the first one is a key, and the value a mapping."""

    value: Any
    path: list[Any]
    missing: tuple[Step, ...]


def edit_new_value(place: Inside, edit: ValueEdit, value: Any, intent: Intent) -> None:
    """Makes an edit inside a new value, and of the intent. Raises Unclear and changes nothing."""
    found = _found(place)
    if isinstance(edit, Remove):
        _remove(place, found, edit, intent)
        return
    if isinstance(edit, Set):
        _write(place, found, _in_old_order(found.value, value) if not found.missing else value, intent)
        return
    index = _index(edit, found)
    if isinstance(found.value, list):
        if not 0 <= index <= len(found.value):
            raise Unclear
        found.value.insert(index, value)
        intent.insert([*place.native_path, *found.path], index, [value])
    elif (found.missing or found.value is None) and index == 0:
        _write(place, found, [value], intent)
    else:
        raise Unclear


def _found(place: Inside) -> _Place:
    value, path = place.holder[place.step], list[Any]()
    for number, step in enumerate(place.steps):
        if isinstance(step, Key):
            if not isinstance(value, dict) or step.occurrence != LAST or not all(type(key) is str for key in value):
                raise Unclear
            if step.text not in value:
                return _Place(value, path, place.steps[number:])
            path.append(step.text)
            value = value[step.text]
        else:
            if not isinstance(value, list) or not 0 <= step < len(value):
                raise Unclear
            path.append(step)
            value = value[step]
    return _Place(value, path, ())


def _index(edit: ValueEdit, found: _Place) -> int:
    if isinstance(edit, Insert):
        *_, index = edit.path
        return index if type(index) is int else -1
    return len(found.value) if isinstance(found.value, list) else 0


def _write(place: Inside, found: _Place, value: Any, intent: Intent) -> None:
    """Sets the value, inside of new parents where they are missing."""
    path = found.path
    if found.missing:
        first, *rest = found.missing
        for step in reversed(rest):
            if not isinstance(step, Key):
                raise Unclear
            value = {step.text: value}
        assert isinstance(first, Key)
        path = [*path, first.text]
    holder, step = place.holder, place.step
    for following in path:
        holder, step = holder[step], following
    holder[step] = value
    intent.write([*place.native_path, *path], value)


def _remove(place: Inside, found: _Place, edit: Remove, intent: Intent) -> None:
    if found.missing or (edit.prune and not found.path):
        raise Unclear
    if not found.path:
        if place.remove is None:
            raise Unclear
        place.remove()
    else:
        holder = place.holder[place.step]
        for step in found.path[:-1]:
            holder = holder[step]
        if edit.prune and len(holder) == 1:
            raise Unclear
        del holder[found.path[-1]]
    intent.remove([*place.native_path, *found.path])


def _in_old_order(old: Any, new: Any) -> Any:
    """The new value, its keys in the order that changing the old one in place gives them."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    kept = {key: _in_old_order(value, new[key]) for key, value in old.items() if key in new}
    return kept | {key: value for key, value in new.items() if key not in kept}
