"""The lists of entries as they are written, and the items that a dash splits off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Sequence, dereference
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.key_names import is_by_name
from tarmak_iam.lint.keys import is_reported_as_key
from tarmak_iam.lint.run_together import IDENTITY, kind_of_key
from tarmak_iam.routes import Route

__all__ = ["SplitEntry", "WrittenList", "is_reported_elsewhere", "split_entries", "written_lists"]


@dataclass(frozen=True, slots=True)
class WrittenList:
    """`name` is mapRoles or mapUsers, `node` whatever is there."""

    name: str
    route: Route
    node: Node


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """The item at `route` is the rest of the entry at `owner`, or the entry whose begin that is. `kinds` are the keys
    that it has."""

    route: Route
    item: Mapping
    owner: Route
    owner_item: Mapping
    kinds: frozenset[str]
    owner_kinds: frozenset[str]


def written_lists(mappings: Mappings) -> Iterator[WrittenList]:
    settings = entries_of(mappings).settings
    for name in ("mapRoles", "mapUsers"):
        route = settings.route(f"server.{name}")
        node = mappings.document.node(route)
        if node is not None:
            yield WrittenList(name, route, dereference(node))


@lru_cache(maxsize=4)
def split_entries(mappings: Mappings) -> tuple[SplitEntry, ...]:
    """Items without a principal whose keys the item before it lacks, or the one behind it."""
    return tuple(split for each in written_lists(mappings) for split in _split(each))


def _split(listed: WrittenList) -> Iterator[SplitEntry]:
    items = listed.node.items if isinstance(listed.node, Sequence) else ()
    owner: tuple[Route, Mapping] | None = None
    has: frozenset[str] = frozenset()
    for index, node in enumerate(items):
        item = dereference(node)
        kinds = _kinds(item, listed.name)
        if not isinstance(item, Mapping) or not kinds:
            owner = None
            continue
        lacks_one = IDENTITY not in has or IDENTITY not in kinds
        if owner is not None and lacks_one and IDENTITY in has | kinds and not has & kinds:
            yield SplitEntry(listed.route / index, item, *owner, kinds, has)
            has |= kinds
        else:
            owner, has = (listed.route / index, item), kinds


def _kinds(item: Node, where: str) -> frozenset[str]:
    """What of an entry an item has; nothing where it has other things too."""
    entries = item.entries if isinstance(item, Mapping) else ()
    kinds = [kind_of_key(entry, where) for entry in entries]
    known = {IDENTITY, "username", "groups", "userID"}
    return frozenset(kinds) if set(kinds) <= known and len(set(kinds)) == len(kinds) else frozenset()


def first_key(item: Mapping) -> NodeEntry:
    return item.entries[0]


def is_reported_elsewhere(mappings: Mappings, entry: Entry, wanted: str) -> bool:
    """Whether another finding says why the entry has not what is wanted."""
    own = entry.listed.route
    kind = IDENTITY if wanted in ("roleARN", "userARN") else wanted
    for split in split_entries(mappings):
        if split.route.plain == own.plain or (split.owner.plain == own.plain and kind in split.kinds):
            return True
    if any(each.route.plain == own.plain and is_by_name(each.node, each.name) for each in written_lists(mappings)):
        return True
    return is_reported_as_key(mappings, entry, wanted)
