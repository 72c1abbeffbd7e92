"""Which key of a file a path means, which type Tarmak gives it, and what to write instead where it means none."""

from __future__ import annotations

import json
from collections.abc import Sequence as SequenceOf
from typing import Any, NamedTuple

from tarmak_iam.config.item_names import is_null, items_of, names_of, node_at, scalar_texts
from tarmak_iam.config.key_paths import ROOT, IndexStep, KeyPath, KeyStep, MatchStep, NameStep, PathStep, joined
from tarmak_iam.config.key_suggestions import suggest_key
from tarmak_iam.config.section_keys import SectionKey, block_of, key_named, keys_of, load_sections, owned_paths
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import ITEM, Field, TypePath, field_at, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.routes import Key, Route, Step
from tarmak_iam.text import brief_list, choose_among, closest, quoted, shortened

CLUSTER: TypePath = ("clusters", ITEM)
"""The type path of a cluster, which relative paths begin at."""

_DIGITS = 4
"""Fewer digits than that are taken for an index."""


APPEND_ONE = "append one"
"""The remedy for a list without items."""


class NoSuchItem(SelectionError):
    """A list of the file has no item that a path means. `is_last`: it is the end of the path, and not an index."""

    is_last = False


class FoundKey(NamedTuple):
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
        return next((section for section in load_sections() if path[: len(section.path)] == section.path), None)

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
    return _Lookup(document, begin, path, unknown=unknown, advice=advice).found_key()


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
        self._type_path: TypePath = tuple(ITEM if isinstance(step, int) else step.text for step in base.steps)
        self._field = root_field().below(*self._type_path)
        self._node: Node | None = None
        self._is_unknown = False
        self._number = 0
        """That of the next step."""

    def found_key(self) -> FoundKey:
        node = self._document.node(Route(tuple(self._steps)))
        for number, step in enumerate(self._path.steps):
            self._number, self._node = number, None if node is None else dereference(node)
            if isinstance(step, KeyStep):
                node, type_step = self._key(step)
                self._steps.append(Key(step.name))
            else:
                index, type_step = self._index(step), ITEM
                node = items_of(self._node)[index]
                self._steps.append(index)
            self._type_path = (*self._type_path, type_step)
            self._field = None if self._field is None else self._field.below(type_step)
        route = Route(tuple(self._steps))
        return FoundKey(self._path, route, self._type_path, self._field, node, self._is_unknown)

    @property
    def _where(self) -> str:
        return self._path.up_to(self._number)

    def _rest(self, skipped: int = 1) -> str:
        """The steps after the next one, as they follow another step."""
        steps = self._path.steps[self._number + skipped :]
        return f"{'.' if steps and isinstance(steps[0], KeyStep) else ''}{joined(steps)}"

    def _error(self, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._document.position(Route(tuple(self._steps))))

    def _no_item(self, what: str, remedy: str) -> NoSuchItem:
        error = NoSuchItem(what, remedy=remedy, place=self._document.position(Route(tuple(self._steps))))
        last = self._path.steps[-1]
        error.is_last = self._number + 1 == len(self._path.steps) and not isinstance(last, IndexStep)
        return error

    # --- keys

    def _key(self, step: KeyStep) -> tuple[Node | None, str]:
        """The value of a key, and the step of its type path."""
        field, node = self._field, self._node
        is_mapping = isinstance(node, Mapping) or is_null(node) if field is None else field.kind in ("struct", "map")
        if not is_mapping:
            raise self._no_mapping(step)
        entry = node.effective(step.name) if isinstance(node, Mapping) else None
        if field is not None and field.kind == "struct" and step.name not in field.fields:
            path = (*self._type_path, step.name)
            is_owned = any(path == owned[: len(path)] for owned in owned_paths())
            if not step.name.startswith("x-") and not is_owned:
                if entry is None and not self._allows_unknown:
                    raise self._unknown(step, field)
                self._is_unknown = True
        is_free = field is not None and field.kind == "map"
        return None if entry is None else entry.value, ITEM if is_free else step.name

    def _no_mapping(self, step: KeyStep) -> SelectionError:
        field, node, where = self._field, self._node, self._where
        what = f"{where} is {kind_text(field, node)}, so it has no key {quoted(step.name)}"
        if isinstance(node, Sequence) or (field is not None and field.kind == "list"):
            of = None if field is None else field.of
            names = [names[-1] for item in items_of(node) if (names := names_of(item, of))]
            if step.name in names or (step.name.isdecimal() and len(step.name) < _DIGITS):
                return self._error(what, f"write {where}[{step.name}]{self._rest()}")
            example = NameStep(names[0]) if names else IndexStep(0)
            return self._error(what, f"choose an item first, as in {where}{example}{self._rest(0)}")
        is_in_map = self._type_path[-1:] == (ITEM,) and isinstance(self._path.steps[self._number - 1], KeyStep)
        if self._number and is_in_map:
            texts = [step.name for step in self._path.steps[self._number - 1 :] if isinstance(step, KeyStep)]
            whole = f"{self._path.up_to(self._number - 1)}.{KeyStep('.'.join(texts))}"
            return self._error(what, f"if the dots are part of the key, write {whole}")
        return self._error(what, f"write {where}")

    def _unknown(self, step: KeyStep, field: Field) -> SelectionError:
        rest = self._rest()
        what = f"Tarmak does not know the key {quoted(step.name)} "
        what += f"in {self._where}" if self._type_path else "at the top level"
        if "/" in step.name:
            head, tail = self._path.text[: step.column - 1], self._path.text[step.column - 1 :]
            return self._error(what, f"write dots between keys: {head}{tail.replace('/', '.')}")
        if step.name == "$" and not self._number and rest.startswith("."):
            return self._error(what, f"write {ROOT if self._path.is_absolute else ''}{rest[1:]}")
        if self._type_path == CLUSTER and not self._number:
            of = root_field().below(*CLUSTER)
            if any(step.name in names_of(item, of) for item in items_of(self._document.node(CLUSTER[:1]))):
                return self._error(what, f"did you mean {ROOT}clusters{NameStep(step.name)}{rest}?")
            top = closest(step.name, root_field().fields)
            if top is not None and top not in field.fields:
                return self._error(what, f"did you mean {ROOT}{top}{rest}?")
        sketch: Any = None  # which key was meant depends on what is below it
        for below in reversed(self._path.steps[self._number + 1 :]):
            sketch = {below.name: sketch} if isinstance(below, KeyStep) else [sketch]
        node = Document.parse(json.dumps({"value": sketch})).node(("value",))
        assert node is not None
        guess = suggest_key(step.name, node, self._type_path, field.struct, ())
        if guess is None or (guess.path[: len(CLUSTER)] != CLUSTER and not self._path.is_absolute):
            known = choose_among(step.name, field.fields)
            return self._error(what, f"{known}; {self._advice}" if self._advice else known)
        meant = f"{self._spelled(guess.path)}{rest}"
        relative = meant.removeprefix(f"{ROOT}clusters[NAME].")
        also = f", or {relative} of the selected cluster" if relative != meant and self._path.text[:1] == ROOT else ""
        return self._error(what, f"did you mean {meant}{also}?")

    def _spelled(self, path: TypePath) -> str:
        """A path of types, with the items that this path goes through."""
        begin = 0 if self._path.is_absolute else len(CLUSTER)
        is_common = path[:begin] == self._type_path[:begin]
        text = ""
        for index, step in enumerate(path[begin:] if is_common else path):
            taken = self._path.steps[index] if is_common and index < self._number else None
            is_common = taken is not None and (taken.name if isinstance(taken, KeyStep) else ITEM) == step
            text += (str(taken) if is_common else "[NAME]") if step == ITEM else f".{KeyStep(step)}"
        return f"{ROOT if self._path.is_absolute else ''}{text.removeprefix('.')}"

    # --- items of lists

    def _index(self, step: PathStep) -> int:
        field, where = self._field, self._where
        is_list = isinstance(self._node, Sequence) if field is None else field.kind == "list"
        if not is_list and field is None and is_null(self._node):
            raise self._no_item(f"{where} is not set, so there is no {where}{step}", APPEND_ONE)
        if not is_list:
            kind = kind_text(field, self._node)
            key = f".{KeyStep(step.name)}{self._rest()}" if kind == "a mapping" and isinstance(step, NameStep) else ""
            raise self._error(f"{where} is {kind}, not a list", f"write {where}{key}")
        length = len(items_of(self._node))
        if not isinstance(step, IndexStep):
            return self._chosen(step, None if field is None else field.of)
        index = step.index + length if step.index < 0 else step.index
        if 0 <= index < length:
            return index
        if not length:
            raise self._no_item(f"{where} has no items, so there is no item {step.index}", APPEND_ONE)
        count = f"{length} item{'' if length == 1 else 's'}"
        remedy = f"use an index from 0 to {length - 1}, or -1 for the last" if length > 1 else "use the index 0"
        raise self._no_item(f"{where} has {count}, so there is no item {step.index}", remedy)

    def _chosen(self, step: PathStep, of: Field | None) -> int:
        """The index of the item that has a name, or a value at a key."""
        items, where = items_of(self._node), self._where
        if isinstance(step, MatchStep):
            wanted, texts = step.value, [_texts_at(item, step.keys) for item in items]
        else:
            assert isinstance(step, NameStep)
            wanted, texts = step.name, [names_of(item, of) for item in items]
        chosen = [index for index, names in enumerate(texts) if wanted in names]
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            which = brief_list(f"{where}[{index}] ({self._position(index)})" for index in chosen)
            raise self._error(f"{where}{step} means {len(chosen)} items", f"choose one of {which}")
        if not items:
            raise self._no_item(f"{where} has no items, so there is no {where}{step}", APPEND_ONE)
        if isinstance(step, MatchStep):
            raise self._no_match(step, [names[0] for names in texts if names], of)
        places = {name: index for index, names in enumerate(texts) for name in names}
        near, what = closest(wanted, places), f"{where} has no item {quoted(wanted)}"
        if near is not None:
            meant = f"{where}{NameStep(near)}{self._rest()} ({self._position(places[near])})"
            raise self._no_item(what, f"did you mean {meant}?")
        if not places:
            raise self._no_item(what, f"its items have no names: use an index, as in {where}[0]{self._rest()}")
        named = {names[-1]: index for index, names in enumerate(texts) if names}
        which = brief_list(f"{shortened(name)} ({self._position(index)})" for name, index in named.items())
        raise self._no_item(what, f"it has {which}")

    def _position(self, index: int) -> Place:
        return self._document.position(Route((*self._steps, index)))

    def _no_match(self, step: MatchStep, texts: SequenceOf[str], of: Field | None) -> SelectionError:
        where, keys = self._where, ".".join(step.keys)
        what = f"{where} has no item with {keys} {quoted(step.value)}"
        if of is not None and of.kind == "struct" and of.below(*step.keys) is None:
            known = [name for name, field in of.fields.items() if field.is_scalar]
            known += [f"{name}.name" for name, field in of.fields.items() if field.struct == "ObjectMeta"]
            return self._error(f"{what}: its items have no key {quoted(keys)}", choose_among(keys, known))
        near = closest(step.value, texts)
        if near is not None:
            return self._no_item(what, f"did you mean {where}{MatchStep(step.keys, near)}{self._rest()}?")
        shown = brief_list(map(shortened, dict.fromkeys(texts)))
        return self._no_item(what, f"it has {shown}" if texts else "no item has that key")


def _texts_at(item: Node, keys: tuple[str, ...]) -> tuple[str, ...]:
    node = node_at(item, keys)
    return tuple(scalar_texts(node)) if isinstance(node, Scalar) and not is_null(node) else ()
