"""The fields of objects: comparison, three-way merge, the merge of client-side apply, owners by managedFields, diff."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.kubernetes_objects import OWN_ANNOTATIONS, checksum_of, is_intact
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.hook.cluster.objects import (
    LAST_APPLIED,
    MANAGER,
    Object,
    Ref,
    comparable,
    last_applied,
    managed_entries,
)
from tarmak_iam.text import brief_list

_MAX_SHOWN = 3
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
"""The value of a field that does not exist."""

FieldPath = tuple[str, ...]
"""Keys of mappings, and for an item of a list its name in brackets: `("spec", "containers", "[a]", "image")`."""


def merged(live: Any, target: Any, states: Sequence[Any]) -> tuple[Any, tuple[FieldPath, ...]]:
    """The live object, with the target's value in each field that differs between the states and the target; and the
    conflicts: fields that another manager has changed since. `states` are the known states of the object since it was
    like the target; a live field that equals none of them is a conflict. Fields that were never changed, and fields
    that others added, keep their live value. Lists of named items are merged by name; other lists are one value."""
    conflicts: list[FieldPath] = []
    value = _merged(live, target, tuple(states), (), conflicts)
    return value, tuple(conflicts)


def fields(*values: Any, at: FieldPath = ()) -> Iterator[tuple[FieldPath, tuple[Any, ...]]]:
    """Each field of any of the objects, with its value in each of them, MISSING where it does not exist."""
    parts = _parts(values)
    if parts is None or not any(parts[0]):
        yield at, values
        return
    names, step, _ = parts
    for name, inner in _in_order(names, range(len(names))):
        yield from fields(*inner, at=(*at, step(name)))


def shortly(paths: Sequence[FieldPath]) -> str:
    """The first few of them, as in `spec.template.spec.containers[a].image`, for messages."""
    return brief_list((".".join(path).replace(".[", "[") for path in paths), _MAX_SHOWN)


def _merged(live: Any, target: Any, states: tuple[Any, ...], path: FieldPath, conflicts: list[FieldPath]) -> Any:
    if all(_same(state, target) for state in states):
        return live
    parts = _parts((live, target, *states))
    if parts is None:
        if not _same(live, target) and not any(_same(live, state) for state in states):
            conflicts.append(path)
        return target
    names, step, build = parts
    merged_parts, in_order = {}, _in_order(names, (1, 0))  # the target's order, then other fields of the live object
    for name, (of_live, of_target, *of_states) in in_order:
        merged_parts[name] = _merged(of_live, of_target, tuple(of_states), (*path, step(name)), conflicts)
    left = {name: value for name, value in merged_parts.items() if value is not MISSING}
    return MISSING if not left and target is MISSING else build(left)


_Named = dict[str, Any]
_Parts = tuple[tuple[_Named, ...], Callable[[str], str], Callable[[_Named], Any]]


def _parts(values: Sequence[Any]) -> _Parts | None:
    """The parts of each value by name, how a name is shown in a path, and how to build a value from parts. None for
    values without named parts, and for values of different types."""
    present = [value for value in values if value is not MISSING]
    if present and all(isinstance(value, dict) for value in present):
        return tuple({} if value is MISSING else value for value in values), str, dict
    if not (present and any(present) and all(isinstance(value, list) for value in present)):
        return None
    for value in present:  # subjects of a binding may share a name
        names = [item.get("name") if isinstance(item, dict) else None for item in value]
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            return None
    named = tuple({} if value is MISSING else {item["name"]: item for item in value} for value in values)
    return named, "[{}]".format, lambda parts: list(parts.values())


def _in_order(named: Sequence[_Named], first: Sequence[int]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each name with its value in all of them, in the order of the `first` ones."""
    order = [*first, *(at for at in range(len(named)) if at not in first)]
    for name in dict.fromkeys(name for at in order for name in named[at]):
        yield name, tuple(parts.get(name, MISSING) for parts in named)


def _same(value: Any, other: Any) -> bool:
    return value is other or (value is not MISSING and other is not MISSING and bool(value == other))


