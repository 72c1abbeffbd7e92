"""The authenticator's configuration library (viper, cast, mapstructure) by release: the file as plain data, its keys,
which keys it picks at random, and how it converts values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import product
from math import prod
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import construct_json
from tarmak_iam.document.nodes import Alias, walk
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.scalars import YAML_V2, YAML_V2_LATER, YAML_V3, GoTime, parse_go_integer
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, server_keys
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

C = TypeVar("C")
T = TypeVar("T")
P = ParamSpec("P")
_OTHER_EXTENSIONS = ("toml", "properties", "props", "prop", "hcl", "env", "dotenv", "ini", "tfvars")


def parse_config(text: str, filename: str, shown_as: str | None = None) -> Document:
    """The file's extension selects the format, in lower case only. Raises DaemonNotStarted."""
    extension = filename.rpartition(".")[2] if "." in filename.rpartition("/")[2] else ""
    if extension in _OTHER_EXTENSIONS:
        raise DaemonNotStarted(f"a .{extension} configuration is not supported by tarmak-iam; use YAML")
    if extension not in ("json", "yaml", "yml"):
        what = f"the file name {quoted(filename)} has no extension that the authenticator reads"
        raise DaemonNotStarted(f"{what} (.yaml, .yml, .json)")
    try:
        document = Document.parse(text, shown_as or filename, json=extension == "json")
    except ParseError as error:
        raise DaemonNotStarted(f"the configuration cannot be read: {error}") from None
    if document.is_json and document.source.mark:
        raise DaemonNotStarted("the configuration cannot be read: JSON must not begin with a byte order mark")
    return document


def load_config(document: Document, version: DaemonVersion) -> Any:
    """A mapping, or None for an empty file. It must not be modified. Raises DaemonNotStarted."""
    if document.is_json:
        return _go_numbers(construct_json(document.root, merge=False)) if document.root else None
    dialect = YAML_V2 if version.has(ReleaseFeature.YAML_V2_2_2) else YAML_V2_LATER  # v0.4.0 and v0.5.0; those after
    if lowers_lists(version):  # viper 1.19 changed to yaml.v3
        dialect = YAML_V3
    try:
        data = document.shared_data_as(dialect)
    except ParseError as error:
        what = f"the configuration cannot be read: {error}"
        raise DaemonNotStarted(what, remedy=error.remedy, place=error.place) from None
    if data is not None and not isinstance(data, dict):
        remedy = "write server: at the beginning of a line, and mapRoles: below it"
        raise DaemonNotStarted("the configuration must be a YAML mapping", remedy=remedy)
    if dialect.refuses_duplicates and document.has_duplicates:
        for node in walk(document.root) if document.root else ():
            for entry in node.entries if isinstance(node, MappingNode) else ():
                if entry.occurrence and not isinstance(entry.key, Alias):
                    place = document.place(entry.key)
                    what = (
                        f"the key {quoted(entry.text)} is a duplicate (line {place.line}), which this release rejects"
                    )
                    raise DaemonNotStarted(what, remedy="remove one of them", place=place)
    return data


def lowers_lists(version: DaemonVersion) -> bool:
    """Whether viper lowers the keys of mappings in lists, as it does since 1.19."""
    return version.has_viper("v1.19.0", "v1.20.1", "v1.21.0")


