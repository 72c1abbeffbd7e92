"""Edits of any key of tarmak.yaml: by path, typed as Tarmak types them, made together and checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from operator import eq
from typing import Any, Literal

from tarmak_iam.config.cluster import Cluster, check_masters
from tarmak_iam.config.config import TarmakConfig
from tarmak_iam.config.earlier_edits import EarlierEdits, gone_error, moves_items
from tarmak_iam.config.edit_checks import FORK, check_edit, check_patch, place_before
from tarmak_iam.config.item_names import NAMING, items_of, names_of
from tarmak_iam.config.key_paths import KeyPath, MatchStep, NameStep, joined
from tarmak_iam.config.key_values import UNSET, written_value
from tarmak_iam.config.patches import AddedItem, Patch, name_of_value, naming_text
from tarmak_iam.config.path_lookup import FoundKey, NoSuchItem, kind_text, look_up
from tarmak_iam.config.section_edits import reads_differently
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.config.typed_values import checked_value, text_value, with_whole_numbers
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.plain_values import construct, plain, same
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, Place, SelectionError
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

Verb = Literal["set", "append", "unset", "patch"]


@dataclass(frozen=True, slots=True, eq=False)
class KeyEdit:
    """One edit. `base` is the route of the cluster that a relative path begins at. `is_text`: the value is a text of
    the command line."""

    verb: Verb
    path: KeyPath
    base: Route
    value: Any = None
    is_text: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ConfigEdits:
    """Edits of a configuration that are not made yet. Frozen: every method returns a new value.

    A path is relative to the chosen cluster, as in `instancePools[worker].maxCount`, or absolute with a leading `/`, as
    in `/environments[dev].location`; without a cluster every path is absolute. An item of a list is the one that the
    path means in `config`, wherever earlier edits have moved it, and whatever they have named it; a path that means
    none there may mean one that an earlier edit added. Nothing is changed before `apply`.
    """

    config: TarmakConfig = field(repr=False)
    cluster: Cluster | None = None
    edits: tuple[KeyEdit, ...] = ()
    force: bool = False
    through_alias: bool = False

    def on(self, cluster: Cluster | str | None) -> ConfigEdits:
        """The same edits; the paths of the next ones are relative to that cluster, or absolute for None.

        A cluster of another configuration stands for the one with its name. Raises SelectionError for an unknown name.
        """
        return replace(self, cluster=None if cluster is None else _cluster_of(self.config, cluster))

    def set(self, path: str | KeyPath, value: Any) -> ConfigEdits:
        """Sets a key to a plain value. Missing parents are created. Raises SelectionError for a text that is not a
        path."""
        return self._with("set", path, value)

    def append(self, path: str | KeyPath, value: Any) -> ConfigEdits:
        """Adds an item to a list, which is created if it is missing. An item that is in the list already is not added
        again. Raises as `set` does."""
        return self._with("append", path, value)

    def unset(self, path: str | KeyPath) -> ConfigEdits:
        """Removes a key or an item of a list, with the parents that are empty then. Raises as `set` does."""
        return self._with("unset", path)

    def patch(self, mapping: Mapping[str, Any], path: str | KeyPath | None = None) -> ConfigEdits:
        """Merges a mapping into the cluster, or into what is at the path: None removes a key, items of lists of
        mappings are found by their names (added if there is none), and every other value replaces the old one."""
        if not isinstance(mapping, Mapping):
            raise TypeError(f"a patch must be a mapping, not {mapping!r}")
        whole = "." if self.cluster is not None else "/"
        return self._with("patch", whole if path is None else path, mapping)

    def set_text(self, path: str | KeyPath, text: str) -> ConfigEdits:
        """As `set`, with a text as on the command line: a string as it is, everything else in YAML or JSON."""
        return self._with("set", path, text, is_text=True)

    def append_text(self, path: str | KeyPath, text: str) -> ConfigEdits:
        """As `append`, with a text as on the command line."""
        return self._with("append", path, text, is_text=True)

    def _with(self, verb: Verb, path: str | KeyPath, value: Any = None, *, is_text: bool = False) -> ConfigEdits:
        if is_text and not isinstance(value, str):
            raise TypeError(f"a text must be a string, not {value!r}")
        base = Route() if self.cluster is None else self.cluster.route
        parsed = path if isinstance(path, KeyPath) else KeyPath.parse(path, root=self.cluster is None)
        return replace(self, edits=(*self.edits, KeyEdit(verb, parsed, base, value, is_text)))

    def apply(self) -> TarmakConfig:
        """The edited configuration; the same one if nothing changes. `save` writes it.

        Raises SelectionError for a path that means no key, several items, or an item that an earlier edit removes;
        ConfigError for a value that Tarmak could not read, would reject or would ignore; and EditRefused for an edit
        that cannot be made safely.
        """
        plan = _EditPlan(self)
        for edit in self.edits:
            plan.add(edit)
        return plan.result()

    def diff(self) -> str:
        """The unified diff of tarmak.yaml that `apply` would lead to; empty if nothing changes. Raises as `apply`."""
        before, after = self.config.document, self.apply().document
        return unified_diff(before.text, after.text, before.filename)


class _EditPlan:
    """The edits of the document, in order. Paths are looked up in `_document`, to which the `_waiting` edits have not
    been made yet: they do not matter for it."""

    def __init__(self, edits: ConfigEdits) -> None:
        self._config, self._force, self._through_alias = edits.config, edits.force, edits.through_alias
        self._document = edits.config.document
        self._waiting: list[ValueEdit] = []
        self._all: list[Edit] = []
        self._earlier = EarlierEdits(self._document)
        self._edited: list[tuple[Route, int]] = []
        """The edited routes, and how many changes of `_earlier` were made when they were that."""
        self._is_stale = self._may_change_hubs = False
        self._current = self._config
        """The configuration that `_config_now` has read last."""
        self._added: list[tuple[AddedItem, int]] = []
        """The items that patches add, and how many changes of `_earlier` were made then."""

    def add(self, edit: KeyEdit) -> None:
        if self._is_stale or edit.verb != "set" or _is_matched(edit.path):
            self._refresh()
        found = self._look_up(edit)
        if found is None:
            return  # there is nothing to remove
        self._check_single(found)
        if edit.verb != "unset":
            self._check_masters(found.route, found.path, edit.verb)
            self._check_known(found)
            self._check_spelling(found.route)
        made = {"set": self._set_key, "append": self._append, "unset": self._unset, "patch": self._patch}[edit.verb]
        made(found, edit)

    def _look_up(self, edit: KeyEdit) -> FoundKey | None:
        """What the path of an edit means; None if that is an item that is not there, and the edit would remove it."""
        base = self._base(edit)
        choice = self._earlier.items_of_path(edit.base, edit.path)
        try:
            return look_up(self._document, base, edit.path, unknown=self._force, advice=FORK, choice=choice)
        except NoSuchItem as missing:
            if edit.verb == "unset" and missing.is_last:
                return None
            raise (choice and choice.error) or missing from None

    def _base(self, edit: KeyEdit) -> Route:
        """The route, now, that a path begins at."""
        base = Route() if edit.path.is_absolute else self._earlier.carried(edit.base)
        if base is None:
            raise gone_error(f"the cluster of {edit.path}", self._config.document.position(edit.base))
        return base

    def result(self) -> TarmakConfig:
        if not self._all:
            return self._config
        self._refresh()
        document = self._config.document.edit(*self._all)
        if self._is_shared:
            self._check_shared()
        if document.text == self._config.document.text:  # edits may undo each other
            return self._config
        carried = (self._earlier.carried(route, since) for route, since in self._edited)
        edited = [route for route in carried if route is not None]
        try:
            after = self._config.with_document(document)
        except ConfigError as error:  # its place is in a text that is not written
            place = place_before(self._config.document, document, edited[0] if edited else Route())
            raise ConfigError(f"the edit was refused: {error.what}", remedy=error.remedy, place=place) from None
        added = [(self._earlier.carried(each.route, since), each) for each, since in self._added]
        check_edit(self._config, after, edited, force=self._force, added=added)
        return after

    def _check_shared(self) -> None:
        """Raises SelectionError if a later edit changed, through an alias, what an earlier one set or removed."""
        routes = [self._earlier.carried(route, since) for route, since in self._edited]
        for number, (edit, route) in enumerate(zip(self._all, routes, strict=True)):
            if route is None or self._is_kept(edit, route):
                continue
            later = [each.plain for each in routes[number + 1 :] if each is not None]
            is_set_again = any(all(map(eq, each, route.plain)) for each in later)  # at, above or below it
            if not is_set_again:
                what = f"a later edit changes {route} again: it is shared through an alias"
                raise SelectionError(what, remedy="set it once", place=self._place(route))

    def _is_kept(self, edit: Edit, route: Route) -> bool:
        """Whether the document has what an edit led to, at the route where that is now."""
        if isinstance(edit, Set):
            return self._is_at(replace(edit, path=route))
        is_key_removed = isinstance(edit, Remove) and not isinstance(route.steps[-1], int)
        return not is_key_removed or self._document.node(route) is None

    def _refresh(self) -> None:
        if self._waiting:
            before, self._document = self._document, self._document.edit(*self._waiting)
            self._earlier.add(self._waiting, before, self._document)
        self._waiting, self._is_stale = [], False

    def _make(self, edit: ValueEdit, route: Route) -> None:
        edit = replace(edit, through_alias=True) if self._through_alias else edit
        moves = self._through_alias or moves_items(edit, self._document)
        self._waiting.append(edit)
        self._all.append(edit)
        self._edited.append((route, len(self._earlier) + moves))
        self._may_change_hubs = self._may_change_hubs or self._is_shared or _may_change_hubs(route.plain)
        last = route.plain[-1] if route.steps else None
        self._is_stale = self._is_stale or moves or not isinstance(edit, Set) or last in NAMING

    # --- the four kinds of edits

    def _set_key(self, found: FoundKey, edit: KeyEdit) -> None:
        if not found.path.steps:
            raise self._refused(found, "a whole cluster or file cannot be set", "set its keys, or use patch")
        value = self._value(found, found.field, edit)
        last = found.path.steps[-1]
        if isinstance(last, (NameStep, MatchStep)) and isinstance(value, dict):
            name, old = name_of_value(value, found.field), found.node
            names = () if old is None else names_of(old, found.field)
            if names and name not in names:
                what = f"the value is named {quoted(name)}" if name else "the value has no name"
                keys = naming_text(found.field)
                raise self._refused(
                    found, f"{what}, not {quoted(names[0])}", f"set its {keys} to {shortened(names[0])}"
                )
        is_set_before = any(Route.of(each.path) == found.route for each in self._waiting)
        if not is_set_before and self._has(found, value) and not reads_differently(self._document, found.route):
            return
        self._make(Set(found.route, value, rewrite=True), found.route)

    def _has(self, found: FoundKey, value: Any) -> bool:
        """Whether Tarmak reads that value already, possibly through a merge key, or as 60 from 6e+1."""
        key = replace(found, node=self._document.node(found.route))
        present = written_value(self._document, key)
        if found.field is not None and present is not UNSET:
            present = with_whole_numbers(present, found.field)
        return same(present, plain(value))

    def _append(self, found: FoundKey, edit: KeyEdit) -> None:
        of = None if found.field is None else found.field.of
        is_list = (
            found.field.kind == "list" if found.field is not None else not found.is_set or bool(items_of(found.node))
        )
        if not is_list:
            kind = kind_text(found.field, found.node)
            raise self._refused(found, f"{found.path} is {kind}, not a list", "use set for a value that is not a list")
        value = self._value(found, of, edit, item=True)
        present = written_value(self._document, found)
        for index, item in enumerate(present if isinstance(present, list) else ()):
            if same(item, plain(value)):
                return
            name = name_of_value(value, of)
            if name and name == name_of_value(item, of) and _environment(item) == _environment(value):
                what = f"{found.path} has an item {quoted(name)} already, with other values"
                remedy = f"set the keys of {found.path}{NameStep(name)}, or use patch"
                raise ConfigError(what, remedy=remedy, place=self._place(found.route / index))
        length = len(present) if isinstance(present, list) else 0
        self._make(Append(found.route, value), found.route / length)

    def _unset(self, found: FoundKey, edit: KeyEdit) -> None:
        del edit
        if not found.path.steps:
            raise self._refused(found, "a whole cluster or file cannot be unset", "unset its keys")
        if found.node is not None:
            self._make(removal(self._document, found.route), found.route)

    def _patch(self, found: FoundKey, edit: KeyEdit) -> None:
        value = self._placed(found, lambda: checked_value(edit.value, found.field, joined(found.path.steps)))
        self._placed(found, lambda: self._check_patch(value, found))
        edits = self._edits_of_patch(value, found, edit)
        if self._is_shared:
            self._patch_shared(value, found, edit, edits)
            return
        for each in edits:
            self._make_of_patch(each)

    def _edits_of_patch(self, value: dict[str, Any], found: FoundKey, edit: KeyEdit) -> list[ValueEdit]:
        """The edits that the document needs for a patch; removals last, so that no parent is empty for a while."""
        patch = Patch(self._document, self._base(edit))
        edits = list(patch.edits(value, found.route, found.field))
        self._added += [(each, len(self._earlier)) for each in patch.added]
        return sorted(edits, key=lambda each: isinstance(each, Remove))

    def _make_of_patch(self, edit: ValueEdit) -> None:
        route = Route.of(edit.path)
        if isinstance(edit, Remove):
            self._refresh()  # which parents will be empty depends on what is set and removed before
            self._make(removal(self._document, route), route)
        else:
            self._check_masters(route, Route(route.steps[2:]), "set")
            self._check_spelling(route)
            self._make(edit, route)

    def _patch_shared(self, value: dict[str, Any], found: FoundKey, edit: KeyEdit, edits: list[ValueEdit]) -> None:
        """Makes one edit after the other until the document has all values: each may have made others, too."""
        for _ in range(2 * len(edits)):
            needed = [each for each in edits if not (isinstance(each, Set) and self._is_at(each))]
            if not needed:
                return
            self._make_of_patch(needed[0])
            self._refresh()
            edits = self._edits_of_patch(value, found, edit)
        if edits := [each for each in edits if not (isinstance(each, Set) and self._is_at(each))]:
            what = f"the patch has two values for {edits[0].path}, which is shared through an alias"
            raise SelectionError(what, remedy="write one of them", place=self._place(Route.of(edits[0].path)))

    def _is_at(self, edit: Set) -> bool:
        node = self._document.node(edit.path)
        return node is not None and same(construct(node, self._document.source), plain(edit.value))

    @property
    def _is_shared(self) -> bool:
        """Whether an edit may change what aliases repeat."""
        return self._through_alias and "&" in self._document.text

    def _check_patch(self, value: dict[str, Any], found: FoundKey) -> None:
        document = Document.parse(yaml_bytes(value), json=False)
        check_patch(document, found.field, found.type_path, force=self._force)

    # --- values and checks

    def _value(self, found: FoundKey, of: Field | None, edit: KeyEdit, *, item: bool = False) -> Any:
        if edit.is_text and not item:
            return self._placed(found, lambda: typed_text(found, edit.value))
        key = None if item else found.section_key
        if key is not None:
            return self._placed(found, lambda: key.checked(edit.value))
        name = f"the new item of {found.path}" if item else str(found.path)
        return self._placed(
            found, lambda: checked_value(text_value(edit.value, of, name) if edit.is_text else edit.value, of, name)
        )

    def _placed(self, found: FoundKey, check: Callable[[], Any]) -> Any:
        """The result of a check of a value; its error gets the place of the key."""
        try:
            return check()
        except ConfigError as error:
            error.place = self._place(found.route)
            raise

    def _place(self, route: Route, *, at_key: bool = False) -> Place:
        """The place in the text before all edits of a route in the document."""
        return self._config.document.position(self._earlier.origin(route), at_key=at_key)

    def _check_known(self, found: FoundKey) -> None:
        if found.is_unknown and not self._force:
            what = f"Tarmak does not know {found.path}, and would ignore it"
            raise ConfigError(what, remedy=FORK, place=self._place(found.route, at_key=True))

    def _check_spelling(self, route: Route) -> None:
        if not self._force:
            check_spelling(self._document, route, self._config.command_line())

    def _check_masters(self, route: Route, path: object, verb: str) -> None:
        root, index, key = (*route.plain, None, None, None)[:3]
        if root != "clusters" or key != "kubernetes" or not isinstance(index, int):
            return
        config = self._config_now() if self._may_change_hubs else self._config
        if index < len(config.clusters):
            remedy = f"{verb} it on the other clusters of the environment"
            check_masters(config.clusters[index], f"{path} would have no effect", remedy)

    def _config_now(self) -> TarmakConfig:
        self._refresh()
        if self._current.document is not self._document:
            self._current = self._config.with_document(self._document)
        return self._current

    def _check_single(self, found: FoundKey) -> None:
        """Of duplicate keys in strict JSON Tarmak merges the values, so that none of them is the one to edit."""
        if not self._document.is_json:
            return
        for key in self._config.ignored_content.duplicates:
            now = self._earlier.carried(key.route)
            if now is not None and found.route.plain[: len(now)] == now.plain:
                lines = [self._config.document.position(each, at_key=True).line for each in (key.first, key.route)]
                what = (
                    f"{quoted(key.name)} is in the file twice, in lines {lines[0]} and {lines[1]}: Tarmak merges both"
                )
                raise self._refused(found, what, "keep one of them, then edit it")

    def _refused(self, found: FoundKey, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self._place(found.route))


def _cluster_of(config: TarmakConfig, cluster: Cluster | str) -> Cluster:
    """The cluster of a configuration with that name, or with that of a cluster of another configuration.

    Raises SelectionError if it has no name, or if several have it.
    """
    if isinstance(cluster, str):
        return config.cluster(cluster)
    if not isinstance(cluster, Cluster):
        raise TypeError(f"a cluster must be a Cluster or its name, not {cluster!r}")
    if cluster in config.clusters[cluster.index : cluster.index + 1]:
        return cluster
    same_name = [each for each in config.clusters if each.cluster_name == cluster.cluster_name]
    if len(same_name) > 1 or not (cluster.environment and cluster.name):
        what = f"the cluster {quoted(cluster.cluster_name)} is of another configuration, and has no name of its own"
        raise SelectionError(what, remedy="choose a cluster of this one", place=Place(config.document.filename))
    return config.cluster(cluster.cluster_name)


def typed_text(found: FoundKey, text: str) -> Any:
    """The value that a text on the command line stands for, as the value of a key. Raises ConfigError."""
    key = found.section_key
    if key is not None:
        return key.typed(text)
    return checked_value(text_value(text, found.field, str(found.path)), found.field, str(found.path))


def removal(document: Document, route: Route) -> Remove:
    """The edit that removes what is at a route, with the parents that are empty then. An item of a list that would be
    empty stays, because the items after it would get other indices; and so does an empty list: it has another meaning
    than a missing one."""
    at, prunes = route, bool(route.steps) and not isinstance(route.steps[-1], int)
    while prunes and at.parent.steps:
        node = document.node(at.parent)
        parent = None if node is None else dereference(node)
        if not isinstance(parent, MappingNode) or len(parent.entries) > 1:
            break
        at = at.parent
        prunes = not isinstance(at.steps[-1], int)
    return Remove(route, prune=prunes)


def _may_change_hubs(path: tuple[str | int, ...]) -> bool:
    """Whether an edit at a path may change which clusters are hubs, or their indexes."""
    return not path or (path[0] == "clusters" and (path[2:] == () or path[2] in ("environment", "metadata")))


def _is_matched(path: KeyPath) -> bool:
    return any(isinstance(step, MatchStep) for step in path.steps)


def _environment(item: Any) -> Any:
    return item.get("environment") if isinstance(item, Mapping) else None
