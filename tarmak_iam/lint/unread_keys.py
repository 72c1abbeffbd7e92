"""Keys of a mappings file that are not read or are duplicates, and entries that run together."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cached_property, lru_cache
from typing import NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.lint.authenticator_keys import (
    ENTRY_KEYS,
    ENTRY_LISTS,
    IDENTITIES,
    LISTS,
    Struct,
    arn_in,
    is_by_name,
    is_empty_value,
    is_read_by_viper,
    root_keys,
    same_place,
    spelled,
    spelled_here,
)
from tarmak_iam.lint.entries import WrittenEntry
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import closest, shortened, spelled_otherwise

IDENTITY = "identity"
"""The kind of the key for an entry's principal, an ARN or sso."""


class RunTogether(NamedTuple):
    """The entries in one YAML mapping, each as its keys in file order; `is_exact`: whether a key is set twice in the
    same spelling."""

    entries: tuple[tuple[NodeEntry, ...], ...]
    is_exact: bool

    def name(self, index: int) -> str:
        """The name of one of them for messages."""
        return next((shortened(arn) for each in self.entries[index] if (arn := arn_in(each.value))), "the first entry")


def run_together(holder: Mapping, where: str) -> RunTogether | None:
    """The entries that one YAML mapping contains. None where its keys are those of one entry, or where the start of the
    next entry is not clear.

    `where` is the list that contains the YAML mapping.
    """
    if where not in ENTRY_LISTS:
        return None
    entries: list[list[NodeEntry]] = [[]]
    seen: set[str] = set()
    texts: set[str] = set()
    is_exact = False
    for entry in holder.entries:
        if entry.text is None or entry.is_merge:
            return None
        is_exact = is_exact or entry.text in texts
        texts.add(entry.text)
        kind = kind_of_key(entry, where)
        if kind in seen:
            entries.append([])
            seen = set()
        seen.add(kind)
        entries[-1].append(entry)
    kinds = [{kind_of_key(each, where) for each in entry} for entry in entries]
    complete = all(IDENTITY in each and each & {"username", "groups"} for each in kinds)
    return RunTogether(tuple(map(tuple, entries)), is_exact) if len(entries) > 1 and complete else None


def kind_of_key(entry: NodeEntry, where: str) -> str:
    """The kind of an entry's key: the keys for the principal are one kind."""
    known = spelled(root_keys()["server"][where], entry.text or "")
    if known in IDENTITIES or (known is None and arn_in(entry.value)):
        return IDENTITY
    return known or entry.text or ""


_ANYTHING = "x-"
"""The prefix of keys for anchors and notes, as in tarmak.yaml."""

_LISTED = (*LISTS, "backendMode")


class KeyPlace(str, Enum):
    """Where a key that the authenticator does not read belongs."""

    NOWHERE = "nowhere"
    HERE = "the same mapping, in another spelling"
    TOP = "the top level"
    SERVER = "server"
    ENTRY = "an entry of mapRoles or mapUsers"
    SSO = "sso"


class UnreadKey(NamedTuple):
    """`where` is the mapping that contains it, empty for the top level. `intended` is the key that was meant, empty
    where it is not known; `existing` leads to that key where it is already set. `owner` leads to the entry that the key
    is about."""

    name: str
    route: Route
    where: str
    node: NodeEntry
    holder: Mapping
    place: KeyPlace = KeyPlace.NOWHERE
    intended: str = ""
    existing: Route | None = None
    owner: Route | None = None


class DoubledKey(NamedTuple):
    """`known` is the documented spelling, `names` are all its spellings in this mapping. `is_field`: whether it is a
    key of an entry, which mapstructure reads and not viper."""

    name: str
    route: Route
    first: Route
    first_name: str
    known: str
    names: tuple[str, ...]
    is_field: bool
    holder: Mapping
    where: str = ""
    """The list or mapping that contains it; empty for the top level, and for what the authenticator does not read."""


@lru_cache(maxsize=4)
def unread_keys(document: Document) -> tuple[UnreadKey, ...]:
    """The keys that no release of the daemon reads, in file order; the keys below them are not checked."""
    root = dereference(document.root) if document.root is not None else None
    return tuple(_Walk(root).unread()) if isinstance(root, Mapping) else ()


def is_reported_as_key(mappings: Mappings, entry: WrittenEntry, wanted: str) -> bool:
    """Whether the entry has `wanted` under another key or in another place, which is another finding."""
    meant = _meant_by_entry(mappings.document).get(entry.listed.route.plain, frozenset())
    identities = {*IDENTITIES, "permissionSetName", "accountID"} if wanted in IDENTITIES else {wanted}
    # A list within another list is not an entry.
    return bool(meant & (identities | {*LISTS, "server"}))


@lru_cache(maxsize=4)
def _meant_by_entry(document: Document) -> dict[tuple[str | int, ...], frozenset[str]]:
    """The keys that the unread keys of each entry were meant to be, by the entry's route."""
    meant: dict[tuple[str | int, ...], set[str]] = {}
    for key in unread_keys(document):
        if key.owner is not None and (key.existing is None or key.place is KeyPlace.SERVER):
            meant.setdefault(key.owner.plain, set()).update((key.intended, *inner_keys(key)))
    return {route: frozenset(names) for route, names in meant.items()}


