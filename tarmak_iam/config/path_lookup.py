"""Which key of a file a path means, which type Tarmak gives it, and what to write instead where it means none; how the
items of lists are named; and the paths and values that completion in a shell offers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tarmak_iam.config.ignored_content import suggest_key
from tarmak_iam.config.key_paths import INDEX, ROOT, EachStep, IndexStep, KeyPath, KeyStep, NameStep, PathStep, joined
from tarmak_iam.config.section_keys import SectionKey, key_named, keys_of, load_sections, owned_paths
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, ITEM, NOT_WRITTEN, Field, TypePath, root_field, type_path
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.plain_values import construct, value_at
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import brief_list, choose_among, closest, quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import ReadFile

CLUSTER: TypePath = ("clusters", ITEM)
"""The type path of a cluster, which relative paths begin at."""

UNSET: Any = object()
"""Stands for a key that has no value."""


class PathError(SelectionError):
    """A path means no key, or several. `meant` is a path that leads somewhere; empty if none is known. `is_last`: the
    end of the path is wrong, and it is not an index."""

    meant, is_last = "", False


class NoSuchItem(PathError):
    """A list of the file has no item that a path means."""


class FoundKey(NamedTuple):
    """What a path means in a document. `node` is None if nothing is written there. `field` is Tarmak's type, None for a
    key that Tarmak does not know. `is_unknown`: neither Tarmak nor a plugin knows it, and its name does not begin with
    `x-`."""

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
        """The key of a plugin's section, if the path means one with a value. Raises SelectionError for a key that the
        section does not have, unless Tarmak has it."""
        section = None if ITEM in self.type_path[len(CLUSTER) :] else self.section
        below = () if section is None else self.type_path[len(CLUSTER) + len(section.path) :]
        if section is None or section.is_plain or not below:
            return None
        if CLUSTER_FIELD.below(*section.path) is None:
            key = key_named(section, ".".join(below))
            return None if key.block is not None else key
        return next((key for key in keys_of(section) if key.path == below), None)


def written_value(document: Document, key: FoundKey) -> Any:
    """The value in the document, as Tarmak's parser reads it; UNSET if there is none."""
    if not document.is_json:
        return construct(key.node, document.source) if key.is_set else UNSET
    value = value_at(document.shared_data, key.route.plain)  # where the values of duplicate keys are merged
    return UNSET if value is None else copy.deepcopy(value)


def look_up(document: Document, base: Route, path: KeyPath, *, unknown: bool = False, advice: str = "") -> FoundKey:
    """The key that a path means. `base` is the route of the cluster that a relative path begins at. Raises PathError
    for a path that selects nothing (NoSuchItem for an item of a list) or several keys, and unless `unknown` for a key
    that Tarmak does not know and that is not in the file. `advice` is added to its message if no key is similar."""
    lookup = _Lookup(document, from_home(document, base, path), base)
    while lookup.number < len(lookup.path.steps):
        lookup.rewrite_next()
        step = lookup.path.steps[lookup.number]
        if isinstance(step, KeyStep):
            lookup.enter_key(step.name, unknown=unknown, advice=advice)
        else:
            lookup.enter_item(step)
        lookup.number += 1
    return FoundKey(lookup.path, lookup.route, lookup.type_path, lookup.field, lookup.node, lookup.is_unknown)


def look_up_each(document: Document, base: Route, path: KeyPath, *, unknown: bool = False) -> list[FoundKey]:
    """As `look_up`, of a path that may have `[*]`: the key of each item. Raises PathError."""
    if EachStep() not in path.steps:
        return [look_up(document, base, path, unknown=unknown)]
    number, keys = path.steps.index(EachStep()), list[FoundKey]()
    above = look_up(document, base, path._replace(steps=path.steps[:number]), unknown=unknown)
    # Of an empty list, `look_up` says that the first item is not there.
    for item in item_steps(items_of(above.node), above.field and above.field.of) or [IndexStep(0)]:
        item_path = above.path._replace(steps=(*above.path.steps, item, *path.steps[number + 1 :]))
        keys += look_up_each(document, base, item_path, unknown=unknown)
    return keys