def overlaid(live: Any, wanted: Any, last: Any = None) -> Any:
    """The live object with the wanted fields; fields that were applied last and are no longer wanted are removed. Lists
    of named items are matched by name, as in a strategic merge; other lists are replaced."""
    parts = _parts((live, wanted))
    if parts is None:
        return wanted
    (of_live, of_wanted), _, build = parts
    earlier = _parts((last,))
    of_last = earlier[0][0] if earlier is not None and type(last) is type(wanted) else {}
    kept = {} if isinstance(wanted, list) else {name: of_live[name] for name in of_live if name not in of_last}
    laid = {
        name: overlaid(of_live[name], value, of_last.get(name)) if name in of_live else value
        for name, value in of_wanted.items()
    }
    return build({**kept, **laid})


FieldSet = dict[str, Any]
"""In the format FieldsV1: `f:` with the name of a field, `k:` with the keys of a list's item, `v:` with an item itself,
each with its content; `.` stands for the field itself."""


def projected(obj: Object, fields: FieldSet) -> Object:
    """The object with these fields only, and with its kind and name."""
    projection = _projected(obj, fields)
    part: Object = projection if isinstance(projection, dict) else {}
    metadata = obj.get("metadata") or {}
    named = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    kind: Object = {key: obj[key] for key in ("apiVersion", "kind") if key in obj}
    return {**part, **kind, "metadata": {**(part.get("metadata") or {}), **named}}


def is_field_subset(fields: FieldSet, others: FieldSet) -> bool:
    """Whether the others have all of these fields."""
    return all(
        key == "." or (isinstance(others.get(key), dict) and is_field_subset(inner, others[key]))
        for key, inner in fields.items()
    )


def field_union(fields: FieldSet, others: FieldSet) -> FieldSet:
    """The union of both."""
    union = dict(fields)
    for key, inner in others.items():
        union[key] = field_union(union[key], inner) if isinstance(union.get(key), dict) else inner
    return union


def _projected(value: Any, fields: FieldSet) -> Any:
    if not fields:
        return value
    if isinstance(value, dict):
        inner = ((key[2:], of_key) for key, of_key in fields.items() if key.startswith("f:"))
        return {name: _projected(value[name], of_key) for name, of_key in inner if name in value}
    if not isinstance(value, list):
        return value
    keyed = {frozenset(json.loads(key[2:]).items()): of_key for key, of_key in fields.items() if key.startswith("k:")}
    names = {name for key in keyed for name, _ in key}
    whole = [json.loads(key[2:]) for key in fields if key.startswith("v:")]
    items = []
    for at, item in enumerate(value):
        if isinstance(item, dict):
            of_item = keyed.get(frozenset((name, item[name]) for name in names if name in item))
            if of_item is not None:
                items.append(_projected(item, of_item))
        elif item in whole or f"i:{at}" in fields:
            items.append(item)
    return items


# On an object with our label, these managers may come from `manifests | kubectl apply -f -`. Up to 1.18 kubectl's
# manager is always `kubectl`, later only for `apply --server-side`.
_KUBECTL = frozenset({"kubectl-client-side-apply", "kubectl"})
_OURS = (MANAGER, "Apply")


def is_own_trace(live: Object, manager: str) -> bool:
    """Whether everything that a field manager has set is what `manifests` generates, or what our rollback wrote."""
    entries = [entry for entry in managed_entries(live) if entry.get("manager") == manager]
    entries = [entry for entry in entries if not entry.get("subresource")]
    is_kubectl = manager in _KUBECTL and bool(entries)
    return manager == MANAGER or (is_kubectl and all(_is_own(live, entry) for entry in entries))


def lost_fields(live: Object, wanted: Object, then: Object) -> tuple[FieldPath, ...]:
    """Fields that were applied and then removed by another manager. Nobody owns them now, so the API server reports no
    conflict. Known only if the wanted manifest is the one that was applied last."""
    # A manifest that was adapted to the live object is not the manifest as it was applied.
    if not is_intact(wanted) or checksum_of(live) != checksum_of(wanted):
        return ()
    compared = fields(comparable(wanted), comparable(live), comparable(then))
    return tuple(path for path, (mine, now, after) in compared if mine is not MISSING and now != after)


