"""Keys that differ in case only: viper and mapstructure take one of them at random, in the order of a Go map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.versions import server_keys
from tarmak_iam.identity.viper import field_spellings, spellings

__all__ = ["MOST", "Item", "Possible", "may_stop", "possible_files", "possible_items"]

MOST = 32
"""So many ways to take a file, or an item of a list, are looked at."""

Item = Mapping[Any, Any]
Spelled = Callable[[Item, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Possible:
    """What the daemon may take a mapping for: the same with one of the keys that it chooses from, the likeliest first.

    `is_complete`: whether these are all, or there are more than are looked at. `chosen_from`: the keys.
    """

    items: tuple[Item, ...]
    is_complete: bool = True
    chosen_from: tuple[tuple[str, ...], ...] = ()

    @property
    def notes(self) -> Iterator[str]:
        """What should be known of an answer that rests on it."""
        for keys in self.chosen_from:
            names = " and ".join(f"'{key}'" for key in reversed(keys))
            yield f"{names} are the same key: the daemon takes one of them at random, at every start"
        if not self.is_complete:
            yield f"the keys can be taken in more than {MOST} ways, and not all of them were looked at"


def possible_files(file: Any) -> Possible:
    """The configuration by the keys that viper reads; entries of its lists are left as they are."""
    file = file if isinstance(file, Mapping) else {}
    names = server_keys()
    return _possible(file, ("clusterID", "server", *(f"server.{name}" for name in names)), spellings, "server", names)


def possible_items(item: Item, fields: Iterable[str], *, lowers: bool, inner: Iterable[str] = ()) -> Possible:
    """An item of a list by the fields of its struct; `inner` are those of the struct `SSO` within it."""
    if not any(_has_doubles(each) for each in (item, *item.values()) if isinstance(each, Mapping)):
        return Possible((item,))
    return _possible(item, fields, partial(field_spellings, lowers=lowers), "SSO", inner)


def may_stop(stop: NotStarted) -> str:
    """The note about a choice that ends the process."""
    return f"at some starts the daemon stops, by the keys that it takes: {stop.reason}"


def _possible(outer: Item, names: Iterable[str], spelled: Spelled, nested: str, inner: Iterable[str]) -> Possible:
    """`nested` is a key whose value is a mapping with the keys `inner`."""
    found: list[Item] = []
    choices = _choices(outer, names, spelled)
    chosen_from, is_complete = dict.fromkeys(choices), _are_few(choices)
    for picked in _picks(outer, choices):
        key = next(iter(spelled(picked, nested)), "")
        within = picked.get(key)
        own = _choices(within, inner, spelled) if isinstance(within, Mapping) else []
        chosen_from.update(dict.fromkeys(own))
        is_complete = is_complete and _are_few(own)
        found += ({**picked, key: each} for each in _picks(within, own)) if own else (picked,)
    return Possible(tuple(found[:MOST]), is_complete and len(found) <= MOST, tuple(chosen_from))


def _has_doubles(mapping: Item) -> bool:
    """Whether there may be anything to choose from: a quick look at what is true of hardly any entry."""
    return len({fold(to_lower(key)) if isinstance(key, str) else key for key in mapping}) < len(mapping)


def _choices(mapping: Item, names: Iterable[str], spelled: Spelled) -> list[tuple[str, ...]]:
    return [found for name in names if len(found := spelled(mapping, name)) > 1]


def _are_few(choices: list[tuple[str, ...]]) -> bool:
    return prod(map(len, choices)) <= MOST


def _picks(mapping: Any, choices: list[tuple[str, ...]]) -> Iterator[Item]:
    """With one key of each choice: all combinations where they are few, else each key once beside the likeliest."""
    likeliest = tuple(keys[0] for keys in choices)
    combined: Iterable[tuple[str, ...]] = product(*choices)
    if not _are_few(choices):
        each = ((*likeliest[:at], key, *likeliest[at + 1 :]) for at, keys in enumerate(choices) for key in keys[1:])
        combined = (likeliest, *each)
    every = {key for keys in choices for key in keys}
    for picked in combined:
        left_out = every.difference(picked)
        yield {key: value for key, value in mapping.items() if key not in left_out} if left_out else mapping