def from_home(document: Document, base: Route, path: KeyPath) -> KeyPath:
    """The path from where it begins: a key that Tarmak does not know in a cluster may be that of a section of the
    cluster. Raises PathError if the cluster has such a key too, and if it has one of the file."""
    first = path.steps[0].name if path.steps and isinstance(path.steps[0], KeyStep) else ""
    if not first or first in CLUSTER_FIELD.fields or path.is_absolute > path.is_guess:
        return path
    homes = [path] if path.is_guess else []
    for section in load_sections() if not homes else ():
        field = CLUSTER_FIELD.below(*section.path)
        if first in (section.model_class.model_fields if field is None else field.fields):
            homes.append(path._replace(steps=(*map(KeyStep, section.path), *path.steps)))
    indices = range(len(items_of(document.node(("clusters",))))) if homes else ()
    routes = [base] if base.steps and homes else [Route.of(("clusters", index)) for index in indices]
    others = [f"/{route}.{joined(path.steps)}" for route in routes if document.has(route / first)]
    if len(homes) + len(others) > 1:
        remedy = f"choose one of {brief_list((*homes, *others))}"
        raise PathError(f"{quoted(path.text)} may mean several keys", remedy=remedy)
    return homes[0] if homes else path


def kind_text(field: Field | None, node: Node | None = None) -> str:
    """A type in words, as in `a whole number`; that of the node if Tarmak does not know the key."""
    if field is not None:
        return "a mapping" if field.kind in ("map", "struct") else field.name
    node = None if node is None else dereference(node)
    return "a list" if isinstance(node, Sequence) else "a mapping" if isinstance(node, Mapping) else "a single value"


