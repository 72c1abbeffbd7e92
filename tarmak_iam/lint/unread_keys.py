"""Keys of a mappings file that are not read or are duplicates, and entries that run together."""

from __future__ import annotations

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
    all_keys,
    arn_in,
    is_by_name,
    is_empty_value,
    is_read_by_viper,
    root_keys,
    spelled,
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
        arns = (arn_in(entry.value) for entry in self.entries[index])
        return next((shortened(arn) for arn in arns if arn), "the first entry")


def run_together(holder: Mapping, where: str) -> RunTogether | None:
    """The entries that one YAML mapping contains. None where its keys are those of one entry, or where the start of the
    next entry is not clear. `where` is the list that contains the YAML mapping."""
    if where not in ENTRY_LISTS or any(entry.text is None or entry.is_merge for entry in holder.entries):
        return None
    entries: list[dict[str, NodeEntry]] = [{}]
    for entry in holder.entries:
        kind = kind_of_key(entry, where)
        if kind in entries[-1]:
            entries.append({})
        entries[-1][kind] = entry
    complete = all(IDENTITY in kinds and ("username" in kinds or "groups" in kinds) for kinds in entries)
    texts = [entry.text for entry in holder.entries]
    parts = tuple(tuple(kinds.values()) for kinds in entries)
    return RunTogether(parts, len(set(texts)) < len(texts)) if len(entries) > 1 and complete else None


