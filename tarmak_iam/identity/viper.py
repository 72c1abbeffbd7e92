"""How the daemon's configuration library (viper, cast, mapstructure) turns values into the types it wants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tarmak_iam.document.scalars import GoTime, parse_go_integer
from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.routes import Route

__all__ = [
    "GO_TRUE",
    "Settings",
    "as_boolean",
    "as_integer",
    "as_text",
    "field_key",
    "field_spellings",
    "field_value",
    "lookup",
    "spellings",
    "texts",
    "weak_list",
    "weak_text",
]


GO_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
"""What Go's strconv.ParseBool takes as true."""


class Settings:
    """Flags over file over defaults; keys match in any case. Lists keep their items' own keys.

    `null_shadows`: whether `server.mapRoles:` without a value at the top level hides the one below `server:`, as in
    viper before 1.19.
    """

    def __init__(
        self, file: Any, flags: Mapping[str, Any], defaults: Mapping[str, Any], *, null_shadows: bool = False
    ) -> None:
        self._file = file if isinstance(file, Mapping) else {}
        self._flags = flags
        self._defaults = defaults
        self._null_shadows = null_shadows

    def get(self, key: str) -> Any:
        if key in self._flags:
            return self._flags[key]
        if "." in key and self._is_at_the_top(key):  # `server.mapRoles:`, which wins over `server:`
            value = lookup(self._file, key)
            return self._defaults.get(key) if value is None else value
        value = self._file
        for step in key.split("."):
            if not isinstance(value, Mapping):
                return None  # `server: []` shadows every default below it
            value = lookup(value, step)
            if value is None:
                return self._defaults.get(key)
        return value

    def route(self, key: str) -> Route:
        """Where the file has the key, in its own spelling."""
        route = Route()
        value: Any = self._file
        for step in [key] if self._is_at_the_top(key) else key.split("."):
            members = value if isinstance(value, Mapping) else {}
            route /= next(iter(spellings(members, step)), step)
            value = lookup(members, step)
        return route

    def _is_at_the_top(self, key: str) -> bool:
        found = spellings(self._file, key)
        return bool(found) and (self._null_shadows or self._file[found[0]] is not None)


def lookup(mapping: Mapping[Any, Any], name: str) -> Any:
    """The value of a key of viper's own, whatever its case: of the first of its `spellings`."""
    found = spellings(mapping, name)
    return mapping[found[0]] if found else None


def spellings(mapping: Mapping[Any, Any], name: str) -> tuple[str, ...]:
    """The keys that viper takes for `name`: of several it takes one at random, here the first.

    viper writes the value of a key with capitals over that of the key in lower case, so the latter counts alone only.
    """
    wanted = to_lower(name)
    return _capitals_first([key for key in mapping if isinstance(key, str) and to_lower(key) == wanted])


def field_value(mapping: Mapping[Any, Any], field: str, *, lowers: bool = True) -> Any:
    """The value of a struct's field: of the first of its `field_spellings`."""
    found = field_spellings(mapping, field, lowers=lowers)
    return mapping[found[0]] if found else None


def field_key(mapping: Mapping[Any, Any], field: str) -> str:
    """The key in the spelling that the mapping has, else the field's own."""
    return next(iter(field_spellings(mapping, field)), field)


def field_spellings(mapping: Mapping[Any, Any], field: str, *, lowers: bool = True) -> tuple[str, ...]:
    """The keys of a list's item that mapstructure takes for a field of Go's name `field`; one at random of several,
    here the first.

    It takes the field's own name, else every key that is equal without case. `lowers`: whether viper has lowered the
    keys before, as it does in lists from 1.19 on; then a key with capitals wins over the same one in lower case.
    """
    if lowers:
        wanted = _lowered_and_folded(field)
        return _capitals_first([key for key in mapping if isinstance(key, str) and _lowered_and_folded(key) == wanted])
    if field in mapping:
        return (field,)
    wanted = fold(field)
    return _newest_first([key for key in mapping if isinstance(key, str) and fold(key) == wanted])


# The same few keys are in every entry of a long list.
@lru_cache(maxsize=1024)
def _lowered_and_folded(key: str) -> str:
    return fold(to_lower(key))


def _capitals_first(keys: list[str]) -> tuple[str, ...]:
    """Without the keys in lower case that another one is written over."""
    if len(keys) < 2:
        return tuple(keys)
    written_over = {to_lower(key) for key in keys if to_lower(key) != key}
    return _newest_first([key for key in keys if key not in written_over])


def _newest_first(keys: list[str]) -> tuple[str, ...]:
    """Those with capitals before those without, the last of each first."""
    newest = keys[::-1]
    newest.sort(key=lambda key: to_lower(key) == key)
    return tuple(newest)


def as_text(value: Any) -> str:
    """cast.ToString: lists and mappings become nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return str(value) if isinstance(value, (str, int)) else ""


def as_integer(value: Any) -> int:
    """cast.ToInt: a text that is no number is 0."""
    if isinstance(value, str):
        return parse_go_integer(value) or 0
    return int(value) if isinstance(value, (bool, int, float)) and math.isfinite(value) else 0


def as_boolean(value: Any) -> bool:
    """cast.ToBool: a text that is no boolean is false."""
    if isinstance(value, str):
        return value in GO_TRUE
    return isinstance(value, int) and value != 0


def texts(value: Any) -> list[str]:
    """cast.ToStringSlice: a text is split at blanks, any other scalar is a list of one."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return [as_text(value)] if isinstance(value, (bool, int, float)) else []


def weak_text(value: Any, where: str, route: Route) -> str:
    """mapstructure's weak string: true is "1". Raises NotStarted for a list or mapping."""
    if value is None:
        return ""
    if isinstance(value, GoTime):
        raise NotStarted(f"{where} must be a text, not a date: put it in quotes", route, remedy="put it in quotes")
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, list):
        raise NotStarted(f"{where} must be a text, not a list", route, remedy="write it without brackets or a dash")
    remedy = "write a text; put it in quotes if it has braces or a colon"
    raise NotStarted(f"{where} must be a text, not a mapping", route, remedy=remedy)


def weak_list(value: Any, *, splits: bool) -> Iterator[tuple[Any, int | None]]:
    """mapstructure's weak slice: items with their index, None for a single value taken as a list of one.

    `splits`: a text is split at commas (viper before 1.1 does not).
    """
    if value is None or value == {}:
        return
    if isinstance(value, list):
        yield from ((item, index) for index, item in enumerate(value))
    elif isinstance(value, str) and splits:
        yield from ((part, None) for part in value.split(",") if value)
    else:
        yield value, None


def _float_text(value: float) -> str:
    """Go's FormatFloat with 'f' and the shortest precision: never an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")
