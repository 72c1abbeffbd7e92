"""Edits of any key of tarmak.yaml: by path, typed as Tarmak types them, made together and checked once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from tarmak_iam.config.cluster import ReadFile, check_masters
from tarmak_iam.config.edit_checks import FORK, check_edit, check_patch, place_before
from tarmak_iam.config.item_names import items_of, names_of
from tarmak_iam.config.key_paths import KeyPath, MatchStep, NameStep, joined
from tarmak_iam.config.key_values import UNSET, written_value
from tarmak_iam.config.patches import AddedItem, Patch, name_of_value, naming_text
from tarmak_iam.config.path_lookup import FoundKey, NoSuchItem, kind_text, look_up
from tarmak_iam.config.section_edits import reads_differently, removals
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.config.typed_values import checked_value, text_value, with_whole_numbers
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Append, Document, Remove, Set
from tarmak_iam.document.document import home_of
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.plain_values import plain, same
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, EditRefused, SelectionError
from tarmak_iam.routes import Route, Step
from tarmak_iam.text import CommandLine, quoted, shortened

Verb = Literal["set", "append", "unset", "patch"]


class KeyEdit(NamedTuple):
    """One edit. `base` is the route of the cluster that a relative path begins at. `is_text`: the value is a text of
    the command line."""

    verb: Verb
    path: KeyPath
    base: Route
    value: Any = None
    is_text: bool = False


_File = TypeVar("_File", bound=ReadFile)


def edited_file(
    file: _File, edits: Iterable[KeyEdit], command_line: CommandLine, *, force: bool, through_alias: bool
) -> _File:
    """The file with all edits made; the same one if nothing changes. Remedies name commands of `command_line`. Raises
    as `ConfigEdits.apply`."""
    batch = _Batch(file, command_line, force=force, through_alias=through_alias)
    for edit in edits:
        batch.add(edit)
    return batch.result()


class _Touched(NamedTuple):
    """A place in the file that an edit touches: the number of that edit, its path, and the edit of the document."""

    number: int
    path: str
    edit: ValueEdit


class _Batch(Generic[_File]):
    """The edits of a file as it is: every path is looked up in it, whatever the other edits change. Two edits that
    touch each other are refused, so that their order does not matter. Those that remove are made last, the last items
    of lists first, so that no item has another index when it is edited."""

    def __init__(self, file: _File, command_line: CommandLine, *, force: bool, through_alias: bool) -> None:
        self._file, self._document, self._command_line = file, file.document, command_line
        self._force, self._through_alias = force, through_alias
        self._number = 0
        self._touched: dict[tuple[str | int, ...], _Touched] = {}
        self._touched_below: dict[tuple[str | int, ...], _Touched] = {}
        self._writes: list[ValueEdit] = []
        self._removed: list[Route] = []
        self._removed_items: defaultdict[Route, set[Step]] = defaultdict(set)
        self._appended: defaultdict[Route, list[Any]] = defaultdict(list)
        self._edited: list[Route] = []
        self._for_masters: list[tuple[Route, str, str]] = []
        self._added: list[AddedItem] = []

    def add(self, edit: KeyEdit) -> None:
        self._number += 1
        base = Route() if edit.path.is_absolute else edit.base
        try:
            target = look_up(self._document, base, edit.path, unknown=self._force, advice=FORK)
        except NoSuchItem as missing:
            if edit.verb == "unset" and missing.is_last:
                return  # there is nothing to remove
            raise
        self._check_single(target)
        if edit.verb != "unset":
            self._check_writable(target.route, str(target.path), edit.verb)
            if target.is_unknown and not self._force:
                what = f"Tarmak does not know {target.path}, and would ignore it"
                raise ConfigError(what, remedy=FORK, place=self._document.position(target.route, at_key=True))
        verbs = {"set": self._set_key, "append": self._append, "unset": self._unset, "patch": self._patch}
        verbs[edit.verb](target, edit)

    def result(self) -> _File:
        written = [Route.of(edit.path) for edit in self._writes]
        changes = (*self._writes, *removals(self._document, self._removed, written))
        edits = [change._replace(through_alias=self._through_alias) for change in changes]
        try:
            document = self._document.edit(*edits)
        except EditRefused:
            for change in edits:  # alone it is refused with its place in the file, and without a number
                self._document.edit(change)
            raise
        edited = [route for route in map(self._route_after, self._edited) if route is not None]
        try:
            after = self._file.with_document(document)
        except ConfigError as error:  # its place is in a text that is not written
            place = place_before(self._document, document, edited[0] if edited else Route())
            raise ConfigError(f"the edit was refused: {error.what}", remedy=error.remedy, place=place) from None
        for route, path, verb in self._for_masters:
            above, remedy = Route(route.steps[:2]), f"{verb} it on the other clusters of the environment"
            now = self._route_after(above)
            index = len(after.clusters) if now is None else int(now.plain[1])
            for cluster in after.clusters[index : index + 1]:
                with self._placed(above):
                    check_masters(cluster, f"{path} would have no effect", remedy)
        if document.text == self._document.text:
            return self._file
        added = [(self._route_after(item.route), item) for item in self._added]
        check_edit(self._file, after, edited, force=self._force, added=added)
        return after

    def _route_after(self, route: Route) -> Route | None:
        """Where what is at a route is after all edits; None if an item of a list on its way is removed."""
        steps = list(route.steps)
        for depth, step in enumerate(route.steps):
            removed = self._removed_items.get(Route(route.steps[:depth]), set())
            if step in removed:
                return None
            if isinstance(step, int):
                steps[depth] = step - sum(isinstance(index, int) and index < step for index in removed)
        return Route(tuple(steps))

    def _plan(self, path: str, edit: ValueEdit, *, is_needed: bool = True) -> None:
        """Adds an edit, unless the same one is there already or nothing needs to be done. Raises SelectionError if it
        touches another one."""
        route, home = Route.of(edit.path), self._home(edit)
        if not (self._touch(path, home, edit) and is_needed):
            return
        if isinstance(edit, Remove):
            self._removed.append(home)
            if isinstance(home.steps[-1], int):
                self._removed_items[home.parent].add(home.steps[-1])
        else:
            self._writes.append(edit)
        self._edited += dict.fromkeys((route, home))

    def _home(self, edit: ValueEdit) -> Route:
        """The route at which an edit changes the text."""
        return home_of(self._document, edit) if self._through_alias else Route.of(edit.path)

    def _touch(self, path: str, home: Route, edit: ValueEdit) -> bool:
        """Whether an edit is the first one of a place in the file. Raises SelectionError if it touches another one."""
        touched, here = _Touched(self._number, path, edit), home.plain
        ways = [here[:end] for end in range(len(here) + 1)]
        other = next((self._touched[way] for way in ways if way in self._touched), self._touched_below.get(here))
        if other is None:
            self._touched[here] = touched
            for way in ways[:-1]:
                self._touched_below.setdefault(way, touched)
            return True
        values = [getattr(change, "value", None) for change in (other.edit, edit)]
        if here in self._touched and type(other.edit) is type(edit) and same(*map(plain, values)):
            return False
        what = f"edit {other.number} ({other.path}) and edit {self._number} ({path}) change the same part of the file"
        remedy = "make one of them separately, on the edited file"
        raise SelectionError(what, remedy=remedy, place=self._document.position(home))

    # --- the four kinds of edits

    def _set_key(self, target: FoundKey, edit: KeyEdit) -> None:
        if not target.path.steps:
            raise self._refused(target, "a whole cluster or file cannot be set", "set its keys, or use patch")
        value = self._value(target, target.field, edit)
        last = target.path.steps[-1]
        if isinstance(last, (NameStep, MatchStep)) and isinstance(value, dict):
            name, old = name_of_value(value, target.field), target.node
            names = () if old is None else names_of(old, target.field)
            if names and name not in names:
                what = f"the value is named {quoted(name)}" if name else "the value has no name"
                remedy = f"set its {naming_text(target.field)} to {shortened(names[0])}"
                raise self._refused(target, f"{what}, not {quoted(names[0])}", remedy)
        present = written_value(self._document, target)
        if target.field is not None and present is not UNSET:
            present = with_whole_numbers(present, target.field)
        # Tarmak may read that value already, possibly through a merge key, or as 60 from 6e+1.
        is_set = same(present, plain(value)) and not reads_differently(self._document, target.route)
        self._plan(str(target.path), Set(target.route, value, rewrite=True), is_needed=not is_set)

    def _append(self, target: FoundKey, edit: KeyEdit) -> None:
        field, of = target.field, None if target.field is None else target.field.of
        is_list = field.kind == "list" if field is not None else not target.is_set or bool(items_of(target.node))
        if not is_list:
            kind = kind_text(target.field, target.node)
            raise self._refused(
                target, f"{target.path} is {kind}, not a list", "use set for a value that is not a list"
            )
        value = self._value(target, of, edit, item=True)
        present = written_value(self._document, target)
        items = present if isinstance(present, list) else []
        self._add_item(target.path, Append(target.route, value), of, items, len(items))

    def _add_item(
        self, path: object, edit: Append, of: Field | None, present: SequenceOf[Any], length: int
    ) -> Route | None:
        """Appends an item to a list, unless that has it. Returns the route of the new item."""
        home = self._home(edit)
        appended = self._appended[home]
        for index, item in enumerate((*present, *appended)):
            if same(item, plain(edit.value)):
                if index < len(present):
                    self._touch(str(path), home / index, edit)
                return None
            name = name_of_value(edit.value, of)
            if name and name == name_of_value(item, of) and _environment(item) == _environment(edit.value):
                what = f"{path} has an item {quoted(name)} already, with other values"
                remedy = f"set the keys of {path}{NameStep(name)}, or use patch"
                raise ConfigError(what, remedy=remedy, place=self._document.position(home / index))
        new = home / (length + len(appended))
        self._touch(str(path), new, edit)
        appended.append(plain(edit.value))
        self._writes.append(edit)
        self._edited.append(new)
        return new

    def _unset(self, target: FoundKey, edit: KeyEdit) -> None:
        del edit
        if not target.path.steps:
            raise self._refused(target, "a whole cluster or file cannot be unset", "unset its keys")
        self._plan(str(target.path), Remove(target.route), is_needed=target.node is not None)

    def _patch(self, target: FoundKey, edit: KeyEdit) -> None:
        with self._placed(target.route):
            value = checked_value(edit.value, target.field, joined(target.path.steps))
            document = Document.parse(yaml_bytes(value), json=False)
            check_patch(document, target.field, target.type_path, force=self._force)
        base = Route() if edit.path.is_absolute else edit.base
        patch = Patch(self._document, base)
        changes = list(patch.edits(value, target.route, target.field))
        added = iter(patch.added)
        for change in changes:
            route = Route.of(change.path)
            path = str(Route(route.steps[len(base) :]))
            if not isinstance(change, Remove):
                self._check_writable(route, str(Route(route.steps[2:])), "set")
            if isinstance(change, Append):
                item = next(added)
                new = self._add_item(path, change, item.of, (), len(items_of(self._document.node(route))))
                self._added += [] if new is None else [item._replace(route=new)]
            else:
                self._plan(path, change)

    # --- values and checks

    def _value(self, target: FoundKey, of: Field | None, edit: KeyEdit, *, item: bool = False) -> Any:
        with self._placed(target.route):
            if edit.is_text and not item:
                return typed_text(target, edit.value)
            key = None if item else target.section_key
            if key is not None:
                return key.checked(edit.value)
            name = f"the new item of {target.path}" if item else str(target.path)
            return checked_value(text_value(edit.value, of, name) if edit.is_text else edit.value, of, name)

    @contextmanager
    def _placed(self, route: Route) -> Iterator[None]:
        """Errors get the place of a route in the file."""
        try:
            yield
        except ConfigError as error:
            error.place = self._document.position(route)
            raise

    def _check_writable(self, route: Route, path: str, verb: str) -> None:
        """Refuses an edit that would add a key that is there, but misspelt. `result` refuses one of a hub."""
        if not self._force:
            check_spelling(self._document, route, self._command_line)
        root, index, key = (*route.plain, None, None, None)[:3]
        if root == "clusters" and key == "kubernetes" and isinstance(index, int):
            self._for_masters.append((route, path, verb))

    def _check_single(self, target: FoundKey) -> None:
        """Of duplicate keys in strict JSON Tarmak merges the values, so that none of them is the one to edit."""
        for key in self._file.ignored_content.duplicates if self._document.is_json else ():
            if target.route.plain[: len(key.route)] == key.route.plain:
                lines = [self._document.position(route, at_key=True).line for route in (key.first, key.route)]
                what = (
                    f"{quoted(key.name)} is in the file twice, in lines {lines[0]} and {lines[1]}: Tarmak merges both"
                )
                raise self._refused(target, what, "keep one of them, then edit it")

    def _refused(self, target: FoundKey, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._document.position(target.route))


def typed_text(target: FoundKey, text: str) -> Any:
    """The value that a text on the command line stands for, as the value of a key. Raises ConfigError."""
    key = target.section_key
    if key is not None:
        return key.typed(text)
    return checked_value(text_value(text, target.field, str(target.path)), target.field, str(target.path))


def _environment(item: Any) -> Any:
    return item.get("environment") if isinstance(item, Mapping) else None
