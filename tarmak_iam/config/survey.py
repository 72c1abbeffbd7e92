"""What stands in tarmak.yaml beside what Tarmak makes of it: the text with the types of Tarmak's fields laid over it.

`decode` gives what counts; a survey has what Tarmak passes over without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tarmak_iam.config.keys import Keys
from tarmak_iam.config.meant import meant
from tarmak_iam.config.types import ITEM, Field, TypePath, fields_of, root_struct
from tarmak_iam.document import Document
from tarmak_iam.document.construct import construct, same
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.go_case import fold
from tarmak_iam.near import spelled_otherwise
from tarmak_iam.routes import Key, Route

__all__ = ["Duplicate", "Overridden", "Survey", "TypedScalar", "Unknown"]

# The only keys that match in any case.
_HEAD = ("apiversion", "kind")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that its mapping had before; `first` leads to the first of them, `winner` to what counts: the last
    of them, or a merge key behind it."""

    route: Route
    first: Route
    winner: Route
    name: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """A key, or what an earlier merge key brings, that a later merge key replaces by another value."""

    route: Route
    merge: Route
    name: str
    is_merged: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A key that Tarmak's struct at `parent` does not have; `beside` are the keys of its mapping, and `others` what
    plugins know there."""

    route: Route
    name: str
    parent: TypePath
    struct: str
    node: Node
    beside: frozenset[str]
    others: frozenset[str]


@dataclass(frozen=True, slots=True)
class TypedScalar:
    """A scalar that Tarmak reads, and as what; `value` is what it is before its type is looked at."""

    route: Route
    path: TypePath
    field: Field
    node: Scalar
    value: Any


@dataclass(frozen=True, slots=True)
class Survey:
    """Of one document that Tarmak can read, all in file order but for what merges bring."""

    document: Document
    duplicates: tuple[Duplicate, ...]
    overridden: tuple[Overridden, ...]
    unknown: tuple[Unknown, ...]
    scalars: tuple[TypedScalar, ...]

    @classmethod
    def of(cls, document: Document, owned: Iterable[TypePath] = ()) -> Survey:
        """`owned` are paths of keys that Tarmak may not know, but somebody else does: section plugins."""
        keys = _Mappings(document)
        keys.visit(document.root, Route())
        types = _Types(document, frozenset(path[:end] for path in owned for end in range(1, len(path) + 1)))
        types.visit(document.root, root_struct(), Route(), ())
        return cls(document, tuple(keys.duplicates), tuple(keys.overridden), tuple(types.unknown), tuple(types.scalars))


@dataclass(frozen=True, slots=True)
class _Written:
    """A value that a key is given: by its own entry, or by a merge key at the route."""

    route: Route
    value: Node
    is_merged: bool


@dataclass
class _Mappings:
    """Every mapping once, where it is written; its types do not matter."""

    document: Document
    duplicates: list[Duplicate] = field(default_factory=list)
    overridden: list[Overridden] = field(default_factory=list)

    def visit(self, node: Node | None, route: Route) -> None:
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self.visit(item, route / index)
        elif isinstance(node, Mapping):
            self._keys(node, route)
            for entry in node.entries:
                self.visit(entry.value, _route_of(entry, route))

    def _keys(self, node: Mapping, route: Route) -> None:
        keys, written = Keys(self.document), dict[str, list[_Written]]()
        for entry in node.entries:
            here = _route_of(entry, route)
            brought = keys.merged(entry.value) if entry.is_merge else {keys.name(entry): entry.value}
            for name, value in brought.items():
                written.setdefault(name, []).append(_Written(here, value, entry.is_merge))
        for name, writings in written.items():
            if len(writings) > 1:
                self._compare(name, writings)

    def _compare(self, name: str, writings: list[_Written]) -> None:
        """Of several writings of one key, in file order, the last counts."""
        winner = writings[-1]
        first, *further = [each for each in writings if not each.is_merged] or [writings[-2]]
        self.duplicates += [Duplicate(each.route, first.route, winner.route, name) for each in further]
        loser = further[-1] if further else first
        if winner.is_merged and not self._same(loser.value, winner.value):
            self.overridden.append(Overridden(loser.route, winner.route, name, loser.is_merged))

    def _same(self, left: Node, right: Node) -> bool:
        source = self.document.source
        return same(construct(left, source), construct(right, source))


@dataclass
class _Types:
    """What Tarmak decodes, with aliases followed and merges in place."""

    document: Document
    owned: frozenset[TypePath]
    unknown: list[Unknown] = field(default_factory=list)
    scalars: list[TypedScalar] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._keys = Keys(self.document)
        root = self.document.root
        nodes = list(walk(root)) if root is not None else []
        self._targets = {id(dereference(node)) for node in nodes if dereference(node) is not node}

    def visit(self, node: Node | None, of: Field, route: Route, path: TypePath) -> None:
        node = node if node is None else dereference(node)
        if isinstance(node, Scalar):
            self.scalars.append(TypedScalar(route, path, of, node, self._keys.plain(node)))
        elif isinstance(node, Sequence) and of.kind == "list" and of.of is not None:
            for index, item in enumerate(node.items):
                self.visit(item, of.of, route / index, (*path, ITEM))
        elif isinstance(node, Mapping) and of.kind == "map" and of.of is not None:
            for _, child, here in self._members(node, route):
                self.visit(child, of.of, here, (*path, ITEM))
        elif isinstance(node, Mapping) and of.kind == "struct":
            self._struct(node, of.struct, route, path)

    def _struct(self, node: Mapping, struct: str, route: Route, path: TypePath) -> None:
        fields, members = fields_of(struct), list(self._members(node, route))
        names = frozenset(name for name, _, _ in members)
        for name, child, here in members:
            if name in fields:
                self.visit(child, fields[name], here, (*path, name))
                continue
            is_respelled = spelled_otherwise(name, fields) is not None
            if self._is_head(name, path) or (not is_respelled and self._is_somebodys(name, child, path)):
                continue
            others = frozenset(each[-1] for each in self.owned if each[:-1] == path)
            self.unknown.append(Unknown(here, name, path, struct, child, names, others))
            guess = meant(name, child, path, struct, names, others)
            if guess is not None and guess.is_sure and guess.path[:-1] == path and guess.path[-1] in fields:
                # The same struct goes on below it, and so do its mistakes.
                self.visit(child, fields[guess.path[-1]], here, guess.path)

    @staticmethod
    def _is_head(name: str, path: TypePath) -> bool:
        return not path and fold(name) in _HEAD

    def _is_somebodys(self, name: str, node: Node, path: TypePath) -> bool:
        """A plugin's key, an extension (`x-...`), or at the top level a home of anchors that are used."""
        if name.startswith("x-") or (*path, name) in self.owned:
            return True
        return not path and any(id(each) in self._targets for each in walk(node))

    def _members(self, node: Mapping, route: Route) -> Iterator[tuple[str, Node, Route]]:
        """The members that count with the ways to them: that of a merged one is its name alone."""
        own = {id(entry.value): entry for entry in node.entries if not entry.is_merge}
        for name, child in self._keys.members(node):
            entry = own.get(id(child))
            yield name, child, route / Key(name) if entry is None else _route_of(entry, route)


def _route_of(entry: Entry, route: Route) -> Route:
    return route / Key(entry.text or "", entry.occurrence)
