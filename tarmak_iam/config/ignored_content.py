"""The content that Tarmak ignores in tarmak.yaml.

`decode` returns what Tarmak uses; `IgnoredContent` contains what Tarmak ignores without a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import cached_property
from typing import Any

from tarmak_iam.aws.go_case import fold
from tarmak_iam.config.decode import JsonKeys
from tarmak_iam.config.key_suggestions import KeySuggestion, suggest_key
from tarmak_iam.config.tarmak_types import ITEM, Field, TypePath, fields_of, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.document.plain_values import construct, same
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route
from tarmak_iam.suggestions import spelled_otherwise

# The only keys that match ignoring case.
_HEAD = ("apiversion", "kind")

MOST_SEARCHED = 200
"""The most unknown keys of a file for which it is searched what was meant."""


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """A key that its mapping already has. `first` is the first of them, `winner` the one that is used: the last one,
    or a merge key after it."""

    route: Route
    first: Route
    winner: Route
    name: str


@dataclass(frozen=True, slots=True)
class OverriddenKey:
    """A key, or a key from an earlier merge key, that a later merge key replaces with another value."""

    route: Route
    merge: Route
    name: str
    is_merged: bool


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that Tarmak's struct at `parent` does not have. `siblings` are the keys of its mapping, `plugin_keys` the
    keys that plugins know there, `guess` the key that was probably meant."""

    route: Route
    name: str
    parent: TypePath
    struct: str
    node: Node
    siblings: frozenset[str]
    plugin_keys: frozenset[str]
    guess: KeySuggestion | None


@dataclass(frozen=True, slots=True)
class TypedScalar:
    """A scalar that Tarmak reads, with its field. `value` is the value before it is converted to the field's type."""

    route: Route
    path: TypePath
    field: Field
    node: Scalar
    value: Any


@dataclass(frozen=True, slots=True)
class IgnoredContent:
    """The ignored content of one document that Tarmak can read, in file order except for merged keys."""

    document: Document
    duplicates: tuple[DuplicateKey, ...]
    overridden: tuple[OverriddenKey, ...]
    unknown: tuple[UnknownKey, ...]
    scalars: tuple[TypedScalar, ...]

    @classmethod
    def of(
        cls,
        document: Document,
        owned: Iterable[TypePath] = (),
        *,
        field: Field | None = None,
        path: TypePath = (),
    ) -> IgnoredContent:
        """`owned` are paths of keys that section plugins know, even if Tarmak does not. The document is a whole
        tarmak.yaml, or the value of a `field` at a type path."""
        keys = _KeyVisitor(document)
        keys.visit(document.root, Route())
        types = _TypeVisitor.of(document, owned)
        types.visit(document.root, field or root_field(), Route(), path)
        return cls(document, tuple(keys.duplicates), tuple(keys.overridden), tuple(types.unknown), tuple(types.scalars))


@dataclass(frozen=True, slots=True)
class _Written:
    """A value of a key: from its own entry, or from a merge key at the route."""

    route: Route
    value: Node
    is_merged: bool


@dataclass
class _KeyVisitor:
    """Visits every mapping once, where it is written, whatever its type."""

    document: Document
    duplicates: list[DuplicateKey] = field(default_factory=list)
    overridden: list[OverriddenKey] = field(default_factory=list)

    def visit(self, node: Node | None, route: Route) -> None:
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self.visit(item, route / index)
        elif isinstance(node, Mapping):
            self._keys(node, route)
            for entry in node.entries:
                self.visit(entry.value, _route_of(entry, route))

    def _keys(self, node: Mapping, route: Route) -> None:
        keys, written = JsonKeys(self.document), dict[str, list[_Written]]()
        for entry in node.entries:
            here = _route_of(entry, route)
            brought = keys.merged(entry.value) if entry.is_merge else {keys.name(entry): entry.value}
            for name, value in brought.items():
                written.setdefault(name, []).append(_Written(here, value, entry.is_merge))
        for name, writings in written.items():
            if len(writings) > 1:
                self._compare(name, writings)

    def _compare(self, name: str, writings: list[_Written]) -> None:
        """Of several values of one key, in file order, the last one is used."""
        winner = writings[-1]
        first, *further = [each for each in writings if not each.is_merged] or [writings[-2]]
        self.duplicates += [DuplicateKey(each.route, first.route, winner.route, name) for each in further]
        loser = further[-1] if further else first
        if winner.is_merged and not self._same(loser.value, winner.value):
            self.overridden.append(OverriddenKey(loser.route, winner.route, name, loser.is_merged))

    def _same(self, left: Node, right: Node) -> bool:
        source = self.document.source
        return same(construct(left, source), construct(right, source))