class _Lookup:
    """What the first `number` steps of a path lead to."""

    def __init__(self, document: Document, path: KeyPath, base: Route) -> None:
        self.document, self.path, self.base = document, path, base
        self.route = Route() if path.is_absolute else base
        self.type_path, self.node = type_path(self.route.plain), document.node(self.route)
        self.field = root_field().below(*self.type_path)
        self.is_unknown, self.number = False, 0

    @property
    def _where(self) -> str:
        if not self.number:
            return "the file" if self.path.is_absolute else "the cluster"
        return str(self.path._replace(steps=self.path.steps[: self.number]))

    @property
    def _kind(self) -> str:
        return kind_text(self.field, self.node)

    def _meant(self, *steps: PathStep, is_absolute: bool | None = None) -> str:
        """The path with other steps in place of those up to the next one, alone if what follows leads nowhere then.
        Empty if that does neither."""
        path = self.path if is_absolute is None else self.path._replace(is_absolute=is_absolute)
        for rest in (self.path.steps[self.number + 1 :], ()):
            path = path._replace(steps=(*steps, *rest), is_guess=False)
            try:
                keys = look_up_each(self.document, self.base, path)
                text = str(path if EachStep() in path.steps else keys[0].path)
                look_up_each(self.document, self.base, KeyPath.parse(text))  # as it will be typed
            except PathError as error:
                if error.meant:
                    return error.meant
            else:
                return text
        return ""

    def _instead(self, *steps: PathStep) -> str:
        """As `_meant`, with other steps in place of the next one."""
        return self._meant(*self.path.steps[: self.number], *steps)

    def _error(self, what: str, remedy: str = "", meant: str = "", kind: type[PathError] = PathError) -> PathError:
        """`remedy` has `{}` for the path that is meant."""
        error = kind(what, remedy=remedy.replace("{}", shortened(meant, 200)), place=self.document.position(self.route))
        is_index = isinstance(self.path.steps[-1], IndexStep)
        error.meant, error.is_last = meant, self.number + 1 == len(self.path.steps) and not is_index
        return error

    def rewrite_next(self) -> None:
        """The next step as it is usually written: `.worker` and `.0` of a list are items, `[version]` of a mapping is a
        key, keys of Tarmak may be separated by slashes, and a mapping of scalars has no keys below its keys."""
        (step, *rest), field, kind = self.path.steps[self.number :], self.field, self._kind
        new: list[PathStep] = [step]
        if isinstance(step, NameStep) and not step.keys and kind == "a mapping":
            new = [KeyStep(step.name)]
        elif isinstance(step, KeyStep) and kind == "a list":
            new = [IndexStep(int(step.name)) if re.match(INDEX, step.name) else NameStep(step.name)]
        elif isinstance(step, KeyStep) and field is not None and field.kind == "struct" and "/" in step.name:
            is_plain = re.search(rf"(?<![\"']){re.escape(step.name)}", self.path.text)
            if is_plain and not self.document.has(self.route / step.name):
                new = [KeyStep(name) for name in step.name.split("/") if name] or new
        elif field is not None and field.kind == "map" and field.of is not None and field.of.is_scalar:
            keys = [key.name for key in (step, *rest) if isinstance(key, KeyStep)]
            new, rest = ([KeyStep(".".join(keys))], []) if len(keys) == len(rest) + 1 else (new, rest)
        self.path = self.path._replace(steps=(*self.path.steps[: self.number], *new, *rest))

    def _enter(self, step: Key | int, type_step: str, node: Node | None) -> None:
        self.route, self.type_path, self.node = self.route / step, (*self.type_path, type_step), node
        self.field = None if self.field is None else self.field.below(type_step)

    def enter_key(self, name: str, *, unknown: bool, advice: str) -> None:
        field, node = self.field, None if self.node is None else dereference(self.node)
        is_mapping = isinstance(node, Mapping) or is_null(node) if field is None else field.kind in ("struct", "map")
        if not is_mapping:
            what = f"{self._where} is {self._kind}, so it has no key {quoted(name)}"
            raise self._error(what, "write {}, or put a key that contains dots in quotes", self._where)
        entry = node.effective(name) if isinstance(node, Mapping) else None
        if field is not None and field.kind == "struct" and name not in field.fields:
            path = (*self.type_path, name)
            if not name.startswith("x-") and not any(path == owned[: len(path)] for owned in owned_paths()):
                if entry is None and not unknown:
                    raise self._unknown(name, field, advice)
                self.is_unknown = True
        is_free = field is not None and field.kind == "map"
        self._enter(Key(name), ITEM if is_free else name, None if entry is None else entry.value)

    def _unknown(self, name: str, field: Field, advice: str) -> PathError:
        place = f"in {self._where}" if self.type_path else "at the top level"
        what = f"Tarmak does not know the key {quoted(name)} {place}"
        guess = suggest_key(name, None, self.type_path, field.struct, ())
        known, meant = choose_among(name, field.fields), ""
        single = re.match(r"did you mean (\w+)\?", known)
        if guess is not None and guess.path[:-1] == self.type_path:
            meant = self._instead(KeyStep(guess.path[-1]))
        elif guess is not None:
            # What is written with a leading / may be below the selected cluster.
            is_relative = guess.path[: len(CLUSTER)] == CLUSTER and bool(self.base.steps)
            meant = self._meant(*self._steps_of(guess.path, is_relative=is_relative), is_absolute=not is_relative)
        elif not self.number:
            meant = self._meant(KeyStep("clusters"), NameStep(name), is_absolute=True)  # a cluster's name
        meant = meant or (self._instead(KeyStep(single[1])) if single is not None and single[1] != "one" else "")
        if meant:
            return self._error(what, "did you mean {}?", meant)
        return self._error(what, f"{known}; {advice}" if advice else known)

    def _steps_of(self, path: TypePath, *, is_relative: bool) -> tuple[PathStep, ...]:
        """The steps to a type path: of the current cluster, and of the first item of other lists."""
        steps: tuple[PathStep, ...] = ()
        for step in path[len(CLUSTER) :] if is_relative else path:
            if step != ITEM:
                steps = (*steps, KeyStep(step))
                continue
            key = look_up(self.document, self.base, KeyPath("", steps, not is_relative))
            steps = (*steps, *_example(self.document, key.node, key.field))
        return steps

    def enter_item(self, step: PathStep) -> None:
        where, items, kind = self._where, items_of(self.node), self._kind
        if kind != "a list" and not (self.field is None and is_null(self.node)):
            above = str(self.path._replace(steps=self.path.steps[: self.number]))
            raise self._error(f"{where} is {kind}, not a list", "write {}", above)
        if not items:
            what = f"no item {step.number}" if isinstance(step, IndexStep) and kind == "a list" else f"no {where}{step}"
            state = "has no items" if kind == "a list" else "is not set"
            raise self._error(f"{where} {state}, so there is {what}", kind=NoSuchItem)
        if isinstance(step, NameStep):
            index = self._chosen(step, items)
        elif isinstance(step, IndexStep):
            index = step.number + len(items) if step.number < 0 else step.number
            if not 0 <= index < len(items):
                count = f"{len(items)} item{'' if len(items) == 1 else 's'}"
                what = f"{where} has {count}, so there is no item {step.number}"
                raise self._error(what, "the first has the index 0, the last -1", kind=NoSuchItem)
        else:
            raise self._several(f"{where}{step} means all items", range(len(items)))
        self._enter(index, ITEM, items[index])

    def _several(self, what: str, indices: Iterable[int]) -> PathError:
        which = brief_list(f"{self._where}[{index}] ({self._position(index)})" for index in indices)
        return self._error(what, f"choose one of {which}")

    def _chosen(self, step: NameStep, items: tuple[Node, ...]) -> int:
        """The index of the item that has a name, or a value at a key."""
        where, keys, wanted, of = self._where, ".".join(step.keys), step.name, self.field and self.field.of
        is_named = step.keys in ((), ("name",))  # `name` is that of an item, wherever it is written
        texts = [names_of(item, of) if is_named else texts_at(item, step.keys) for item in items]
        chosen = [index for index, names in enumerate(texts) if wanted in names]
        if len(chosen) > 1:
            raise self._several(f"{where}{step} means {len(chosen)} items", chosen)
        if chosen:
            return chosen[0]
        what = f"{where} has no item {f'with {keys} ' if keys else ''}{quoted(wanted)}"
        if not keys and of is not None and wanted in of.fields:
            example = self._instead(*_example(self.document, self.node, self.field), KeyStep(wanted))
            raise self._error(what, "choose an item first, as in {}", example)
        places = {name: index for index, names in reversed([*enumerate(texts)]) for name in names}
        near = closest(wanted, places)
        meant = "" if near is None else self._instead(step._replace(name=near))
        if near is not None and meant:
            raise self._error(what, f"did you mean {{}} ({self._position(places[near])})?", meant, NoSuchItem)
        named = {names[-1]: index for index, names in enumerate(texts) if names}
        which = brief_list(f"{shortened(name)} ({self._position(index)})" for name, index in named.items())
        if which or keys:
            raise self._error(what, f"it has {which}" if which else "no item has that key", kind=NoSuchItem)
        remedy = "its items have no names: use an index, as in {}"
        raise self._error(what, remedy, self._instead(IndexStep(0)), NoSuchItem)

    def _position(self, index: int) -> Place:
        return self.document.position(self.route / index)