def kind_of_key(entry: NodeEntry, where: str) -> str:
    """The kind of an entry's key: the keys for the principal are one kind."""
    known = spelled(root_keys()["server"][where], entry.text or "")
    if known in IDENTITIES or (known is None and arn_in(entry.value)):
        return IDENTITY
    return known or entry.text or ""


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
    key of an entry, which mapstructure reads and not viper. `where` is the list or mapping that contains it; empty for
    the top level, and for what the authenticator does not read."""

    name: str
    route: Route
    first: Route
    first_name: str
    known: str
    names: tuple[str, ...]
    is_field: bool
    holder: Mapping
    where: str


def is_reported_as_key(mappings: Mappings, entry: WrittenEntry, wanted: str) -> bool:
    """Whether the entry has `wanted` under another key or in another place, which is another finding."""
    meant = walked_keys(mappings.document).meant_by_entry.get(entry.listed.route.plain, set())
    identities = {*IDENTITIES, "permissionSetName", "accountID"} if wanted in IDENTITIES else {wanted}
    # A list within another list is not an entry.
    return not meant.isdisjoint(identities | {*LISTS, "server"})


def inner_keys(key: UnreadKey) -> tuple[str, ...]:
    """The keys of an entry that are one level too deep, below an unknown key."""
    value = dereference(key.node.value)
    if key.place is not KeyPlace.NOWHERE or key.where not in ENTRY_LISTS or not isinstance(value, Mapping):
        return ()
    struct = root_keys()["server"][key.where]
    there = {spelled(struct, entry.text or "") for entry in key.holder.entries}
    below = {"roleARN" if arn_in(entry.value) else spelled(struct, entry.text or "") for entry in value.entries}
    return tuple(sorted(name for name in below - there if name))


_FEW_KEYS = 16


def texts_of(node: Mapping) -> tuple[str | None, ...]:
    """The keys of an item of a list: None for one that is not a scalar, for a merge key, and for many keys."""
    entries = node.entries
    texts = [None if entry.is_merge else entry.text for entry in entries[: _FEW_KEYS + 1]]
    return tuple(texts) if len(entries) <= _FEW_KEYS else (None,)


def _is_plain(item: Mapping, known: tuple[str, ...], leaves: tuple[str, ...]) -> bool:
    """Whether certainly all keys of an item are read and are there once, and no keys are below them. That is so for
    nearly every entry of a list."""
    for entry in item.entries:
        value = entry.value
        below = value.items if isinstance(value, Sequence) else (value,)
        if any(isinstance(node, (Mapping, Sequence)) for node in below):
            return False
    return _are_plain(texts_of(item), known, leaves)


# Cached because the items of a long list nearly all have the same few keys.
@lru_cache(maxsize=1024)
def _are_plain(texts: tuple[str | None, ...], known: tuple[str, ...], leaves: tuple[str, ...]) -> bool:
    names = [spelled(known, text) if text is not None else None for text in texts]
    return len(set(names)) == len(names) and all(name in leaves for name in names)


class _Walk:
    """All keys of a document: those `unread` by every release of the authenticator, in file order (the keys below them
    are not checked), and those `doubled` in a mapping. Keys that are read match in any case."""

    def __init__(self, document: Document) -> None:
        self.unread: list[UnreadKey] = []
        self.doubled: list[DoubledKey] = []
        self._root = dereference(document.root) if document.root is not None else None
        if self._root is not None:
            struct = root_keys() if isinstance(self._root, Mapping) else {}
            self._server_route, self._server = self._find(self._root, struct, "server", Route())
            self._visit(self._root, struct, Route(), "", None, is_written=True)

    @cached_property
    def meant_by_entry(self) -> dict[tuple[str | int, ...], set[str]]:
        """The keys that the unread keys of each entry were meant to be, by the entry's route."""
        meant: dict[tuple[str | int, ...], set[str]] = {}
        for key in self.unread:
            if key.owner is not None and (key.existing is None or key.place is KeyPlace.SERVER):
                meant.setdefault(key.owner.plain, set()).update((key.intended, *inner_keys(key)))
        return meant

    def _visit(
        self, node: Node, struct: Struct, route: Route, where: str, owner: Route | None, *, is_written: bool
    ) -> None:
        """`struct` has the keys that are read there, none where nothing is. `is_written` is false for what an alias
        leads to, whose duplicates are found where it is written."""
        target = dereference(node)
        is_written = is_written and target is node
        if isinstance(target, Mapping) and (struct or is_written):
            if where in ENTRY_LISTS:
                struct, owner = {} if is_by_name(target, where) else struct, route
            self._visit_keys(target, struct, route, where, owner, is_written=is_written)
        elif isinstance(target, Sequence):
            # A list as `server`: the authenticator does not start, which is another finding (IAM022).
            struct = {} if where == "server" else struct
            known, leaves = tuple(struct), tuple(name for name in struct if not struct[name])
            for index, item in enumerate(target.items):
                if not (isinstance(item, Mapping) and _is_plain(item, known, leaves)):
                    self._visit(item, struct, route / index, where, owner, is_written=is_written)

    def _visit_keys(
        self, holder: Mapping, struct: Struct, route: Route, where: str, owner: Route | None, *, is_written: bool
    ) -> None:
        alike: dict[str, list[tuple[str, Route]]] = {}
        for entry in holder.entries:
            if entry.text is None or entry.is_merge:
                continue
            name, here, known = entry.text, route / Key(entry.text, entry.occurrence), spelled(struct, entry.text)
            alike.setdefault(known or name, []).append((name, here))
            if struct and known is None and not name.startswith("x-"):  # for anchors and notes, as in tarmak.yaml
                self.unread.append(self._judged(UnreadKey(name, here, where, entry, holder, owner=owner), struct))
            if not isinstance(entry.value, Scalar):
                inner = struct[known] if known else {}
                below = known.removeprefix("server.") if known and inner else ""
                self._visit(entry.value, inner, here, below, owner, is_written=is_written)
        is_field = bool(struct) and not is_read_by_viper(struct)
        for known, spellings in alike.items() if is_written else ():
            (first_name, first), names = spellings[0], tuple(name for name, _ in spellings)
            for name, here in spellings[1:]:
                self.doubled.append(DoubledKey(name, here, first, first_name, known, names, is_field, holder, where))

    def _judged(self, key: UnreadKey, struct: Struct) -> UnreadKey:
        """With what was meant, and where that is set already."""
        place, intended = _meaning(key, struct)
        owner, existing = key.owner, None
        if place is KeyPlace.HERE:
            sso, value = self._find(key.holder, struct, "sso", key.route.parent)
            is_principal = intended in ("roleARN", "userARN")
            # An entry has one principal, so `sso` is equal to an ARN; entries that run together have one each.
            if is_principal and run_together(key.holder, key.where) is not None:
                existing = None
            elif is_principal and value is not None and not is_empty_value(value):
                existing = sso
            else:
                existing = self._find(key.holder, struct, intended, key.route.parent)[0]
        elif place is KeyPlace.TOP:
            existing = self._find(self._root, root_keys(), intended, Route())[0]
        elif place is KeyPlace.SERVER:
            existing = self._in_server(intended)[0]
        elif place is KeyPlace.ENTRY:
            above = [route for route, entry, _ in self._entries if entry.start < key.node.key.start]
            owner = owner or (above[-1] if above else None)
            for route, entry, fields in self._entries:
                if owner is not None and route.plain == owner.plain:
                    existing = self._find(entry, fields, intended, route)[0]
        return key._replace(place=place, intended=intended, existing=existing, owner=owner)

    def _find(self, node: Node | None, struct: Struct, known: str, route: Route) -> tuple[Route | None, Node | None]:
        """The route to a key and its value, in any spelling that is read."""
        target = dereference(node) if node is not None else None
        for entry in target.entries if isinstance(target, Mapping) else ():
            if entry.text is not None and not entry.is_merge and spelled(struct, entry.text) == known:
                return route / Key(entry.text, entry.occurrence), entry.value
        return None, None

    def _in_server(self, known: str) -> tuple[Route | None, Node | None]:
        """A key below `server`, or at the top level with its full path; the node of the first only."""
        dotted = self._find(self._root, root_keys(), f"server.{known}", Route())[0]
        below = self._find(self._server, root_keys()["server"], known, self._server_route or Route())
        return dotted or below[0], below[1]

    @cached_property
    def _entries(self) -> list[tuple[Route, Mapping, Struct]]:
        """In file order."""
        entries = []
        for name in ENTRY_LISTS:
            route, listed = self._in_server(name)
            for index, item in enumerate(listed.items if isinstance(listed, Sequence) else ()):
                if isinstance(item, Mapping) and route is not None:
                    entries.append((route / index, item, root_keys()["server"][name]))
        return sorted(entries, key=lambda entry: entry[1].start)


