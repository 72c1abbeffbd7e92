"""The lists of entries as they are written, and the items that a dash splits off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

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
    """The item at `route` goes on with the entry that begins at `owner`; `kinds` are the keys of all its parts."""

    route: Route
    item: Mapping
    owner: Route
    owner_item: Mapping
    kinds: frozenset[str]


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
    together: list[tuple[Route, Mapping, frozenset[str]]] = []
    items = listed.node.items if isinstance(listed.node, Sequence) else ()
    for index, node in enumerate(items):
        item = dereference(node)
        kinds = _kinds(item, listed.name)
        if not kinds or any(kinds & each for _, _, each in together):
            yield from _parts(together)
            together = []
        if isinstance(item, Mapping) and kinds:
            together.append((listed.route / index, item, kinds))
    yield from _parts(together)


def _parts(together: list[tuple[Route, Mapping, frozenset[str]]]) -> Iterator[SplitEntry]:
    """Items that have no key twice are the parts of one entry, if it has a principal then."""
    if any(IDENTITY in kinds for _, _, kinds in together):
        owner, owner_item, _ = together[0]
        kinds = frozenset().union(*(each for _, _, each in together))
        yield from (SplitEntry(route, item, owner, owner_item, kinds) for route, item, _ in together[1:])


def _kinds(item: Node, where: str) -> frozenset[str]:
    """What of an entry an item has; nothing where it has other things too."""
    entries = item.entries if isinstance(item, Mapping) else ()
    kinds = [kind_of_key(entry, where) for entry in entries]
    known = {IDENTITY, "username", "groups", "userID"}
    return frozenset(kinds) if set(kinds) <= known and len(set(kinds)) == len(kinds) else frozenset()


def is_reported_elsewhere(mappings: Mappings, entry: Entry, wanted: str) -> bool:
    """Whether another finding says why the entry has not what is wanted."""
    own = entry.listed.route.plain
    kind = IDENTITY if wanted in ("roleARN", "userARN") else wanted
    if kind in _given_elsewhere(mappings).get(own, ()):
        return True
    if any(each.route.plain == own and is_by_name(each.node, each.name) for each in written_lists(mappings)):
        return True
    return is_reported_as_key(mappings, entry, wanted)


@lru_cache(maxsize=4)
def _given_elsewhere(mappings: Mappings) -> dict[tuple[str | int, ...], frozenset[str]]:
    """What the other parts of an entry give it that a dash splits; all of it is said at its first part."""
    given: dict[tuple[str | int, ...], frozenset[str]] = {}
    for split in split_entries(mappings):
        given[split.owner.plain] = split.kinds
        given[split.route.plain] = frozenset((IDENTITY, "username", "groups"))
    return given
