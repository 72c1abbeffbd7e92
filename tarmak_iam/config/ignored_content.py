"""The content that Tarmak ignores in tarmak.yaml.

`decode` returns what Tarmak uses; `IgnoredContent` contains what Tarmak ignores without a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import fold
from tarmak_iam.config.decode import JsonKeys
from tarmak_iam.config.tarmak_types import ITEM, Field, TypePath, root_field
from tarmak_iam.config.unknown_keys import UnknownKey, suggest_key
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.document.plain_values import construct, same
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import CommandLine, quoted, spelled_otherwise

# The only keys that match ignoring case.
_HEAD = ("apiversion", "kind")

MOST_SEARCHED = 200
"""The most unknown keys of a file for which it is searched what was meant."""


class DuplicateKey(NamedTuple):
    """A key that its mapping already has. `first` is the first of them, `winner` the one that is used: the last one,
    or a merge key after it."""

    route: Route
    first: Route
    winner: Route
    name: str


class OverriddenKey(NamedTuple):
    """A key, or a key from an earlier merge key, that a later merge key replaces with another value."""

    route: Route
    merge: Route
    name: str
    is_merged: bool


class TypedScalar(NamedTuple):
    """A scalar that Tarmak reads, with its field. `value` is the value before it is converted to the field's type."""

    route: Route
    path: TypePath
    field: Field
    node: Scalar
    value: Any


class IgnoredContent:
    """The ignored content of one document that Tarmak can read, or of what is at a route, in file order except for
    merged keys."""

    def __init__(
        self, document: Document, owned: Iterable[TypePath] = (), *, field: Field | None = None, path: TypePath = ()
    ) -> None:
        """`owned` are paths of keys that section plugins know, even if Tarmak does not. The document is a whole
        tarmak.yaml, or the value of a `field` at a type path."""
        self.document, self._keys = document, JsonKeys(document)
        self._owned = frozenset(path[:end] for path in owned for end in range(1, len(path) + 1))
        self.duplicates: list[DuplicateKey] = []
        self.overridden: list[OverriddenKey] = []
        self.unknown: list[UnknownKey] = []
        self.scalars: list[TypedScalar] = []
        self._visit_keys(document.root, Route())
        self._visit(document.root, field or root_field(), Route(), path)

    def _visit_keys(self, node: Node | None, route: Route) -> None:
        """Visits every mapping once, where it is written, whatever its type."""
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self._visit_keys(item, route / index)
        if not isinstance(node, Mapping):
            return
        written: dict[str, list[tuple[Route, Node, bool]]] = {}  # the values of each key, and whether they are merged
        for entry in node.entries:
            members = self._keys.merged(entry.value) if entry.is_merge else {self._keys.name(entry): entry.value}
            for name, value in members.items():
                written.setdefault(name, []).append((_route_of(entry, route), value, entry.is_merge))
        for name, values in written.items():
            if len(values) > 1:
                self._compare(name, values)
        for entry in node.entries:
            self._visit_keys(entry.value, _route_of(entry, route))

    def _compare(self, name: str, values: list[tuple[Route, Node, bool]]) -> None:
        """Of several values of one key, in file order, the last one is used."""
        winner, value, is_merged = values[-1]
        first, *further = [value for value in values if not value[-1]] or [values[-2]]
        self.duplicates += [DuplicateKey(route, first[0], winner, name) for route, _, _ in further]
        loser, other, was_merged = further[-1] if further else first
        source = self.document.source
        if is_merged and not same(construct(other, source), construct(value, source)):
            self.overridden.append(OverriddenKey(loser, winner, name, was_merged))

    def _visit(self, node: Node | None, of: Field, route: Route, path: TypePath) -> None:
        """Visits what Tarmak decodes, with aliases followed and merges applied."""
        node = node if node is None else dereference(node)
        if isinstance(node, Scalar):
            self.scalars.append(TypedScalar(route, path, of, node, self._keys.plain(node)))
        elif isinstance(node, Sequence) and of.kind == "list" and of.of is not None:
            for index, item in enumerate(node.items):
                self._visit(item, of.of, route / index, (*path, ITEM))
        elif isinstance(node, Mapping) and of.kind in ("map", "struct"):
            members, entries = dict(self._keys.members(node)), {id(entry.value): entry for entry in node.entries}
            for name, child in members.items() if not self._keys.is_json else self._keys.members(node):
                entry, below = entries.get(id(child)), of.below(name)
                # The route of a merged member is its name alone.
                here = route / Key(name) if entry is None or entry.is_merge else _route_of(entry, route)
                if below is not None:
                    self._visit(child, below, here, (*path, ITEM if of.kind == "map" else name))
                elif not self._is_known_elsewhere(name, child, path, of):
                    self._add_unknown(UnknownKey(here, name, path, of.struct, frozenset(members)), child, of)

    def _add_unknown(self, key: UnknownKey, node: Node, of: Field) -> None:
        guess = None
        if len(self.unknown) < MOST_SEARCHED:
            others = {path[-1] for path in self._owned if path[:-1] == key.parent}
            guess = suggest_key(key.name, node, key.parent, key.struct, key.siblings, others)
        self.unknown.append(key._replace(guess=guess))
        if guess is not None and guess.is_sure and guess.path[:-1] == key.parent and guess.path[-1] in of.fields:
            # The keys below it belong to the same struct, and may be wrong too.
            self._visit(node, of.fields[guess.path[-1]], key.route, guess.path)

    def _is_known_elsewhere(self, name: str, node: Node, path: TypePath, of: Field) -> bool:
        """Whether it is a plugin's key, an extension (`x-...`), a top-level key with anchors that are used, or one that
        matches ignoring case."""
        if not path and fold(name) in _HEAD:
            return True
        if spelled_otherwise(name, of.fields) is not None:
            return False
        if name.startswith("x-") or (*path, name) in self._owned:
            return True
        return not path and any(id(below) in self._targets for below in walk(node))

    @cached_property
    def _targets(self) -> set[int]:
        """The nodes that aliases refer to."""
        nodes = walk(self.document.root) if self.document.root is not None else ()
        return {id(dereference(node)) for node in nodes if dereference(node) is not node}


def _route_of(entry: Entry, route: Route) -> Route:
    return route / Key(entry.text or "", entry.occurrence)


def check_spelling(content: IgnoredContent, route: Route, command_line: CommandLine) -> None:
    """Raises EditRefused if an edit at the route would add a key that is there already, but misspelt or misplaced."""
    home = route
    while home.steps and not content.document.has(home):
        home = home.parent
    for key in content.unknown:
        target, here = key.certain_target or (), key.route.plain
        if len(target) > len(home.plain) and route.plain[: len(target)] == target and here[: len(home)] == home.plain:
            raise EditRefused(
                f"Tarmak ignores {quoted(key.name)} {key.place_text}, and the edit would add another key",
                remedy=f"{key.question} Correct it first, by hand or with "
                f"`{command_line.tarmak_iam('check --fix --unsafe-fixes')}`",
                place=content.document.position(key.route, at_key=True),
            )