def inner_keys(key: UnreadKey) -> tuple[str, ...]:
    """The keys of an entry that are one level too deep, below an unknown key."""
    value = dereference(key.node.value)
    if key.place is not KeyPlace.NOWHERE or key.where not in ENTRY_LISTS or not isinstance(value, Mapping):
        return ()
    struct = root_keys()["server"][key.where]
    there = {spelled(struct, entry.text or "") for entry in key.holder.entries}
    own = {"roleARN" if arn_in(entry.value) else spelled(struct, entry.text or "") for entry in value.entries}
    return tuple(sorted(name for name in own - there if name))


_FEW_KEYS = 16


def doubled_keys(document: Document) -> Iterator[DoubledKey]:
    """Duplicate keys of each mapping. Where the daemon reads a key, another case is the same key."""
    if document.root is not None:
        yield from _doubled(document.root, root_keys(), Route(), "")


def texts_of(node: Mapping) -> tuple[str | None, ...]:
    """The keys of an item of a list: None for one that is not a scalar, for a merge key, and for many keys."""
    entries = node.entries
    return tuple([None if each.is_merge else each.text for each in entries]) if len(entries) <= _FEW_KEYS else (None,)


# Cached because the items of a long list nearly all have the same few keys.
@lru_cache(maxsize=1024)
def _are_read(texts: tuple[str | None, ...], known: tuple[str, ...], leaves: tuple[str, ...]) -> bool:
    """Whether certainly all keys of an item are read, and have no keys below them that are."""
    return all(text is not None and _known_in(known, text) in leaves for text in texts)


def _known_in(known: tuple[str, ...], text: str) -> str:
    return _known({key: {} for key in known}, text)


class _Walk:
    def __init__(self, root: Mapping) -> None:
        self._root = root
        self._server_route, self._server = self._find(root, root_keys(), "server", Route())

    def unread(self) -> Iterator[UnreadKey]:
        return self._unread(self._root, root_keys(), Route(), "", None)

    def _unread(self, node: Node, struct: Struct, route: Route, where: str, owner: Route | None) -> Iterator[UnreadKey]:
        node = dereference(node)
        if isinstance(node, Sequence):
            if where == "server":
                return  # the daemon does not start, which is another finding (IAM022)
            keys, leaves = tuple(struct), tuple(each for each in struct if not struct[each])
            for index, item in enumerate(node.items):
                if not isinstance(item, Mapping) or not _are_read(texts_of(item), keys, leaves):
                    yield from self._unread(item, struct, route / index, where, owner)
            return
        if where in ENTRY_LISTS and is_by_name(node, where):
            return
        owner = route if where in ENTRY_LISTS else owner
        for entry in node.entries if isinstance(node, Mapping) else ():
            name = entry.text
            if name is None or entry.is_merge or name.startswith(_ANYTHING):
                continue
            known = spelled(struct, name)
            if known is not None and not struct[known]:
                continue
            own = route / Key(name, entry.occurrence)
            if known is None:
                assert isinstance(node, Mapping)
                yield self._judged(UnreadKey(name, own, where, entry, node, owner=owner), struct, route)
            else:
                yield from self._unread(entry.value, struct[known], own, known.removeprefix("server."), owner)

    def _judged(self, key: UnreadKey, struct: Struct, route: Route) -> UnreadKey:
        place, intended = self._meaning(key, struct)
        owner, existing = key.owner, None
        if place is KeyPlace.HERE:
            existing = self._same_key(key, struct, intended, route)
        elif place is KeyPlace.TOP:
            existing = self._find(self._root, root_keys(), intended, Route())[0]
        elif place is KeyPlace.SERVER:
            existing = self._in_server(intended)
        elif place is KeyPlace.ENTRY:
            above = [each for each, entry, _ in self._entries if entry.start < key.node.key.start]
            owner = owner or (above[-1] if above else None)
            for each, entry, fields in self._entries:
                if owner is not None and each.plain == owner.plain:
                    existing = self._find(entry, fields, intended, each)[0]
        return UnreadKey(key.name, key.route, key.where, key.node, key.holder, place, intended, existing, owner)

    def _same_key(self, key: UnreadKey, struct: Struct, intended: str, route: Route) -> Route | None:
        """The route of the key that was meant, if it is set. An entry has one principal, so `sso` is equal to an ARN;
        entries that run together have one each."""
        if intended in ("roleARN", "userARN"):
            if run_together(key.holder, key.where) is not None:
                return None
            sso, value = self._find(key.holder, struct, "sso", route)
            if value is not None and not is_empty_value(value):
                return sso
        return self._find(key.holder, struct, intended, route)[0]

    def _meaning(self, key: UnreadKey, struct: Struct) -> tuple[KeyPlace, str]:
        """Where the key belongs and which key was meant: in this place in another spelling, or in another place."""
        root, name, value = root_keys(), key.name, key.node.value
        server, taken = root["server"], [spelled(struct, entry.text or "") or "" for entry in key.holder.entries]
        if any(arn_in(entry.value) for entry in key.holder.entries if entry is not key.node):
            taken += IDENTITIES  # that key has the principal
        exact = spelled_here(name, [known for known in struct if not known.startswith("server.")])
        guess = same_place(name, value, struct, taken)
        if exact and guess and guess.is_sure:
            return KeyPlace.HERE, guess.key
        elsewhere = self._elsewhere(key, server)
        if elsewhere:
            return elsewhere
        if guess:
            return KeyPlace.HERE, guess.key
        close = closest(name, server) if not key.where else None
        return (KeyPlace.SERVER, close) if close else (KeyPlace.NOWHERE, "")

    def _elsewhere(self, key: UnreadKey, server: Struct) -> tuple[KeyPlace, str] | None:
        name, where = key.name, key.where
        own, other = ("roleARN", "userARN") if where == "mapRoles" else ("userARN", "roleARN")
        if where in ENTRY_LISTS and spelled_otherwise(name, (other,)):
            return KeyPlace.HERE, own
        if where == "mapRoles" and (found := spelled_otherwise(name, ("permissionSetName", "accountID"))):
            return KeyPlace.SSO, found
        if where in ("", "server", "sso") and (found := spelled_otherwise(name, ENTRY_KEYS)):
            return KeyPlace.ENTRY, found
        if where != "server" and (found := spelled_otherwise(name, server) or spelled_here(name, _LISTED)):
            return KeyPlace.SERVER, found
        if where and (found := spelled_otherwise(name, ("clusterID", "server"))):
            return KeyPlace.TOP, found
        return None

    def _find(self, node: Node, struct: Struct, known: str, route: Route) -> tuple[Route | None, Node | None]:
        node = dereference(node)
        for entry in node.entries if isinstance(node, Mapping) else ():
            if entry.text is not None and not entry.is_merge and spelled(struct, entry.text) == known:
                return route / Key(entry.text, entry.occurrence), entry.value
        return None, None

    def _in_server(self, known: str) -> Route | None:
        """The route of a key below `server`, or at the top level with its full path."""
        dotted = self._find(self._root, root_keys(), f"server.{known}", Route())[0]
        if dotted or self._server is None or self._server_route is None:
            return dotted
        return self._find(self._server, root_keys()["server"], known, self._server_route)[0]

    @cached_property
    def _entries(self) -> list[tuple[Route, Mapping, Struct]]:
        """In file order."""
        entries = []
        for name in ENTRY_LISTS:
            struct, route, listed = root_keys()["server"][name], self._in_server(name), None
            if route is not None and self._server is not None:
                listed = self._find(self._server, root_keys()["server"], name, Route())[1]
            for index, item in enumerate(listed.items if isinstance(listed, Sequence) else ()):
                if isinstance(item, Mapping) and route is not None:
                    entries.append((route / index, item, struct))
        return sorted(entries, key=lambda each: each[1].start)