@lru_cache(maxsize=4)
def walked_keys(document: Document) -> _Walk:
    return _Walk(document)


def _meaning(key: UnreadKey, struct: Struct) -> tuple[KeyPlace, str]:
    """Where the key belongs and which key was meant: in this place in another spelling, or in another place."""
    name, where, value, server = key.name, key.where, key.node.value, root_keys()["server"]
    here = [known for known in struct if not known.startswith("server.")]
    taken = {spelled(struct, entry.text or "") for entry in key.holder.entries}
    if any(arn_in(entry.value) for entry in key.holder.entries if entry is not key.node):
        taken |= {*IDENTITIES}  # that key has the principal
    named = sorted((known for known in here if _is_alias(name, known) and _fits(known, value)), key=taken.__contains__)
    arn, other = ("roleARN", "userARN") if where == "mapRoles" else ("userARN", "roleARN")
    listed = [known for known in (*LISTS, "backendMode") if _is_alias(name, known)]
    fitting = closest(name, [known for known in here if _fits(known, value)])
    guesses = (
        (KeyPlace.HERE, spelled_otherwise(name, here) or next(iter(named), None), True),
        (KeyPlace.HERE, spelled_otherwise(name, (other,)) and arn, where in ENTRY_LISTS),
        (KeyPlace.SSO, spelled_otherwise(name, ("permissionSetName", "accountID")), where == "mapRoles"),
        (KeyPlace.ENTRY, spelled_otherwise(name, ENTRY_KEYS), where in ("", "server", "sso")),
        (KeyPlace.SERVER, spelled_otherwise(name, server) or next(iter(listed), None), where != "server"),
        (KeyPlace.TOP, spelled_otherwise(name, ("clusterID", "server")), where != ""),
        (KeyPlace.HERE, fitting, True),
        (KeyPlace.SERVER, None if where else closest(name, server), True),
    )
    likely = ((place, known) for place, known, may_be in guesses if known and may_be)
    return next(likely, (KeyPlace.NOWHERE, ""))


def _is_alias(name: str, known: str) -> bool:
    """Whether other tools, or people, call the known key by this name."""
    return name.replace("_", "").replace("-", "").lower() in all_keys()[known].aliases


def _fits(known: str, node: Node) -> bool:
    """Whether a value can belong to the key: an ARN is not a username or group, and a list is not a name."""
    value = dereference(node)
    if known in ("username", "userID"):
        return isinstance(value, Scalar) and not arn_in(value)
    if known == "groups":
        return not isinstance(value, Mapping) and not arn_in(value)
    if known in ("roleARN", "userARN"):
        return isinstance(value, Scalar) or (isinstance(value, Sequence) and all(map(arn_in, value.items)))
    return True
