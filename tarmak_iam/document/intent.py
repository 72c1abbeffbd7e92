"""What an edit is meant to do to the plain values: the yardstick that its result is held against."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tarmak_iam.document.construct import same
from tarmak_iam.document.yaml_builder import MAX_DEPTH
from tarmak_iam.routes import Route

__all__ = ["assigned", "extended", "first_difference", "inserted", "plain", "value_at", "without"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(value: Any, depth: int = 0) -> Any:
    """The value in plain types (a str subclass is a str, a tuple a list), so that it can be compared.

    Raises TypeError for what YAML has no form for, or that cannot be encoded.
    """
    if value is None or isinstance(value, bool) or (type(value) is str and value.isascii()):  # nearly all there is
        return value
    if depth > MAX_DEPTH:
        raise TypeError(f"values nested deeper than {MAX_DEPTH} levels cannot be written")
    if isinstance(value, Mapping):
        return {_plain_key(key): plain(child, depth + 1) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise TypeError("a text with half a surrogate pair cannot be written")
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise TypeError("a number of more than 64 bits cannot be written: it would be read as a float")
        return int(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


def _plain_key(key: Any) -> Any:
    if type(key) is str:
        return plain(key)
    if isinstance(key, (Mapping, list, tuple)):
        raise TypeError("a mapping or list cannot be a key")
    if isinstance(key, float) and math.isnan(key):
        raise TypeError("NaN cannot be a key")
    return plain(key)


def assigned(data: Any, path: list[Any], value: Any) -> Any:
    """`data` with the value at the path; only what lies on the path is copied, parents are created."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int) and not isinstance(data, dict):
        items = list(data or [])
        child = items[step] if step < len(items) else None
        items[step : step + 1] = [assigned(child, rest, value)]
        return items
    entries = dict(data or {})
    entries[step] = assigned(entries.get(step), rest, value)
    return entries


def extended(data: Any, path: list[Any], members: dict[Any, Any]) -> Any:
    """`data` with new keys in the mapping (or null) at the path."""
    old = value_at(data, path)
    return assigned(data, path, {**(old if isinstance(old, dict) else {}), **members})


def inserted(data: Any, path: list[Any], index: int, items: list[Any]) -> Any:
    """`data` with new items in the list (or null) at the path."""
    old = value_at(data, path)
    old = old if isinstance(old, list) else []
    return assigned(data, path, [*old[:index], *items, *old[index:]])


def without(data: Any, path: list[Any], keys: Collection[Any]) -> Any:
    """`data` without some members of the collection at the path."""
    old = value_at(data, path)
    if isinstance(old, list):
        return assigned(data, path, [item for index, item in enumerate(old) if index not in keys])
    members = old if isinstance(old, dict) else {}
    return assigned(data, path, {key: value for key, value in members.items() if key not in keys})


def value_at(data: Any, path: Iterable[Any]) -> Any:
    """What a path leads to, None where that is nothing."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data


def first_difference(left: Any, right: Any, route: Route | None = None) -> Route:
    """Where two values first differ."""
    route = route or Route()
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            if key not in left or key not in right or not same(left[key], right[key]):
                return first_difference(left.get(key), right.get(key), route / str(key))
    if isinstance(left, list) and isinstance(right, list):
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            if not same(one, other):
                return first_difference(one, other, route / index)
    return route
