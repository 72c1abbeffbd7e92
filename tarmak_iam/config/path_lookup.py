"""Which key of a file a path means, which type Tarmak gives it, and what to write instead where it means none."""

from __future__ import annotations

import json
from collections.abc import Sequence as SequenceOf
from typing import Any, NoReturn

from tarmak_iam.config.item_names import is_null, items_of, names_of, node_at, scalar_texts
from tarmak_iam.config.key_paths import ROOT, IndexStep, KeyPath, KeyStep, MatchStep, NameStep, PathStep, joined
from tarmak_iam.config.key_suggestions import suggest_key
from tarmak_iam.config.section_keys import SectionKey, block_of, key_named, keys_of, load_sections
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import ITEM, Field, TypePath, field_at, fields_of, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route, Step
from tarmak_iam.suggestions import choose_among, closest
from tarmak_iam.text import brief_list, quoted, shortened

CLUSTER: TypePath = ("clusters", ITEM)
"""The type path of a cluster, which relative paths begin at."""

_DIGITS = 4
"""Fewer digits than that are taken for an index."""


APPEND_ONE = "append one"
"""The remedy for a list without items."""


class NoSuchItem(SelectionError):
    """A list of the file has no item that a path means. `is_last`: it is the end of the path, and not an index."""

    is_last = False


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What a path means in a document. `node` is None if nothing is written there.

    `field` is Tarmak's type, None for a key that Tarmak does not know. `is_unknown`: neither Tarmak nor a plugin knows
    it, and its name does not begin with `x-`.
    """

    path: KeyPath
    route: Route
    type_path: TypePath
    field: Field | None
    node: Node | None
    is_unknown: bool = False

    @property
    def is_set(self) -> bool:
        """Whether it has a value; null is no value, as for Tarmak."""
        return not is_null(self.node)

    @property
    def section(self) -> Section[Any] | None:
        """The installed section that the key is, or is in."""
        path = self.type_path[len(CLUSTER) :] if self.type_path[: len(CLUSTER)] == CLUSTER else ()
        return next((each for each in load_sections() if path[: len(each.path)] == each.path), None)

    @property
    def section_key(self) -> SectionKey | None:
        """The key of an installed section, if the path means one with a value. Raises SelectionError for a key that a
        plugin's section does not have."""
        section = None if ITEM in self.type_path[len(CLUSTER) :] else self.section
        below = () if section is None else self.type_path[len(CLUSTER) + len(section.path) :]
        if section is None or not below:
            return None
        if field_at("Cluster", section.path) is None:
            key = key_named(section, ".".join(below))
            return None if block_of(key.field) is not None else key
        return next((key for key in keys_of(section) if key.path == below), None)


def look_up(
    document: Document,
    base: Route,
    path: KeyPath,
    *,
    unknown: bool = False,
    advice: str = "",
) -> FoundKey:
    """The key that a path means. `base` is the route of the cluster that a relative path begins at.

    Raises SelectionError for a path that selects nothing (NoSuchItem for an item of a list) or several items,
    and unless `unknown` for a key that Tarmak does not know and that is not in the file. `advice` is
    added to its message if no key is similar.
    """
    begin = Route() if path.is_absolute else base
    return _Lookup(document, begin, path, unknown=unknown, advice=advice).found()


def kind_text(field: Field | None, node: Node | None = None) -> str:
    """A type in words, as in `a whole number`; that of the node if Tarmak does not know the key."""
    if field is not None:
        return "a mapping" if field.kind in ("map", "struct") else field.name
    node = None if node is None else dereference(node)
    return "a list" if isinstance(node, Sequence) else "a mapping" if isinstance(node, Mapping) else "a single value"