def _go_numbers(value: Any) -> Any:
    """encoding/json reads every number as float64, and rejects one that does not fit."""
    if isinstance(value, dict):
        return {key: _go_numbers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_go_numbers(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        if math.isinf(number):
            raise DaemonNotStarted("the configuration cannot be read: a number is out of range")
        return number
    return value


GO_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
"""What Go's strconv.ParseBool reads as true."""


class ViperSettings:
    """Flags override the file, the file overrides defaults; keys match in any case. Items of lists keep their keys.
    `null_shadows`: whether `server.mapRoles:` without a value at the top level hides the one below `server:`, as in
    viper before 1.19."""

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
        """The route to the key in the file, in its spelling."""
        route = Route()
        value: Any = self._file
        for step in [key] if self._is_at_the_top(key) else key.split("."):
            members = value if isinstance(value, Mapping) else {}
            route /= next(iter(spellings(members, step)), step)
            value = lookup(members, step)
        return route

    def _is_at_the_top(self, key: str) -> bool:
        keys = spellings(self._file, key)
        return bool(keys) and (self._null_shadows or self._file[keys[0]] is not None)


def _by_keys(function: Callable[Concatenate[tuple[Any, ...], P], T]) -> Callable[Concatenate[Mapping[Any, Any], P], T]:
    """The items of a long list nearly all have the same few keys, so what depends on them only is cached. A large
    mapping is not: the cache would keep its keys."""
    cached: Any = lru_cache(maxsize=4096)(function)

    def of_mapping(mapping: Mapping[Any, Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        keys = tuple(mapping)
        result: T = (cached if len(keys) <= _FEW else function)(keys, *args, **kwargs)
        return result

    return of_mapping


_FEW = 16


@_by_keys
def spellings(keys: tuple[Any, ...], name: str) -> tuple[str, ...]:
    """The keys that viper reads as `name`: of several it picks one at random, here the first. It overwrites that of a
    key in lower case with that of one with capitals, so the former is used alone only."""
    wanted = to_lower(name)
    return _capitals_first([key for key in keys if isinstance(key, str) and to_lower(key) == wanted])


@_by_keys
def field_spellings(keys: tuple[Any, ...], field: str, *, lowers: bool = True) -> tuple[str, ...]:
    """The keys of a list's item that mapstructure reads as the Go field `field`: its exact name, else every key that is
    equal case-insensitively. Of several it picks one at random, here the first. `lowers`: whether viper has lowered the
    keys before; then a key with capitals wins over the same one in lower case."""
    if lowers:
        wanted = fold(to_lower(field))
        return _capitals_first([key for key in keys if isinstance(key, str) and fold(to_lower(key)) == wanted])
    if field in keys:
        return (field,)
    wanted = fold(field)
    return _newest_first([key for key in keys if isinstance(key, str) and fold(key) == wanted])


def lookup(mapping: Mapping[Any, Any], name: str) -> Any:
    """The value of a key of viper in any case: that of the first of its `spellings`."""
    keys = spellings(mapping, name)
    return mapping[keys[0]] if keys else None


def field_value(mapping: Mapping[Any, Any], field: str, *, lowers: bool = True) -> Any:
    """The value of a struct's field: that of the first of its `field_spellings`."""
    keys = field_spellings(mapping, field, lowers=lowers)
    return mapping[keys[0]] if keys else None


def field_key(mapping: Mapping[Any, Any], field: str) -> str:
    """The key in the spelling of the mapping, else the name of the field."""
    return next(iter(field_spellings(mapping, field)), field)


def field_values(mapping: Mapping[Any, Any], fields: tuple[str, ...], *, lowers: bool = True) -> list[Any]:
    """The `field_value` of each field; None for a field that is not there."""
    return [None if key is None else mapping[key] for key in _field_keys(mapping, fields, lowers=lowers)]


@_by_keys
def _field_keys(keys: tuple[Any, ...], fields: tuple[str, ...], *, lowers: bool) -> tuple[str | None, ...]:
    mapping = dict.fromkeys(keys)
    return tuple(next(iter(field_spellings(mapping, field, lowers=lowers)), None) for field in fields)


@_by_keys
def has_doubles(keys: tuple[Any, ...]) -> bool:
    """Whether there may be anything to choose from, which is true of hardly any entry."""
    return len({fold(to_lower(key)) if isinstance(key, str) else key for key in keys}) < len(keys)


def _capitals_first(keys: list[str]) -> tuple[str, ...]:
    """Without the keys in lower case that another one overwrites."""
    if len(keys) < 2:
        return tuple(keys)
    written_over = {to_lower(key) for key in keys if to_lower(key) != key}
    return _newest_first([key for key in keys if key not in written_over])


def _newest_first(keys: list[str]) -> tuple[str, ...]:
    """Keys with capitals before those without, the last of each first."""
    newest = keys[::-1]
    newest.sort(key=lambda key: to_lower(key) == key)
    return tuple(newest)


def as_text(value: Any) -> str:
    """cast.ToString: lists and mappings become an empty string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if isinstance(value, float):
        from decimal import Decimal

        # Go's FormatFloat with 'f' and the shortest precision: never with an exponent.
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return str(value) if isinstance(value, (str, int)) else ""


def as_integer(value: Any) -> int:
    """cast.ToInt: a string that is not a number becomes 0."""
    if isinstance(value, str):
        return parse_go_integer(value) or 0
    return int(value) if isinstance(value, (bool, int, float)) and math.isfinite(value) else 0


def as_boolean(value: Any, *, of_any_number: bool) -> bool:
    """cast.ToBool: a string that is not a boolean becomes false, and up to cast 1.3 every number but an int does."""
    if isinstance(value, str):
        return value in GO_TRUE
    is_int = isinstance(value, int) and value < 2**63
    return (is_int or (of_any_number and isinstance(value, (int, float)))) and value != 0


def as_texts(value: Any) -> list[str]:
    """cast.ToStringSlice: a string is split at white space, any other scalar becomes a list of one."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return [as_text(value)] if isinstance(value, (bool, int, float)) else []


def weak_text(value: Any, where: str, route: Route) -> str:
    """mapstructure's weak string: true becomes "1". Raises DaemonNotStarted for a list or mapping."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, GoTime):
        what, remedy = "a date", "put it in quotes"
    elif isinstance(value, (str, int, float)):
        return as_text(value)
    elif isinstance(value, list):
        what, remedy = "a list", "write it without brackets or a dash"
    else:
        what, remedy = "a mapping", "write a string; put it in quotes if it contains braces or a colon"
    raise DaemonNotStarted(f"{where} must be a string, not {what}", route, remedy=remedy)


def weak_list(value: Any, *, splits: bool) -> Iterator[tuple[Any, int | None]]:
    """mapstructure's weak slice: items with their index, None for a single value that is read as a list of one.
    `splits`: a string is split at commas (not in viper before 1.1)."""
    if value is None or value == {}:
        return
    if isinstance(value, list):
        yield from ((item, index) for index, item in enumerate(value))
    elif isinstance(value, str) and splits and not isinstance(value, GoTime):
        yield from ((part, None) for part in value.split(",") if value)
    else:
        yield value, None


MOST_CHOICES = 32
"""How many ways to read a file, or an item of a list, are checked."""

Item = Mapping[Any, Any]
Spelled = Callable[[Item, str], tuple[str, ...]]


class KeyChoices(NamedTuple):
    """The readings of a mapping, the likeliest first: in each the authenticator has picked one of several equal keys.
    `is_complete`: False if there are more than were checked. `notes`: for an answer that depends on it."""

    items: tuple[Item, ...]
    is_complete: bool = True
    notes: tuple[str, ...] = ()


def possible_files(file: Any) -> KeyChoices:
    """The configuration by the keys that viper reads; items of its lists are left as they are."""
    names = server_keys()
    outer = ("clusterID", "server", *(f"server.{name}" for name in names))
    return _key_choices(file if isinstance(file, Mapping) else {}, outer, spellings, "server", names)


def possible_items(item: Item, fields: Iterable[str], *, lowers: bool, inner: Iterable[str] = ()) -> KeyChoices:
    """An item of a list by the fields of its struct; `inner` are those of the struct `SSO` within it."""
    if not any(map(has_doubles, (item, *(value for value in item.values() if isinstance(value, Mapping))))):
        return KeyChoices((item,))
    return _key_choices(item, fields, partial(field_spellings, lowers=lowers), "SSO", inner)


def take_each(choices: Iterable[C], take: Callable[[C], T]) -> tuple[list[T], list[str]]:
    """The results of the choices that do not end the process, and a note about each one that does. Raises
    DaemonNotStarted if all of them do."""
    taken, stops = [], []
    for choice in choices:
        try:
            taken.append(take(choice))
        except DaemonNotStarted as stop:
            stops.append(stop)
    if not taken:
        raise stops[0]
    what = "at some starts the authenticator stops, depending on the keys that it uses"
    return taken, [f"{what}: {stop.reason}" for stop in stops]


def _key_choices(outer: Item, names: Iterable[str], spelled: Spelled, nested: str, inner: Iterable[str]) -> KeyChoices:
    """`nested` is a key whose value is a mapping with the keys `inner`."""
    items: list[Item] = []
    choices = _choices(outer, names, spelled)
    chosen_from, is_complete = dict.fromkeys(choices), _are_few(choices)
    for picked in _picks(outer, choices):
        key = next(iter(spelled(picked, nested)), "")
        within = picked.get(key)
        choices_within = _choices(within, inner, spelled) if isinstance(within, Mapping) else []
        chosen_from.update(dict.fromkeys(choices_within))
        is_complete = is_complete and _are_few(choices_within)
        items += ({**picked, key: value} for value in _picks(within, choices_within)) if choices_within else (picked,)
    names = (" and ".join(f"'{key}'" for key in reversed(keys)) for keys in chosen_from)
    notes = [f"{name} are the same key: the authenticator uses one of them at random at every start" for name in names]
    if not is_complete or len(items) > MOST_CHOICES:
        notes.append(f"the keys can be read in more than {MOST_CHOICES} ways, and not all of them were checked")
    return KeyChoices(tuple(items[:MOST_CHOICES]), is_complete and len(items) <= MOST_CHOICES, tuple(notes))


def _choices(mapping: Item, names: Iterable[str], spelled: Spelled) -> list[tuple[str, ...]]:
    return [keys for name in names if len(keys := spelled(mapping, name)) > 1]


def _are_few(choices: list[tuple[str, ...]]) -> bool:
    return prod(map(len, choices)) <= MOST_CHOICES


def _picks(mapping: Any, choices: list[tuple[str, ...]]) -> Iterator[Item]:
    """With one key of each choice: all combinations if they are few, else each key once with the likeliest others."""
    likeliest = tuple(keys[0] for keys in choices)
    combined: Iterable[tuple[str, ...]] = product(*choices)
    if not _are_few(choices):
        others = ((*likeliest[:at], key, *likeliest[at + 1 :]) for at, keys in enumerate(choices) for key in keys[1:])
        combined = (likeliest, *others)
    doubled = {key for keys in choices for key in keys}
    for picked in combined:
        left_out = doubled.difference(picked)
        yield {key: value for key, value in mapping.items() if key not in left_out} if left_out else mapping
