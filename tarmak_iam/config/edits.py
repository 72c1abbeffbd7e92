"""Edits of any key of tarmak.yaml: by path, typed as Tarmak types them, made together and checked once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tarmak_iam.config.cluster import check_masters
from tarmak_iam.config.edit_checks import FORK, check_edit, check_patch, place_before
from tarmak_iam.config.ignored_content import check_spelling
from tarmak_iam.config.key_paths import KeyPath, KeyStep, NameStep, PathStep, joined
from tarmak_iam.config.path_lookup import (
    UNSET,
    FoundKey,
    Keys,
    NoSuchItem,
    is_null,
    items_of,
    kind_text,
    look_up,
    names_of,
    naming_keys,
    texts_at,
    written_value,
)
from tarmak_iam.config.removals import reads_differently, removals
from tarmak_iam.config.section_keys import checked_value, text_value, with_whole_number, yaml_value
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.document import Append, Document, Remove, Set
from tarmak_iam.document.document import home_of
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.plain_values import construct, plain, same, value_at
from tarmak_iam.document.render import scalar_text, yaml_bytes
from tarmak_iam.errors import ConfigError, EditRefused, SelectionError
from tarmak_iam.routes import Route
from tarmak_iam.text import brief_list, closest, quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.config import TarmakConfig

Verb = Literal["set", "append", "unset", "patch"]


class KeyEdit(NamedTuple):
    """One edit. `base` is the route of the cluster that a relative path begins at. `is_text`: the value is a text of
    the command line."""

    verb: Verb
    path: KeyPath
    base: Route
    value: Any = None
    is_text: bool = False


class _Change(NamedTuple):
    """What an edit changes: the number and path of that edit, the route at which the text changes, and how."""

    number: int
    path: str
    home: Route
    edit: ValueEdit


def edited_file(
    file: TarmakConfig, edits: Iterable[KeyEdit], *, force: bool = False, through_alias: bool = False
) -> TarmakConfig:
    """The file with all edits made; the same one if nothing changes. Raises as `ConfigEdits.apply`."""
    batch = _Batch(file, force=force, through_alias=through_alias)
    for number, edit in enumerate(edits, 1):
        batch.add(number, edit)
    return batch.result()


class _Batch:
    """The edits of a file as it is: every path is looked up in it, whatever the other edits change. Two edits that
    touch each other are refused, so that their order does not matter. Those that remove are made last, the last items
    of lists first, so that no item has another index when it is edited."""

    def __init__(self, file: TarmakConfig, *, force: bool, through_alias: bool) -> None:
        self._file, self._document = file, file.document
        self._force, self._through_alias = force, through_alias
        self._number = 0
        self._at: dict[tuple[str | int, ...], _Change] = {}
        self._below: dict[tuple[str | int, ...], _Change] = {}
        self._changes: list[_Change] = []
        self._appended: defaultdict[Route, list[Any]] = defaultdict(list)
        self._hints: list[str] = []

    def add(self, number: int, edit: KeyEdit) -> None:
        self._number = number
        try:
            target = look_up(self._document, edit.base, edit.path, unknown=self._force, advice=FORK)
        except NoSuchItem as missing:
            if edit.verb == "unset" and missing.is_last:
                return  # there is nothing to remove
            if edit.verb != "unset" and not missing.meant:
                missing.remedy = "; ".join(filter(None, (missing.remedy, "to add an item, use append")))
            raise
        route, path = target.route, str(target.path)
        self._check_duplicates(route)
        if edit.verb != "unset":
            self._check_writable(route, path, edit.verb)
            if target.is_unknown and not self._force:
                what = f"Tarmak does not know {path}, and would ignore it"
                raise ConfigError(what, remedy=FORK, place=self._document.position(route, at_key=True))
        if edit.verb in ("set", "unset") and not target.path.steps:
            remedy = "set its keys, or use patch" if edit.verb == "set" else "unset its keys"
            raise self._refused(route, f"a whole cluster or file cannot be {edit.verb}", remedy)
        if edit.verb == "unset":
            self._change(path, Remove(route), is_needed=target.node is not None)
        elif edit.verb == "set":
            self._set_key(target, edit)
        elif edit.verb == "append":
            self._append(target, edit)
        else:
            with self._placed(route):
                value = checked_value(edit.value, target.field, joined(target.path.steps))
                document = Document.parse(yaml_bytes(value), json=False)
                check_patch(document, target.field, target.type_path, force=self._force)
            self._merge(value, route, target.field, 0 if edit.path.is_absolute else len(edit.base))

    def result(self) -> TarmakConfig:
        homes = [change.home for change in self._changes if isinstance(change.edit, Remove)]
        writes = [change.edit for change in self._changes if not isinstance(change.edit, Remove)]
        removed = removals(self._document, homes, [Route.of(edit.path) for edit in writes])
        edits = [edit._replace(through_alias=self._through_alias) for edit in (*writes, *removed)]
        try:
            document = self._document.edit(*edits)
        except EditRefused:
            for edit in edits:  # alone it is refused with its place in the file, and without a number
                self._document.edit(edit)
            raise
        items: defaultdict[Route, set[int]] = defaultdict(set)
        for home in homes:
            if isinstance(home.steps[-1], int):
                items[home.parent].add(home.steps[-1])
        others = [Route.of(change.edit.path) for change in self._changes if not isinstance(change.edit, Append)]
        routes = [*(change.home for change in self._changes), *others]
        edited = [route for before in routes if (route := _route_after(before, items)) is not None]
        try:
            after = self._file.with_document(document)
        except ConfigError as error:  # its place is in a text that is not written
            place = place_before(self._document, document, edited[0] if edited else Route())
            raise ConfigError(f"the edit was refused: {error.what}", remedy=error.remedy, place=place) from None
        if document.text == self._document.text:
            return self._file
        for change in self._changes:
            new = _route_after(change.home, items) if isinstance(change.edit, Remove) else None
            if new is not None and not is_null(document.node(new)):
                what = f"{change.path} would then get the value of a merge key (<<)"
                raise EditRefused(what, remedy="edit the merged mapping", place=self._document.position(change.home))
        try:
            check_edit(self._file, after, edited, force=self._force)
        except ConfigError as error:
            error.remedy = "; ".join(filter(None, (error.remedy, *dict.fromkeys(self._hints))))
            raise
        return after

    def _change(self, path: str, edit: ValueEdit, home: Route | None = None, *, is_needed: bool = True) -> None:
        """Adds a change, unless the same one is there already or nothing needs to be done. Raises SelectionError if it
        touches another one."""
        home = self._home(edit) if home is None else home
        change, here = _Change(self._number, path, home, edit), home.plain
        ways = [here[:end] for end in range(len(here) + 1)]
        other = next((self._at[way] for way in ways if way in self._at), self._below.get(here))
        if other is None:
            self._at[here] = change
            for way in ways[:-1]:
                self._below.setdefault(way, change)
            self._changes += [change] if is_needed else []
            return
        values = [plain(getattr(value_edit, "value", None)) for value_edit in (other.edit, edit)]
        if here not in self._at or not same(*values):
            numbers = f"edit {other.number} ({other.path}) and edit {self._number} ({path})"
            what = f"{numbers} change the same part of the file"
            raise self._refused(home, what, "make one of them separately, on the edited file")

    def _home(self, edit: ValueEdit) -> Route:
        """The route at which an edit changes the text."""
        return home_of(self._document, edit) if self._through_alias else Route.of(edit.path)

    # --- the kinds of edits

    def _set_key(self, target: FoundKey, edit: KeyEdit) -> None:
        with self._placed(target.route):
            value = checked_for(target, edit.value, is_text=edit.is_text)
        names = () if target.node is None else names_of(target.node, target.field)
        if names and isinstance(target.path.steps[-1], NameStep) and isinstance(value, dict):
            name = _name_of(value, target.field)
            if name not in names:
                what = f"the value is named {quoted(name)}" if name else "the value has no name"
                remedy = f"set its {_naming_text(target.field)} to {shortened(names[0])}"
                raise self._refused(target.route, f"{what}, not {quoted(names[0])}", remedy)
        present = written_value(self._document, target)
        if target.field is not None and present is not UNSET:
            present = with_whole_number(present, target.field)
        # Tarmak may read that value already, possibly through a merge key, or as 60 from 6e+1.
        is_set = same(present, plain(value)) and not reads_differently(self._document, target.route)
        self._change(str(target.path), Set(target.route, value, rewrite=True), is_needed=not is_set)

    def _append(self, target: FoundKey, edit: KeyEdit) -> None:
        field, path = target.field, target.path
        is_list = field.kind == "list" if field is not None else not target.is_set or bool(items_of(target.node))
        if not is_list:
            what = f"{path} is {kind_text(field, target.node)}, not a list"
            raise self._refused(target.route, what, "use set for a value that is not a list")
        of, name = None if field is None else field.of, f"the new item of {path}"
        with self._placed(target.route):
            value = _checked(edit.value, of, name, is_text=edit.is_text)
        present = written_value(self._document, target)
        items = present if isinstance(present, list) else []
        self._add_item(str(path), Append(target.route, value), of, items, len(items))

    def _add_item(self, path: str, edit: Append, of: Field | None, present: SequenceOf[Any], length: int) -> None:
        """Appends an item to a list, unless that has it."""
        home = self._home(edit)
        appended = self._appended[home]
        for index, item in enumerate((*present, *appended)):
            if same(item, plain(edit.value)):
                if index < len(present):
                    self._change(path, edit, home / index, is_needed=False)
                return
            name = _name_of(edit.value, of)
            environments = [value_at(plain(other), ["environment"]) for other in (item, edit.value)]
            if name and name == _name_of(item, of) and environments[0] == environments[1]:
                what = f"{path} has an item {quoted(name)} already, with other values"
                remedy = f"set the keys of {path}{NameStep(name)}, or use patch"
                raise ConfigError(what, remedy=remedy, place=self._document.position(home / index))
        new = home / (length + len(appended))
        appended.append(plain(edit.value))
        self._change(path, edit, new)

    def _merge(self, value: Any, route: Route, field: Field | None, base: int) -> None:
        """Merges a value into what is at a route: mappings are merged, items of lists by their names, and null removes.
        Paths in messages begin after `base` steps. Raises SelectionError for an item of a list that has no name, or the
        name of several items."""
        node, path = self._document.node(route), str(Route(route.steps[base:]))
        node = None if node is None else dereference(node)
        of = None if field is None or not isinstance(value, (list, tuple)) else field.of
        identities = self._identities(value, route, of, path) if of is not None and naming_keys(of.struct) else None
        is_present = node is not None and same(construct(node, self._document.source), without_nulls(value))
        if isinstance(value, Mapping) and isinstance(node, MappingNode) and node.entries:
            for key, child in value.items():
                below = route / (key if isinstance(key, str) else scalar_text(key))
                if child is not None:
                    self._merge(child, below, None if field is None else field.below(*below.plain[-1:]), base)
                elif self._document.node(below) is not None:
                    self._change(str(Route(below.steps[base:])), Remove(below))
        elif not is_present and identities is not None and of is not None and items_of(node):
            for number, (item, wanted) in enumerate(zip(value, identities, strict=True)):
                self._merge_item(item, wanted, f"item {number} of {path} in the patch", route, of, base)
        elif not is_present and (not value or without_nulls(value)):
            self._check_writable(route, str(Route(route.steps[2:])), "set")
            self._change(path, Set(route, without_nulls(value)))

    def _identities(self, items: SequenceOf[Any], route: Route, of: Field, path: str) -> list[dict[Keys, str]]:
        identities = [_identity(item, of) for item in items]
        for number, wanted in enumerate(identities):
            if wanted and wanted in identities[:number]:  # only one of them would stay
                what = f"items {identities.index(wanted)} and {number} of {path} in the patch have the same name"
                raise self._refused(route, what, "keep one of them")
        if not items and items_of(self._document.node(route)):
            what = f"{path} is empty in the patch: items are merged by name, so nothing would change"
            raise self._refused(route, what, "use null to remove the list, or set to replace it")
        return identities

    def _merge_item(self, value: Any, wanted: dict[Keys, str], name: str, route: Route, of: Field, base: int) -> None:
        items, path = items_of(self._document.node(route)), Route(route.steps[base:])
        if not wanted:
            raise self._refused(route, f"{name} has no name", f"set its {_naming_text(of)}")
        chosen = [
            index
            for index, item in enumerate(items)
            if all(text in texts_at(item, keys) for keys, text in wanted.items())
        ]
        if len(chosen) > 1:
            which = brief_list(f"{path / index} ({self._document.position(route / index)})" for index in chosen)
            raise self._refused(route, f"{name} means {len(chosen)} items: {which}", "rename one of them first")
        if chosen:
            self._merge(value, route / chosen[0], of, base)
            return
        self._add_item(str(path), Append(route, without_nulls(value)), of, (), len(items))
        shown = "-".join(reversed(wanted.values()))
        near = closest(shown, [name for item in items for name in names_of(item, of)])
        if near is not None:  # what is wrong with the new item may be its name
            question = f"did you mean {shortened(near)}?"
            if near == shown:  # `prod-blue` of a cluster, without an environment
                question = "write the environment and the metadata.name of the cluster"
            self._hints.append(f"{path} has no item {quoted(shown)}: {question}")

    # --- checks

    @contextmanager
    def _placed(self, route: Route) -> Iterator[None]:
        """Errors get the place of a route in the file."""
        try:
            yield
        except ConfigError as error:
            error.place = self._document.position(route)
            raise

    def _check_duplicates(self, route: Route) -> None:
        for key in self._file.ignored_content.duplicates if self._document.is_json else ():
            if route.plain[: len(key.route)] == key.route.plain:  # Tarmak merges both: none is the one to edit
                first, second = (self._document.position(twice, at_key=True).line for twice in (key.first, key.route))
                what = f"{quoted(key.name)} is in the file twice, in lines {first} and {second}: Tarmak merges both"
                raise self._refused(route, what, "keep one of them, then edit it")

    def _check_writable(self, route: Route, path: str, verb: str) -> None:
        """Refuses an edit that would add a key that is there, but misspelt, and one of a hub that has no effect."""
        if not self._force:
            check_spelling(self._file.ignored_content, route, self._file.command_line())
        if route.plain[:1] == ("clusters",) and route.plain[2:3] == ("kubernetes",):
            for cluster in self._file.clusters[int(route.plain[1]) :][:1]:
                remedy = f"{verb} it on the other clusters of the environment"
                check_masters(cluster, f"{path} would have no effect", remedy)

    def _refused(self, route: Route, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._document.position(route))


def checked_for(target: FoundKey, value: Any, *, is_text: bool) -> Any:
    """A value as it is written for a key; a text of the command line stands for one. Raises ConfigError."""
    key, name = target.section_key, str(target.path)
    if is_text and key is not None and target.field is None:
        value, is_text = value if key.is_text else yaml_value(value, octal_of=name), False
    return _checked(value, target.field, name, is_text=is_text)


def _checked(value: Any, field: Field | None, name: str, *, is_text: bool) -> Any:
    return checked_value(text_value(value, field, name) if is_text else value, field, name)


def _route_after(route: Route, removed: Mapping[Route, set[int]]) -> Route | None:
    """Where what is at a route is when items of lists are removed; None if one of them is on its way."""
    steps = list(route.steps)
    for depth, step in enumerate(route.steps):
        indices = removed.get(Route(route.steps[:depth]), set())
        if step in indices:
            return None
        if isinstance(step, int):
            steps[depth] = step - sum(index < step for index in indices)
    return Route(tuple(steps))


# --- names of items that are to be written


def _identity(item: Any, of: Field) -> dict[Keys, str]:
    """The values by which an item is found: of a cluster also its environment, since names repeat."""
    paths = (*naming_keys(of.struct), ("environment",)) if isinstance(item, Mapping) else ()
    values = [(keys, value_at(item, keys)) for keys in paths]
    texts = {keys: str(value) for keys, value in values if value is not None and not isinstance(value, (dict, list))}
    environment = texts.pop(("environment",), None)
    identity = dict(list(texts.items())[:1])
    if identity and environment is not None and of.struct == "Cluster":
        identity[("environment",)] = environment
    return identity


def _name_of(value: Any, field: Field | None) -> str:
    """The name of an item; empty if it has none."""
    return "" if field is None or not field.struct else next(iter(_identity(value, field).values()), "")


def _naming_text(field: Field | None) -> str:
    """The keys that name an item, for messages."""
    struct = field.struct if field is not None else ""
    return " or ".join(".".join(keys) for keys in naming_keys(struct)) if struct else quoted("name")


def named_items(value: Any, field: Field | None, steps: tuple[PathStep, ...] = ()) -> Iterator[KeyPath]:
    """The paths of the items of lists that a patch names."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from named_items(child, field and field.below(key), (*steps, KeyStep(str(key))))
    of = field and field.of
    for item in value if isinstance(value, list) else ():
        if name := _name_of(item, of):
            yield KeyPath("", (*steps, NameStep(name)))
            yield from named_items(item, of, (*steps, NameStep(name)))


def without_nulls(value: Any) -> Any:
    """The value without the keys that are null; a mapping that had only those is left out too."""
    if isinstance(value, Mapping):
        left = {key: (child, without_nulls(child)) for key, child in value.items() if child is not None}
        return {key: new for key, (old, new) in left.items() if new or not isinstance(old, Mapping) or not old}
    return [without_nulls(item) for item in value] if isinstance(value, (list, tuple)) else value
