"""Edits of any key of tarmak.yaml: by path, typed as Tarmak types them, made together and checked once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from tarmak_iam.config.cluster import Cluster, ReadFile, check_masters
from tarmak_iam.config.edit_checks import FORK, check_edit, check_patch, place_before
from tarmak_iam.config.key_paths import KeyPath, KeyStep, MatchStep, NameStep, joined
from tarmak_iam.config.key_values import UNSET, written_value
from tarmak_iam.config.patches import AddedItem, Patch, name_of_value, naming_text
from tarmak_iam.config.path_lookup import FoundKey, NoSuchItem, items_of, kind_text, look_up, names_of
from tarmak_iam.config.section_edits import reads_differently, removals
from tarmak_iam.config.section_keys import SectionKey
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.config.typed_values import checked_value, text_value, with_whole_numbers
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Append, Document, Remove, Set
from tarmak_iam.document.document import home_of
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.plain_values import plain, same, value_at
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, EditRefused, SelectionError
from tarmak_iam.routes import Route
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


class _Change(NamedTuple):
    """What an edit changes: the number and path of that edit, the route at which the text changes, and how."""

    number: int
    path: str
    home: Route
    edit: ValueEdit


_File = TypeVar("_File", bound=ReadFile)


def edited_file(
    file: _File,
    edits: Iterable[KeyEdit],
    command_line: CommandLine,
    *,
    force: bool = False,
    through_alias: bool = False,
    section: Section[Any] | None = None,
) -> _File:
    """The file with all edits made; the same one if nothing changes. Remedies name commands of `command_line`. The keys
    of `section` are known even if it is not installed. Raises as `ConfigEdits.apply`."""
    batch = _Batch(file, command_line, force=force, through_alias=through_alias, section=section)
    for number, edit in enumerate(edits, 1):
        batch.add(number, edit)
    return batch.result()


def edit_section(
    file: _File, cluster: Cluster, values: SequenceOf[tuple[SectionKey, Any]], command_line: CommandLine
) -> _File:
    """Sets keys of a section, or removes those whose value is None. As `edited_file`; also refuses an edit after which
    a key has another value, from a merge key."""
    edits, section = [], None
    for key, value in values:
        section = key.section
        path = KeyPath("", tuple(map(KeyStep, (*section.path, *key.path))))
        edits.append(KeyEdit("unset" if value is None else "set", path, cluster.route, value))
    after = edited_file(file, edits, command_line, section=section)
    data = after.clusters[cluster.index].data_with_unknown_keys
    for key, value in values:
        if not same(value_at(key.section.data(data), key.path), value):
            remedy = f"fix that first; `{command_line.tarmak_iam('check')}` shows the place"
            place = file.document.position((*cluster.route.plain, *key.section.path, *key.path))
            raise EditRefused(
                f"the value of {key.key} comes from another place: a merge key", remedy=remedy, place=place
            )
    return after


class _Batch(Generic[_File]):
    """The edits of a file as it is: every path is looked up in it, whatever the other edits change. Two edits that
    touch each other are refused, so that their order does not matter. Those that remove are made last, the last items
    of lists first, so that no item has another index when it is edited."""

    def __init__(
        self, file: _File, command_line: CommandLine, *, force: bool, through_alias: bool, section: Section[Any] | None
    ) -> None:
        self._file, self._document, self._command_line = file, file.document, command_line
        self._checks_spelling, self._takes_unknown = not force, force or section is not None
        self._through_alias, self._section = through_alias, section
        self._number = 0
        self._at: dict[tuple[str | int, ...], _Change] = {}
        self._below: dict[tuple[str | int, ...], _Change] = {}
        self._changes: list[_Change] = []
        self._appended: defaultdict[Route, list[Any]] = defaultdict(list)
        self._for_masters: list[tuple[Route, str, str]] = []
        self._added: list[AddedItem] = []

    def add(self, number: int, edit: KeyEdit) -> None:
        self._number = number
        try:
            target = look_up(self._document, edit.base, edit.path, unknown=self._takes_unknown, advice=FORK)
        except NoSuchItem as missing:
            if edit.verb == "unset" and missing.is_last:
                return  # there is nothing to remove
            raise
        for key in self._file.ignored_content.duplicates if self._document.is_json else ():
            if target.route.plain[: len(key.route)] == key.route.plain:  # Tarmak merges both: none is the one to edit
                first, second = (self._document.position(route, at_key=True).line for route in (key.first, key.route))
                what = f"{quoted(key.name)} is in the file twice, in lines {first} and {second}: Tarmak merges both"
                raise self._refused(target.route, what, "keep one of them, then edit it")
        if edit.verb != "unset":
            self._check_writable(target.route, str(target.path), edit.verb)
            if target.is_unknown and not self._takes_unknown:
                what = f"Tarmak does not know {target.path}, and would ignore it"
                raise ConfigError(what, remedy=FORK, place=self._document.position(target.route, at_key=True))
        if edit.verb in ("set", "unset") and not target.path.steps:
            remedy = "set its keys, or use patch" if edit.verb == "set" else "unset its keys"
            raise self._refused(target.route, f"a whole cluster or file cannot be {edit.verb}", remedy)
        if edit.verb == "unset":
            self._change(str(target.path), Remove(target.route), is_needed=target.node is not None)
        else:
            {"set": self._set_key, "append": self._append, "patch": self._patch}[edit.verb](target, edit)

    def result(self) -> _File:
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
        routes = [route for change in self._changes for route in (_edited(change), change.home)]
        edited = [route for before in routes if (route := _route_after(before, items)) is not None]
        try:
            after = self._file.with_document(document)
        except ConfigError as error:  # its place is in a text that is not written
            place = place_before(self._document, document, edited[0] if edited else Route())
            raise ConfigError(f"the edit was refused: {error.what}", remedy=error.remedy, place=place) from None
        for route, path, verb in self._for_masters:
            above, remedy = Route(route.steps[:2]), f"{verb} it on the other clusters of the environment"
            now = _route_after(above, items)
            index = len(after.clusters) if now is None else int(now.plain[1])
            for cluster in after.clusters[index : index + 1]:
                with self._placed(above):
                    check_masters(cluster, f"{path} would have no effect", remedy)
        if document.text == self._document.text:
            return self._file
        added = [(_route_after(item.route, items), item) for item in self._added]
        check_edit(self._file, after, edited, force=self._takes_unknown, added=added, section=self._section)
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
        if here not in self._at or type(other.edit) is not type(edit) or not same(*values):
            what = (
                f"edit {other.number} ({other.path}) and edit {self._number} ({path}) change the same part of the file"
            )
            raise self._refused(home, what, "make one of them separately, on the edited file")

    def _home(self, edit: ValueEdit) -> Route:
        """The route at which an edit changes the text."""
        return home_of(self._document, edit) if self._through_alias else Route.of(edit.path)

    # --- the kinds of edits

    def _set_key(self, target: FoundKey, edit: KeyEdit) -> None:
        with self._placed(target.route):
            value = typed_text(target, edit.value) if edit.is_text else checked_for(target, edit.value)
        names = () if target.node is None else names_of(target.node, target.field)
        if names and isinstance(target.path.steps[-1], (NameStep, MatchStep)) and isinstance(value, dict):
            name = name_of_value(value, target.field)
            if name not in names:
                what = f"the value is named {quoted(name)}" if name else "the value has no name"
                remedy = f"set its {naming_text(target.field)} to {shortened(names[0])}"
                raise self._refused(target.route, f"{what}, not {quoted(names[0])}", remedy)
        present = written_value(self._document, target)
        if target.field is not None and present is not UNSET:
            present = with_whole_numbers(present, target.field)
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
            value = checked_value(text_value(edit.value, of, name) if edit.is_text else edit.value, of, name)
        present = written_value(self._document, target)
        items = present if isinstance(present, list) else []
        self._add_item(path, Append(target.route, value), of, items, len(items))

    def _add_item(
        self, path: object, edit: Append, of: Field | None, present: SequenceOf[Any], length: int
    ) -> Route | None:
        """Appends an item to a list, unless that has it. Returns the route of the new item."""
        home = self._home(edit)
        appended = self._appended[home]
        for index, item in enumerate((*present, *appended)):
            if same(item, plain(edit.value)):
                if index < len(present):
                    self._change(str(path), edit, home / index, is_needed=False)
                return None
            name = name_of_value(edit.value, of)
            if name and name == name_of_value(item, of) and _environment(item) == _environment(edit.value):
                what = f"{path} has an item {quoted(name)} already, with other values"
                remedy = f"set the keys of {path}{NameStep(name)}, or use patch"
                raise ConfigError(what, remedy=remedy, place=self._document.position(home / index))
        new = home / (length + len(appended))
        appended.append(plain(edit.value))
        self._change(str(path), edit, new)
        return new

    def _patch(self, target: FoundKey, edit: KeyEdit) -> None:
        with self._placed(target.route):
            value = checked_value(edit.value, target.field, joined(target.path.steps))
            document = Document.parse(yaml_bytes(value), json=False)
            check_patch(document, target.field, target.type_path, force=self._takes_unknown)
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
                self._change(path, change)

    # --- checks

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
        if self._checks_spelling:
            check_spelling(self._document, route, self._command_line)
        if route.plain[:1] == ("clusters",) and route.plain[2:3] == ("kubernetes",):
            self._for_masters.append((route, path, verb))

    def _refused(self, route: Route, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._document.position(route))


def checked_for(target: FoundKey, value: Any) -> Any:
    """A value as it is written for a key. Raises ConfigError."""
    key = target.section_key
    return checked_value(value, target.field, str(target.path)) if key is None else key.checked(value)


def typed_text(target: FoundKey, text: str) -> Any:
    """The value that a text on the command line stands for, as the value of a key. Raises ConfigError."""
    key = target.section_key
    return checked_for(target, text_value(text, target.field, str(target.path))) if key is None else key.typed(text)


def _edited(change: _Change) -> Route:
    """The route of what a change sets or removes."""
    return change.home if isinstance(change.edit, Append) else Route.of(change.edit.path)


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


def _environment(item: Any) -> Any:
    return item.get("environment") if isinstance(item, Mapping) else None
