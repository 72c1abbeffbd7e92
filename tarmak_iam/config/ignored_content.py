"""The content that Tarmak ignores in tarmak.yaml without a message: duplicate, overridden and unknown keys; which key
was probably meant by an unknown one, by its spelling or from another place; and the file with such keys corrected."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tarmak_iam.aws.go_case import fold
from tarmak_iam.config.decode import JsonKeys
from tarmak_iam.config.tarmak_types import ITEM, NOT_WRITTEN, OTHER_WORDS, Field, TypePath, root_field, type_path
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import CLOSE, CommandLine, bare, closest, is_one_typo, is_slip, quoted, spelled_otherwise

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import ReadFile

_File = TypeVar("_File", bound="ReadFile")
_LONG = 8
"""The letters of a name that are too many to be another word with the same spelling."""
_CLOSE_ELSEWHERE = 0.88
_SHORT = 5
_SHORTEST = 3


class KeySuggestion(NamedTuple):
    """The path of the field that was probably meant. If `is_sure` is false, other fields are as likely, or it is only a
    guess. `fits` is whether the field accepts such a value."""

    path: TypePath
    is_sure: bool
    fits: bool = True


class UnknownKey(NamedTuple):
    """A key that Tarmak's struct at `parent` does not have. `siblings` are the keys of its mapping, `guess` is the key
    that was probably meant."""

    route: Route
    name: str
    parent: TypePath
    struct: str
    siblings: frozenset[str]
    guess: KeySuggestion | None = None

    @property
    def certain_target(self) -> tuple[str | int, ...] | None:
        """The path that was certainly meant; None for a guess, or if the place is ambiguous. There may be something
        already."""
        if self.guess is None or not self.guess.is_sure:
            return None
        here = self.route.plain[:-1]
        common = next((end for end in range(len(here), 0, -1) if type_path(here[:end]) == self.guess.path[:end]), 0)
        below = self.guess.path[common:]
        return None if ITEM in below else (*here[:common], *below)  # in the item that the key is in

    @property
    def question(self) -> str:
        """What was probably meant, as a remedy; empty if nothing is similar."""
        if self.guess is None:
            return ""
        name, home = self.guess.path[-1], self.guess.path[:-1]
        if home == self.parent and name in self.siblings:
            return f"{name} is already set: keep one of them"
        other = name if home == self.parent else _text(self.guess.path) if home else f"{name} at the top level"
        field = root_field().below(*self.guess.path)
        kind = "" if self.guess.fits or field is None else f", which must be {field.name}"
        return f"did you mean {other}{kind}?"

    @property
    def place_text(self) -> str:
        """Where it is, for messages."""
        return f"in {_text(self.parent)}" if self.parent else "at the top level"


def _text(path: TypePath) -> str:
    return ".".join(path).replace(f".{ITEM}", "[]")


def suggest_key(
    name: str, node: Node | None, parent: TypePath, struct: str, siblings: Iterable[str], others: Iterable[str] = ()
) -> KeySuggestion | None:
    """The key that was probably meant by a key of the struct at `parent`; None if nothing is similar. `node` is the
    value of the key, None if it may be any; `siblings` are the other keys of the same mapping, which were not meant;
    `others` are further names that are known there."""
    fields, short = Field("struct", struct=struct).fields, bare(name)
    node = None if node is None else dereference(node)
    same = spelled_otherwise(name, (*fields, *others))
    if same:
        return KeySuggestion((*parent, same), is_sure=True)
    if name == "name" and "metadata" in fields and "metadata" not in siblings and isinstance(node, Scalar | None):
        return KeySuggestion((*parent, "metadata", "name"), is_sure=True)  # where Kubernetes objects have it
    free = (set(fields) | set(others)) - set(siblings)
    fitting = {key for key in free if key not in fields or _shared_keys(node, fields[key]) is not None}
    here, elsewhere = _misspelt(name, fitting, parent), _elsewhere(name, node, parent)
    if elsewhere is not None and elsewhere.is_sure and (here is None or elsewhere.fits):
        return elsewhere
    if here or elsewhere:
        return here or elsewhere
    typos = [key for key in sorted(fields) if is_one_typo(short, bare(key))]
    if any(key in siblings for key in typos):
        return _misspelt(name, [key for key in typos if key in siblings], parent)
    if OTHER_WORDS.get(short) in free:
        return KeySuggestion((*parent, OTHER_WORDS[short]), is_sure=False)
    # Only long names that exist once: other names are similar to too many fields.
    unique = {key: places[0] for key, places in _places().items() if len(places) == 1 and len(key) >= _LONG}
    close = closest(name, unique, _CLOSE_ELSEWHERE)
    if close is not None and _shared_keys(node, unique[close][1]) is not None:
        return KeySuggestion(unique[close][0], is_sure=True)
    return KeySuggestion((*parent, typos[0]), is_sure=False, fits=False) if len(typos) == 1 else None


def _misspelt(name: str, known: Iterable[str], parent: TypePath) -> KeySuggestion | None:
    """A field that differs by one typo, the likeliest kind of typo first; else the most similar field. It is sure if
    enough letters are equal to exclude another word: `id` may mean anything, `enabld` may not."""
    short = bare(name)
    typos = sorted(
        (key for key in known if is_one_typo(short, bare(key))), key=lambda key: not is_slip(short, bare(key))
    )
    likely = typos[0] if typos else closest(name, set(known) - {"apiVersion", "kind"}, CLOSE)
    if likely is None:
        return None
    field = bare(likely)
    is_long = len(field) >= _SHORT or (_SHORTEST <= len(name) < len(field))
    # A part of a longer name, such as version in apiVersion, is another word.
    is_whole = abs(len(field) - len(short)) < _SHORTEST
    is_sure = len(typos) == 1 and (is_slip(short, field) or is_long) if typos else is_whole and is_long
    return KeySuggestion((*parent, likely), is_sure)


def _elsewhere(name: str, node: Node | None, parent: TypePath) -> KeySuggestion | None:
    """A field of that name in another place: with the most keys of the value, then the nearest one. A place above the
    key, or directly below it, is likely without any: the key is indented too far, or not far enough."""
    places = _places().get(bare(name), ())
    likely: list[tuple[tuple[int, int], TypePath, bool]] = []
    for path, field in places:
        shared, home = _shared_keys(node, field), path[:-1]
        common = next((end for end in range(len(home), 0, -1) if home[:end] == parent[:end]), 0)
        distance = len(home) + len(parent) - 2 * common
        is_near = common == len(home) or (common == len(parent) and distance <= 2)
        # A name that exists only once is hint enough.
        if len(places) == 1 or shared or (shared is not None and is_near):
            likely.append(((-(shared or 0), distance), path, shared is not None))
    likely.sort()
    if not likely or (len(likely) > 1 and likely[0][0] == likely[1][0]):
        return None
    (shared_keys, _), path, fits = likely[0]
    return KeySuggestion(path, shared_keys < 0 or (len(places) == 1 and len(bare(name)) >= _LONG), fits)


def _shared_keys(node: Node | None, field: Field) -> int | None:
    """How many keys of the value exist in the struct of the field; None if the field cannot hold the value."""
    if isinstance(node, Mapping) and field.kind == "struct":
        known, keys = {bare(key) for key in field.fields}, [bare(entry.text or "") for entry in node.entries]
        may_hold = not keys or any(key in known or is_one_typo(key, other) for key in keys for other in known)
        return sum(key in known for key in keys) if may_hold else None
    if isinstance(node, Scalar):
        value = resolve_v2(node)
        return 0 if value is None or (field.is_scalar and field.accepts(value)) else None
    return 0 if node is None or field.kind == ("list" if isinstance(node, Sequence) else "map") else None


@cache
def _places() -> dict[str, list[tuple[TypePath, Field]]]:
    """Every field that may be written by hand, by its bare name."""
    places: dict[str, list[tuple[TypePath, Field]]] = {}
    waiting: list[tuple[TypePath, Field]] = [((), root_field())]
    while waiting:
        path, field = waiting.pop()
        if field.kind == "list" and field.of is not None:
            waiting.append(((*path, ITEM), field.of))
        for name, child in field.fields.items() if field.struct not in NOT_WRITTEN else ():
            places.setdefault(bare(name), []).append(((*path, name), child))
            waiting.append(((*path, name), child))
    return places


def with_keys_corrected(file: _File, keys: Iterable[UnknownKey]) -> _File | None:
    """The file with each of these keys moved and renamed to what was certainly meant, unless that is there already.
    None if nothing changes, or if Tarmak could not read the result."""
    try:
        data = json.loads(json.dumps(file.document.data, default=str))
    except (TypeError, ValueError):
        return None
    is_changed = False
    # The deepest keys first: their paths are valid as long as no key above them is renamed.
    for key in sorted(keys, key=lambda key: -len(key.route)):
        (*above, name), target = key.route.plain, key.certain_target
        source, home = value_at(data, above), data
        for step in target[:-1] if target is not None else ():
            if isinstance(home, dict) and isinstance(step, str):
                home[step] = home.get(step) or {}
            home = value_at(home, [step]) if isinstance(home, dict) or isinstance(step, int) else None
        if target is not None and isinstance(source, dict) and isinstance(home, dict) and target[-1] not in home:
            is_changed = is_changed or name in source
            home |= {target[-1]: source.pop(name)} if name in source else {}
    try:
        return file.with_document(Document.parse(json.dumps(data), "tarmak.yaml")) if is_changed else None
    except TarmakIamError:
        return None


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
