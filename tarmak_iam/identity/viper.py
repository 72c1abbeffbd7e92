"""How the daemon's configuration library (viper, cast, mapstructure) turns values into the types it wants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tarmak_iam.document.scalars import GoTime, parse_go_integer
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.routes import Route

__all__ = ["GO_TRUE", "Settings", "as_boolean", "as_integer", "as_text", "lookup", "texts", "weak_list", "weak_text"]


GO_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
"""What Go's strconv.ParseBool takes as true."""


class Settings:
    """Flags over file over defaults; keys match in any case. Lists keep their items' own keys."""

    def __init__(self, file: Any, flags: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self._file = file if isinstance(file, Mapping) else {}
        self._flags = flags
        self._defaults = defaults

    def get(self, key: str) -> Any:
        if key in self._flags:
            return self._flags[key]
        value = lookup(self._file, key)  # `server.mapRoles:` at the top level, which wins over `server:`
        if "." in key and value is not None:
            return value
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
        for step in [key] if lookup(self._file, key) is not None else key.split("."):
            members = value if isinstance(value, Mapping) else {}
            route /= _spelling(members, step) or step
            value = lookup(members, step)
        return route


def lookup(mapping: Mapping[Any, Any], name: str) -> Any:
    """A key's value, whatever its case; of several spellings one with capitals wins (viper writes it over
    the lower-cased one), the last of them here (there it is random)."""
    spelling = _spelling(mapping, name)
    return None if spelling is None else mapping[spelling]


def _spelling(mapping: Mapping[Any, Any], name: str) -> str | None:
    spellings = [key for key in mapping if isinstance(key, str) and key.lower() == name.lower()]
    capital = [key for key in spellings if key != key.lower()]
    return next(reversed(capital or spellings), None)


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
        raise NotStarted(f"{where} must be a text, not a date: put it in quotes", route)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, (str, int)):
        return str(value)
    kind = "list" if isinstance(value, list) else "mapping"
    raise NotStarted(f"{where} must be a text, not a {kind}", route)


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
