"""Field sets as the API server keeps them in managedFields: which fields of an object a manager has set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tarmak_iam.hook.cluster.objects import Object

__all__ = ["FieldSet", "is_within", "joined", "projected"]

FieldSet = dict[str, Any]
"""Of the form FieldsV1: `f:` and the name of a field, `k:` and the keys of a list's item, `v:` and an item itself, each
with what is in it; `.` stands for the thing itself."""


def projected(each: Object, fields: FieldSet) -> Object:
    """The object with these fields only, and what says which object it is."""
    found = _projected(each, fields)
    part: Object = found if isinstance(found, dict) else {}
    metadata = each.get("metadata") or {}
    named = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    kind: Object = {key: each[key] for key in ("apiVersion", "kind") if key in each}
    return {**part, **kind, "metadata": {**(part.get("metadata") or {}), **named}}


def is_within(fields: FieldSet, others: FieldSet) -> bool:
    """Whether the others have all of these fields."""
    return all(
        key == "." or (isinstance(others.get(key), dict) and is_within(inner, others[key]))
        for key, inner in fields.items()
    )


def joined(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in either of them."""
    found = dict(one)
    for key, fields in other.items():
        found[key] = joined(found[key], fields) if isinstance(found.get(key), dict) else fields
    return found


def _projected(value: Any, fields: FieldSet) -> Any:
    if not fields:
        return value
    if isinstance(value, dict):
        inner = ((key[2:], of_key) for key, of_key in fields.items() if key.startswith("f:"))
        return {name: _projected(value[name], of_key) for name, of_key in inner if name in value}
    return list(_items(value, fields)) if isinstance(value, list) else value


def _items(items: list[Any], fields: FieldSet) -> Iterator[Any]:
    """In the order of the list itself."""
    keyed = {frozenset(json.loads(key[2:]).items()): of_key for key, of_key in fields.items() if key.startswith("k:")}
    names = {name for key in keyed for name, _ in key}
    whole = {key[2:] for key in fields if key.startswith("v:")}
    parsed = [json.loads(each) for each in whole]
    for at, item in enumerate(items):
        if isinstance(item, dict):
            of_item = keyed.get(frozenset((name, item[name]) for name in names if name in item))
            if of_item is not None:
                yield _projected(item, of_item)
        elif item in parsed or f"i:{at}" in fields:
            yield item