def _known(struct: Struct | None, text: str) -> str:
    return (spelled(struct, text) if struct else None) or text


def _has_nothing_doubled(node: Mapping, struct: Struct | None) -> bool:
    """Whether certainly no key in it is a duplicate, and none of its values contains keys.

    That is so for nearly every entry of a list. Their few keys are the same, so the answer is cached by them. A mapping
    with many keys is not: the cache would keep them.
    """
    values = [entry.value for entry in node.entries if not isinstance(entry.value, Scalar)]
    if len(node.entries) > _FEW_KEYS or any(isinstance(value, Mapping) for value in values):
        return False
    items = (item for value in values if isinstance(value, Sequence) for item in value.items)
    if any(isinstance(item, (Mapping, Sequence)) for item in items):
        return False
    return _are_distinct(texts_of(node), tuple(struct or ()))


@lru_cache(maxsize=1024)
def _are_distinct(texts: tuple[str | None, ...], known: tuple[str, ...]) -> bool:
    keys = [_known_in(known, text) for text in texts if text is not None]
    return len(set(keys)) == len(keys)


def _doubled(node: Node, struct: Struct | None, route: Route, where: str) -> Iterator[DoubledKey]:
    for index, item in enumerate(node.items if isinstance(node, Sequence) else ()):
        if not isinstance(item, Mapping) or not _has_nothing_doubled(item, struct):
            yield from _doubled(item, struct, route / index, where)
    written: dict[str, list[NodeEntry]] = {}
    for entry in node.entries if isinstance(node, Mapping) else ():
        if entry.text is not None and not entry.is_merge:
            written.setdefault(_known(struct, entry.text), []).append(entry)
    for known, entries in written.items():
        names, first = tuple(entry.text or "" for entry in entries), entries[0]
        before, is_field = route / Key(names[0], first.occurrence), bool(struct) and not is_read_by_viper(struct or {})
        for entry, name in zip(entries, names, strict=True):
            own = route / Key(name, entry.occurrence)
            if entry is not first and isinstance(node, Mapping):
                yield DoubledKey(name, own, before, names[0], known, names, is_field, node, where)
            inner = (struct or {}).get(known)
            yield from _doubled(entry.value, inner, own, known.removeprefix("server.") if inner else "")