Keys = tuple[str, ...]
"""The path of a name below an item."""

_NAMES: tuple[Keys, ...] = (("metadata", "name"), ("name",), ("identifier",), ("key",))

# A pool without a name is named after its type (SetDefaults_InstancePool), and a subnet is the one of its zone.
_MORE: dict[str, Keys] = {"InstancePool": ("type",), "Subnet": ("zone",)}


@cache
def naming_keys(struct: str) -> tuple[Keys, ...]:
    """The paths whose values name an item; the first that an item has counts. Empty for structs without names."""
    fields = {keys: Field("struct", struct=struct).below(*keys) for keys in _NAMES if struct}
    naming = tuple(keys for keys, field in fields.items() if field is not None and field.kind == "string")
    return (*naming, _MORE[struct]) if struct in _MORE else naming


def names_of(item: Node, field: Field | None) -> tuple[str, ...]:
    """The names that an item of a list has; `field` is the type of the items. A cluster has two: `blue` and
    `prod-blue`. The name of a plain value is the value itself."""
    node = dereference(item)
    if isinstance(node, Scalar):
        return texts_at(node, ())
    for keys in naming_keys(field.struct) if field is not None and field.kind == "struct" else _NAMES:
        name = next(iter(texts_at(node, keys)), "")
        if name:
            is_cluster = field is not None and field.struct == "Cluster"
            environment = next(iter(texts_at(node, ("environment",))), "") if is_cluster else ""
            return (name, f"{environment}-{name}") if environment else (name,)
    return ()


def item_steps(items: Iterable[Node], of: Field | None) -> list[NameStep | IndexStep]:
    """The step of a path to each item of a list: its name, or its index if it has none, or another one has it too."""
    names = [names_of(item, of)[-1:] for item in items]
    return [
        NameStep(name[0]) if name and names.count(name) == 1 else IndexStep(index) for index, name in enumerate(names)
    ]


def _example(document: Document, node: Node | None, field: Field | None) -> list[NameStep | IndexStep]:
    """The step to one item of a list, the current cluster or else the first; none if the list is empty."""
    steps = item_steps(items_of(node), field and field.of)
    current = texts_at(document.root, ("currentCluster",)) if document.root is not None else ()
    return [step for step in steps if isinstance(step, NameStep) and step.name in current] or steps[:1]