@dataclass
class _TypeVisitor:
    """Visits what Tarmak decodes, with aliases followed and merges applied."""

    document: Document
    owned: frozenset[TypePath]
    unknown: list[UnknownKey] = field(default_factory=list)
    scalars: list[TypedScalar] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document, owned: Iterable[TypePath]) -> _TypeVisitor:
        return cls(document, frozenset(each[:end] for each in owned for end in range(1, len(each) + 1)))

    def __post_init__(self) -> None:
        self._keys = JsonKeys(self.document)

    @cached_property
    def _targets(self) -> set[int]:
        """The nodes that aliases refer to."""
        root = self.document.root
        nodes = list(walk(root)) if root is not None else []
        return {id(dereference(node)) for node in nodes if dereference(node) is not node}

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
            if self._is_head(name, path) or (not is_respelled and self._is_known_elsewhere(name, child, path)):
                continue
            others = frozenset(each[-1] for each in self.owned if each[:-1] == path)
            is_searched = len(self.unknown) < MOST_SEARCHED
            guess = suggest_key(name, child, path, struct, names, others) if is_searched else None
            self.unknown.append(UnknownKey(here, name, path, struct, child, names, others, guess))
            if guess is not None and guess.is_sure and guess.path[:-1] == path and guess.path[-1] in fields:
                # The keys below it belong to the same struct, and may be wrong too.
                self.visit(child, fields[guess.path[-1]], here, guess.path)

    @staticmethod
    def _is_head(name: str, path: TypePath) -> bool:
        return not path and fold(name) in _HEAD

    def _is_known_elsewhere(self, name: str, node: Node, path: TypePath) -> bool:
        """Whether it is a plugin's key, an extension (`x-...`), or a top-level key with anchors that are used."""
        if name.startswith("x-") or (*path, name) in self.owned:
            return True
        return not path and any(id(each) in self._targets for each in walk(node))

    def _members(self, node: Mapping, route: Route) -> Iterator[tuple[str, Node, Route]]:
        """The members that are used, with their routes; the route of a merged member is its name alone."""
        own = {id(entry.value): entry for entry in node.entries if not entry.is_merge}
        for name, child in self._keys.members(node):
            entry = own.get(id(child))
            yield name, child, route / Key(name) if entry is None else _route_of(entry, route)


def _route_of(entry: Entry, route: Route) -> Route:
    return route / Key(entry.text or "", entry.occurrence)


_Path = tuple[str | int, ...]


def misspelt_key_on(document: Document, route: Route, owned: Iterable[TypePath]) -> UnknownKey | None:
    """A key that was certainly meant to be one on the route that the document does not have: an edit there would add a
    second one. `owned` as in `IgnoredContent.of`."""
    home = route
    while home.steps and not document.has(home):
        home = home.parent
    field = root_field().below(*home.plain)
    if field is None:
        return None
    types = _TypeVisitor.of(document, owned)
    types.visit(document.node(home), field, home, type_path(home.plain))
    for key in types.unknown:
        target = certain_target(key) or ()
        if len(target) > len(home.plain) and route.plain[: len(target)] == target:
            return key
    return None


def certain_target(key: UnknownKey) -> _Path | None:
    """The path that was certainly meant by a key; None for a guess, or if the place is ambiguous. There may be
    something already."""
    guess = key.guess
    if guess is None or not guess.is_sure:
        return None
    path: list[str | int] = []
    here = key.route.plain[:-1]
    for number, step in enumerate(guess.path):
        if step != ITEM:
            path.append(step)
        elif number < len(here) and type_path(here[: number + 1]) == guess.path[: number + 1]:
            path.append(here[number])  # the item that the key is in
        else:
            return None
    return tuple(path)


def type_path(path: _Path) -> TypePath:
    return tuple(ITEM if isinstance(step, int) else step for step in path)