class _Lookup:
    def __init__(self, document: Document, base: Route, path: KeyPath, *, unknown: bool, advice: str) -> None:
        self._document, self._path, self._allows_unknown, self._advice = document, path, unknown, advice
        self._steps: list[Step] = list(base.steps)
        self._node = document.node(base)
        self._field: Field | None = root_field()
        self._type_path: TypePath = ()
        for step in base.steps:
            self._descend(ITEM if isinstance(step, int) else step.text)
        self._is_unknown = False
        self._step: PathStep | None = None

    def found(self) -> FoundKey:
        for number, step in enumerate(self._path.steps):
            self._step = step
            if isinstance(step, KeyStep):
                self._key(number, step)
            else:
                self._item(number, step)
        route = Route(tuple(self._steps))
        return FoundKey(self._path, route, self._type_path, self._field, self._node, self._is_unknown)

    def _descend(self, step: str) -> None:
        self._type_path = (*self._type_path, step)
        self._field = None if self._field is None else self._field.below(step)

    def _key(self, number: int, step: KeyStep) -> None:
        field, node = self._field, self._value()
        if field is None:
            if node is not None and not isinstance(node, Mapping) and not is_null(node):
                self._no_mapping(number, step, node)
        elif field.kind not in ("struct", "map"):
            self._no_mapping(number, step, node)
        entry = node.effective(step.name) if isinstance(node, Mapping) else None
        if field is not None and field.kind == "struct" and step.name not in fields_of(field.struct):
            self._check_known(number, step, is_written=entry is not None)
        self._node = None if entry is None else entry.value
        self._steps.append(Key(step.name))
        self._descend(ITEM if field is not None and field.kind == "map" else step.name)

    def _value(self) -> Node | None:
        return None if self._node is None else dereference(self._node)

    def _check_known(self, number: int, step: KeyStep, *, is_written: bool) -> None:
        if step.name.startswith("x-") or self._is_of_plugin(step.name):
            return
        if not is_written and not self._allows_unknown:
            self._fail_unknown(number, step)
        self._is_unknown = True

    def _is_of_plugin(self, name: str) -> bool:
        path = (*self._type_path, name)
        owned = [(*CLUSTER, *section.path) for section in load_sections()]
        return any(path == each[: len(path)] for each in owned)

    # --- items of lists

    def _item(self, number: int, step: PathStep) -> None:
        field, node = self._field, self._value()
        is_list = isinstance(node, Sequence) if field is None else field.kind == "list"
        if not is_list:
            self._no_list(number, step, node)
        items = items_of(node)
        of = None if field is None else field.of
        if isinstance(step, IndexStep):
            index = self._index(number, step, len(items))
        else:
            index = self._chosen(number, step, items, of)
        self._node = items[index]
        self._steps.append(index)
        self._descend(ITEM)

    def _index(self, number: int, step: IndexStep, length: int) -> int:
        index = step.index + length if step.index < 0 else step.index
        if 0 <= index < length:
            return index
        where = self._path.up_to(number)
        if not length:
            raise self._no_item(f"{where} has no items, so there is no item {step.index}", APPEND_ONE)
        count = f"{length} item{'' if length == 1 else 's'}"
        remedy = f"use an index from 0 to {length - 1}, or -1 for the last" if length > 1 else "use the index 0"
        raise self._no_item(f"{where} has {count}, so there is no item {step.index}", remedy)

    def _chosen(self, number: int, step: PathStep, items: SequenceOf[Node], of: Field | None) -> int:
        if isinstance(step, NameStep):
            found = [index for index, item in enumerate(items) if step.name in names_of(item, of)]
        else:
            assert isinstance(step, MatchStep)
            found = [index for index, item in enumerate(items) if _matches(item, step)]
        if len(found) == 1:
            return found[0]
        where = self._path.up_to(number)
        if found:
            which = [f"{where}[{index}] ({self._position(index)})" for index in found]
            what = f"{where}{step} means {len(found)} items"
            raise SelectionError(what, remedy=f"choose one of {brief_list(which)}", place=self._place)
        if not items:
            raise self._no_item(f"{where} has no items, so there is no {where}{step}", APPEND_ONE)
        rest = self._after(self._path.steps[number + 1 :])
        if isinstance(step, MatchStep):
            raise self._no_match(where, step, rest, items, of)
        raise self._no_name(where, step.name, rest, items, of)

    def _position(self, index: int) -> Place:
        return self._document.position(Route((*self._steps, index)))

    def _no_name(self, where: str, name: str, rest: str, items: SequenceOf[Node], of: Field | None) -> NoSuchItem:
        named = {names[-1]: index for index, item in enumerate(items) if (names := names_of(item, of))}
        known = {each: index for index, item in enumerate(items) for each in names_of(item, of)}
        near = closest(name, known)
        what = f"{where} has no item {quoted(name)}"
        if near is not None:
            return self._no_item(what, f"did you mean {where}{NameStep(near)}{rest} ({self._position(known[near])})?")
        if not named:
            return self._no_item(what, f"its items have no names: use an index, as in {where}[0]{rest}")
        which = [f"{shortened(each)} ({self._position(index)})" for each, index in named.items()]
        return self._no_item(what, f"it has {brief_list(which)}")

    def _no_match(
        self, where: str, step: MatchStep, rest: str, items: SequenceOf[Node], of: Field | None
    ) -> SelectionError:
        what = f"{where} has no item with {'.'.join(step.keys)} {quoted(step.value)}"
        if of is not None and of.kind == "struct" and field_at(of.struct, step.keys) is None:
            known = [".".join(keys) for keys in _scalar_paths(of.struct)]
            return self._error(
                f"{what}: its items have no key {quoted('.'.join(step.keys))}", choose_among(".".join(step.keys), known)
            )
        texts = {node.text: None for item in items if isinstance(node := node_at(item, step.keys), Scalar)}
        near = closest(step.value, texts)
        if near is not None:
            return self._no_item(what, f"did you mean {where}{MatchStep(step.keys, near)}{rest}?")
        return self._no_item(what, f"it has {brief_list(map(shortened, texts))}" if texts else "no item has that key")

    # --- errors

    def _no_mapping(self, number: int, step: KeyStep, node: Node | None) -> NoReturn:
        where, field = self._path.up_to(number), self._field
        rest = self._path.steps[number:]
        what = f"{where} is {kind_text(field, node)}, so it has no key {quoted(step.name)}"
        if isinstance(node, Sequence) or (field is not None and field.kind == "list"):
            items = items_of(node)
            names = [names[-1] for item in items if (names := names_of(item, None if field is None else field.of))]
            if step.name in names or (step.name.isdecimal() and len(step.name) < _DIGITS):
                self._fail(what, f"write {where}[{step.name}]{self._after(rest[1:])}")
            example = NameStep(names[0]) if names else IndexStep(0)
            self._fail(what, f"choose an item first, as in {where}{example}{self._after(rest)}")
        above = self._path.steps[number - 1] if number else None
        if isinstance(above, KeyStep) and self._is_in_map(number):
            texts = [each.name for each in self._path.steps[number - 1 :] if isinstance(each, KeyStep)]
            key = KeyStep(".".join(texts))
            self._fail(what, f"if the dots are part of the key, write {self._path.up_to(number - 1)}.{key}")
        self._fail(what, f"write {where}")

    def _is_in_map(self, number: int) -> bool:
        """Whether the value is one of a mapping with free keys."""
        return self._type_path[-1:] == (ITEM,) and isinstance(self._path.steps[number - 1], KeyStep)

    def _after(self, steps: SequenceOf[PathStep]) -> str:
        text = joined(tuple(steps))
        return f".{text}" if text and isinstance(steps[0], KeyStep) else text

    def _no_list(self, number: int, step: PathStep, node: Node | None) -> NoReturn:
        where = self._path.up_to(number)
        if self._field is None and is_null(node):
            raise self._no_item(f"{where} is not set, so there is no {where}{step}", APPEND_ONE)
        kind = kind_text(self._field, node)
        remedy = f"write {where}"
        if kind == "a mapping" and isinstance(step, NameStep):
            remedy = f"write {where}.{KeyStep(step.name)}{self._after(self._path.steps[number + 1 :])}"
        self._fail(f"{where} is {kind}, not a list", remedy)

    def _fail_unknown(self, number: int, step: KeyStep) -> NoReturn:
        assert self._field is not None
        place = "at the top level" if not self._type_path else f"in {self._path.up_to(number)}"
        what = f"Tarmak does not know the key {quoted(step.name)} {place}"
        rest = self._after(self._path.steps[number + 1 :])
        if "/" in step.name:
            head = self._path.text[: step.column - 1]
            self._fail(what, f"write dots between keys: {head}{self._path.text[step.column - 1 :].replace('/', '.')}")
        if step.name == "$" and not number and rest.startswith("."):
            self._fail(what, f"write {ROOT if self._path.is_absolute else ''}{rest[1:]}")
        if self._type_path == CLUSTER and not number:
            if any(step.name == name for each in items_of(self._document.node(("clusters",))) for name in _names(each)):
                self._fail(what, f"did you mean {ROOT}clusters{NameStep(step.name)}{rest}?")
            top = closest(step.name, fields_of(root_field().struct))
            if top is not None and top not in fields_of(self._field.struct):
                self._fail(what, f"did you mean {ROOT}{top}{rest}?")
        sketch = _sketch(self._path.steps[number + 1 :])
        guess = suggest_key(step.name, sketch, self._type_path, self._field.struct, ())
        if guess is None or (guess.path[: len(CLUSTER)] != CLUSTER and not self._path.is_absolute):
            known = choose_among(step.name, fields_of(self._field.struct))
            self._fail(what, f"{known}; {self._advice}" if self._advice else known)
        meant = f"{self._spelled(guess.path, number)}{rest}"
        relative = meant.removeprefix(f"{ROOT}clusters[NAME].")
        also = f", or {relative} of the selected cluster" if relative != meant and self._path.text[:1] == ROOT else ""
        self._fail(what, f"did you mean {meant}{also}?")

    def _spelled(self, path: TypePath, number: int) -> str:
        """A path of types, with the items that this path goes through."""
        shown, here = "", 0 if self._path.is_absolute else len(CLUSTER)
        own = [self._path.steps[index] for index in range(number)]
        common = path[:here] == self._type_path[:here]
        for index, step in enumerate(path[here:] if common else path):
            used = own[index] if common and index < len(own) and _same_kind(own[index], step) else None
            shown += (
                str(used) if used is not None and step == ITEM else "[NAME]" if step == ITEM else f".{KeyStep(step)}"
            )
            common = common and used is not None
        text = shown.removeprefix(".")
        return f"/{text}" if self._path.is_absolute else text

    def _no_item(self, what: str, remedy: str) -> NoSuchItem:
        error = NoSuchItem(what, remedy=remedy, place=self._place)
        last = self._path.steps[-1]
        error.is_last = self._step is last and not isinstance(last, IndexStep)
        return error

    def _fail(self, what: str, remedy: str) -> NoReturn:
        raise self._error(what, remedy)

    def _error(self, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._place)

    @property
    def _place(self) -> Place:
        return self._document.position(Route(tuple(self._steps)))


def _names(cluster: Node) -> tuple[str, ...]:
    return names_of(cluster, Field("struct", struct="Cluster"))


def _same_kind(own: PathStep, step: str) -> bool:
    return own.name == step if isinstance(own, KeyStep) else step == ITEM


def _matches(item: Node, step: MatchStep) -> bool:
    node = node_at(item, step.keys)
    return isinstance(node, Scalar) and not is_null(node) and step.value in scalar_texts(node)


def _scalar_paths(struct: str) -> list[TypePath]:
    """The keys of a struct by which an item may be chosen."""
    found: list[TypePath] = []
    for name, field in fields_of(struct).items():
        if field.is_scalar:
            found.append((name,))
        elif field.struct == "ObjectMeta":
            found.append((name, "name"))
    return found


def _sketch(steps: SequenceOf[PathStep]) -> Node:
    """A node of the shape that further steps ask for: which key was meant depends on it."""
    value: Any = None
    for step in reversed(steps):
        value = {step.name: value} if isinstance(step, KeyStep) else [value]
    node = Document.parse(json.dumps({"value": value})).node(("value",))
    assert node is not None
    return node