def texts_at(node: Node, keys: Keys) -> tuple[str, ...]:
    """The text of the scalar at a path of keys, through aliases and merge keys, and that of its value if it differs:
    `on` is also `true`. None if it is null."""
    for key in keys:
        mapping = dereference(node)
        entry = mapping.effective(key) if isinstance(mapping, Mapping) else None
        if entry is None:
            return ()
        node = entry.value
    scalar = dereference(node)
    if not isinstance(scalar, Scalar) or is_null(scalar):
        return ()
    value = resolve_v2(scalar)
    other = str(value).lower() if isinstance(value, bool) else str(value)
    return (scalar.text,) if isinstance(value, str) else (scalar.text, other)


def is_null(node: Node | None) -> bool:
    node = None if node is None else dereference(node)
    return resolve_v2(node) is None if isinstance(node, Scalar) else node is None


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none for any other node."""
    node = None if node is None else dereference(node)
    return node.items if isinstance(node, Sequence) else ()


Offer = tuple[str, str]


def path_offers(file: ReadFile, base: Route, typed: str, *, only_lists: bool = False) -> Iterator[Offer]:
    """The paths that begin with what is typed and are one step longer, each with the type of its value; if that is only
    one, also those that are longer still. `base` is the route of the cluster that relative paths begin at; empty if all
    paths are absolute. Raises SelectionError if the typed part means nothing."""
    offers = [offer for offer in _next_offers(file.document, base, typed) if offer[0].startswith(typed)]
    if len(offers) == 1:
        path = offers[0][0]
        offers += _next_offers(file.document, base, path if path.endswith("]") else f"{path}.")
    return (offer for offer in offers if not only_lists or offer[1] in ("a list", "a mapping"))


def _next_offers(document: Document, base: Route, typed: str) -> Iterator[Offer]:
    def key_at(text: str) -> FoundKey:
        return look_up(document, base, KeyPath.parse(text or ".", root=not base.steps))

    def items(head: str, key: FoundKey) -> Iterator[Offer]:
        of = key.field and key.field.of
        return ((f"{head}{step}", kind_text(of)) for step in item_steps(items_of(key.node), of))

    # What comes before the last step, and that step. Dots in quotes are not told from others.
    match = re.match(r"(.*?)(\[[^\[\]]*\]?|\.[^.\[\]]*)\Z", typed)
    head, mark = (match[1], match[2][0]) if match else (ROOT if typed.startswith(ROOT) else "", "")
    key = key_at(head)
    if mark == "[":
        yield from items(head, key)
        if not typed.endswith("]"):
            return
        head, mark, key = typed, ".", key_at(typed)
    node, field = None if key.node is None else dereference(key.node), key.field
    members: dict[str, Field | None] = {}
    if field is not None and field.kind == "struct":
        # Tarmak reads the keys of Kubernetes objects at the top level only.
        hidden = ("apiVersion", "kind") if key.type_path else ()
        written = {name: of for name, of in field.fields.items() if of.struct not in NOT_WRITTEN}
        members |= {name: of for name, of in written.items() if name not in hidden}
        for section in load_sections() if key.type_path == CLUSTER and not mark else ():  # by their names alone
            members |= {} if (of := CLUSTER_FIELD.below(*section.path)) is None else of.fields
    elif isinstance(node, Mapping):
        texts = [entry.text for entry in node.entries if not entry.is_merge]
        members |= {text: None if field is None else field.of for text in texts if text is not None}
    for name, of in members.items():
        path = f"{head}{mark}{KeyStep(name)}"
        yield path, kind_text(of)
        if of is not None and of.kind == "list":
            yield from items(path, key_at(path))


def value_offers(file: ReadFile, base: Route, text: str) -> list[str]:
    """The values that a key may have, if they are few. Raises SelectionError."""
    target = look_up(file.document, base, KeyPath.parse(text, root=not base.steps))
    name = target.type_path[-1] if target.type_path else ""
    if target.field is not None and (target.field.choices or target.field.kind == "bool"):
        return list(map(str, target.field.choices)) or ["true", "false"]
    if name == "currentCluster":  # keys whose value is a name in the file
        return [cluster.cluster_name for cluster in file.selectable_clusters]
    objects = {"environment": file.environments, "provider": file.providers}.get(name, ())
    return [text for item in objects if (text := str((item.get("metadata") or {}).get("name") or ""))]