def edited_fields(live: Object, then: Object) -> tuple[FieldPath, ...]:
    """Fields that an apply would set and that another manager has set since the last apply, for Kubernetes below 1.16,
    which does not record who sets a field."""
    last = last_applied(live)
    if last is None or not is_intact(last):
        return tuple(path for path, (now, after) in fields(comparable(live), comparable(then)) if now != after)
    compared = fields(comparable(last), comparable(live), comparable(then))
    return tuple(path for path, (was, now, after) in compared if was is not MISSING and now not in (was, after))


def under_one_entry(live: Object) -> Object | None:
    """The object with all our fields in the entry of our server-side apply: an apply removes only fields that are in no
    other. None where that is so, and where client-side apply's annotation exists, which is set last."""
    entries = [entry for entry in managed_entries(live) if entry.get("manager") == MANAGER]
    by_operation = {entry.get("operation"): entry for entry in entries if not entry.get("subresource")}
    applied, updated = by_operation.get("Apply"), by_operation.get("Update")
    if applied is None or updated is None or last_applied(live) is not None:
        return None
    # The time of the write: pods that read the ConfigMap before it are stale.
    joined = {**applied, "time": updated.get("time"), "fieldsV1": field_union(_fields_of(applied), _fields_of(updated))}
    left = [joined if entry is applied else entry for entry in managed_entries(live) if entry is not updated]
    return {**live, "metadata": {**live["metadata"], "managedFields": left}}


def is_bookkeeping(path: FieldPath) -> bool:
    """Whether a field is an annotation in which kubectl or tarmak-iam records what was done."""
    is_annotation = path[:2] == ("metadata", "annotations") and len(path) > 2
    return is_annotation and (path[2] == LAST_APPLIED or path[2].startswith(OWN_ANNOTATIONS))


def _is_own(live: Object, entry: Object) -> bool:
    theirs = _fields_of(entry)
    if entry.get("operation") == "Apply":
        applied = (entry for entry in managed_entries(live) if (entry.get("manager"), entry.get("operation")) == _OURS)
        return is_field_subset(theirs, _fields_of(next(applied, {}))) or is_intact(projected(live, theirs))
    last = last_applied(live)
    if last is None or not is_intact(last):
        return False
    # Defaults from the API server belong to the manager too, although they were not applied.
    compared = fields(projected(live, theirs), last)
    return all(MISSING in pair or pair[0] == pair[1] for _, pair in compared)


def _fields_of(entry: Object) -> FieldSet:
    fields = entry.get("fieldsV1")
    return fields if isinstance(fields, dict) else {}


_HIDDEN = "(hidden)"


def object_diff(before: Object | None, after: Object | None) -> str:
    """A unified diff of one object as YAML. None stands for an object that does not exist."""
    old, new = (None if state is None else comparable(state) for state in (before, after))
    if old is not None and old.get("kind") == "Secret":
        old, new = _masked(old, {}), new and _masked(new, old)
    elif new is not None and new.get("kind") == "Secret":
        new = _masked(new, {})
    # Sorted, so that the order of keys makes no difference.
    in_order: list[Any] = [json.loads(json.dumps(state, sort_keys=True)) for state in (old, new)]
    old_text, new_text = ("" if state is None else yaml_bytes(state).decode() for state in in_order)
    return unified_diff(old_text, new_text, str(Ref.of(after or before or {})))


def _masked(secret: Object, other: Object) -> Object:
    """A Secret with hidden values; a value that differs from that of the other Secret is marked."""
    masked = dict(secret)
    for key in ("data", "stringData"):
        values, others = secret.get(key), other.get(key) or {}
        if isinstance(values, dict):
            masked[key] = {
                name: f"{_HIDDEN}, changed" if name in others and others[name] != value else _HIDDEN
                for name, value in values.items()
            }
    return masked
