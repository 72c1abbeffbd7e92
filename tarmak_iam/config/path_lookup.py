"""Paths of keys of tarmak.yaml as people write them: `instancePools[worker].maxCount`, or absolute with a leading `/`;
which key of a file a path means, which type Tarmak gives it, and what to write instead where it means none; how the
items of lists are named; and the paths and values that completion in a shell offers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tarmak_iam.config.ignored_content import suggest_key
from tarmak_iam.config.section_keys import SectionKey, key_named, keys_of, load_sections, owned_paths
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, ITEM, NOT_WRITTEN, Field, TypePath, root_field, type_path
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.plain_values import construct, value_at
from tarmak_iam.document.scalars import ScalarError, resolve_v2
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import brief_list, choose_among, closest, quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import ReadFile

WHOLE, ROOT = ".", "/"
"""The path of the cluster, which relative paths begin at; that of the whole file, which absolute paths begin with."""

_PLAIN_KEY = r"[^\s.\[\]\"'=/]+\Z"
_PLAIN_NAME = r"(?!-?[0-9]+\Z)[^\s\[\]\"'=]+\Z"


class KeyStep(NamedTuple):
    """A key of a mapping."""

    name: str

    def __str__(self) -> str:
        return _spelled(self.name, _PLAIN_KEY)


class IndexStep(NamedTuple):
    """An item of a list by its index; a negative index counts from the end."""

    number: int

    def __str__(self) -> str:
        return f"[{self.number}]"


class NameStep(NamedTuple):
    """The item of a list with that name, or a list's plain item that is equal; with `keys` the item that has that value
    there."""

    name: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        keys = ".".join(_spelled(key, _PLAIN_KEY) for key in self.keys)
        return f"[{keys}{'=' if keys else ''}{_spelled(self.name, _PLAIN_NAME)}]"


PathStep = KeyStep | IndexStep | NameStep


class KeyPath(NamedTuple):
    """A path of keys. `is_absolute`: from the root of the file, otherwise from a cluster."""

    text: str
    steps: tuple[PathStep, ...]
    is_absolute: bool = False

    @classmethod
    def parse(cls, text: str, *, root: bool = False) -> KeyPath:
        """The path that a text stands for. With `root` it is absolute with or without a leading `/`. Raises
        SelectionError with the column of what is wrong, and what to write instead; TypeError if it is no string."""
        if not isinstance(text, str):
            raise TypeError(f"a path must be a string, as in 'kubernetes.version', not {text!r}")
        is_absolute, steps = text.startswith(ROOT), list[PathStep]()
        at = int(is_absolute)
        while text not in (WHOLE, ROOT) and (at < len(text) or not steps):
            is_selector = bool(steps) and text[at] == "["
            match = re.compile(_SELECTOR if is_selector else rf"\.{_KEY}" if steps else _KEY).match(text, at)
            if match is None or re.match(r"\[(\*?\]|=)", match[0]):
                column, what, remedy = _flaw(text, at, is_first=not steps)
                raise SelectionError(f"path {quoted(text)}, column {column + 1}: {what}", remedy=shortened(remedy, 200))
            steps.append(_selector(match) if is_selector else KeyStep(_text(match, 1)))
            at = match.end()
        return cls(text, tuple(steps), is_absolute or root)

    def __str__(self) -> str:
        """The path in its usual spelling."""
        text = joined(self.steps)
        return f"{ROOT}{text}" if self.is_absolute else text or WHOLE

    def up_to(self, count: int) -> str:
        """The first steps in their usual spelling, for messages."""
        steps = str(self._replace(steps=self.steps[:count]))
        return steps if count else "the file" if self.is_absolute else "the cluster"


def joined(steps: tuple[PathStep, ...]) -> str:
    """Steps in their usual spelling, without anything before them."""
    return "".join(f".{step}" if isinstance(step, KeyStep) else str(step) for step in steps).removeprefix(".")


def _spelled(name: str, plain: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return name if re.match(plain, name) else f'"{escaped}"'


_QUOTED = r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'"
_KEY = rf"(?:{_QUOTED}|([^\s.\[\]\"'=]+))"
_SELECTOR = rf"\[(?:{_QUOTED}|(?![\"'])([^\]=]*))(?:=(?:{_QUOTED}|(?![\"'])([^\]]*)))?\]"
_INDEX = r"-?[0-9]{1,9}\Z"


def _selector(match: re.Match[str]) -> PathStep:
    name, is_plain = _text(match, 1), match[3] is not None
    if match.group(4, 5, 6) != (None, None, None):
        return NameStep(_text(match, 4), tuple(name.split(".")) if is_plain else (name,))
    return IndexStep(int(name)) if is_plain and re.match(_INDEX, name) else NameStep(name)


def _text(match: re.Match[str], group: int) -> str:
    """The text of a name that is in double quotes (the group), in single quotes, or plain (the next groups)."""
    if match[group] is not None:
        return re.sub(r"\\(.)", r"\1", match[group])
    return match[group + 1] if match[group + 1] is not None else match[group + 2].strip()


def _flaw(text: str, at: int, *, is_first: bool) -> tuple[int, str, str]:
    """The index of what is wrong, what it is, and what to write instead."""
    before, here, after = text[:at], text[at : at + 1], text[at + 1 :]
    is_selector = here == "[" and not is_first
    if (after[:1] if is_selector else here) in ("'", '"'):
        return at + is_selector, "the quotation marks are not around a whole key", "put the whole key in quotes"
    if is_selector:
        return at, "the brackets must name one item", "write [NAME], [INDEX] or [KEY=VALUE], as in [worker]"
    if here == "=":
        return at, "a path has no value", f"write the value as a separate argument: {before} {after}".rstrip()
    if here.isspace():
        return at, "a path has no blanks", "put a key that contains a blank in quotes"
    if here == "." and not is_first:
        rest = after.lstrip(".")
        return at + 1, "a key is missing", f"write {before}{'' if rest[:1] in ('', '[') else '.'}{rest}"
    what = "a key is missing" if is_first else "a dot is missing"
    if "/" in text[1:]:
        return at, what, f"write {text[: text.startswith(ROOT)]}{text.lstrip('./').replace('/', '.')}"
    return at, what, "write a key such as kubernetes.version" if is_first else "write a dot before each key"


CLUSTER: TypePath = ("clusters", ITEM)
"""The type path of a cluster, which relative paths begin at."""

APPEND_ONE = "append one"
"""The remedy for a list without items."""


class _Unset:
    def __deepcopy__(self, _: object) -> _Unset:
        return self


UNSET: Any = _Unset()
"""Stands for a key that has no value."""


class NoSuchItem(SelectionError):
    """A list of the file has no item that a path means. `is_last`: it is the end of the path, and not an index."""

    is_last = False


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
        """The key of an installed section, if the path means one with a value. Raises SelectionError for a key that a
        plugin's section does not have."""
        section = None if ITEM in self.type_path[len(CLUSTER) :] else self.section
        below = () if section is None else self.type_path[len(CLUSTER) + len(section.path) :]
        if section is None or not below:
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
    """The key that a path means. `base` is the route of the cluster that a relative path begins at. Raises
    SelectionError for a path that selects nothing (NoSuchItem for an item of a list) or several items, and unless
    `unknown` for a key that Tarmak does not know and that is not in the file. `advice` is added to its message if no
    key is similar."""
    lookup = _Lookup(document, path, Route() if path.is_absolute else base)
    for lookup.number, step in enumerate(path.steps):
        if isinstance(step, KeyStep):
            lookup.enter_key(step.name, unknown=unknown, advice=advice)
        else:
            lookup.enter_item(step)
    return FoundKey(path, lookup.route, lookup.type_path, lookup.field, lookup.node, lookup.is_unknown)


def kind_text(field: Field | None, node: Node | None = None) -> str:
    """A type in words, as in `a whole number`; that of the node if Tarmak does not know the key."""
    if field is not None:
        return "a mapping" if field.kind in ("map", "struct") else field.name
    node = None if node is None else dereference(node)
    return "a list" if isinstance(node, Sequence) else "a mapping" if isinstance(node, Mapping) else "a single value"


class _Lookup:
    """What the first `number` steps of a path lead to."""

    def __init__(self, document: Document, path: KeyPath, base: Route) -> None:
        self.document, self.path, self.route, self.type_path = document, path, base, type_path(base.plain)
        self.field, self.node = root_field().below(*self.type_path), document.node(base)
        self.is_unknown, self.number = False, 0

    @property
    def _where(self) -> str:
        return self.path.up_to(self.number)

    def _rest(self, skipped: int = 1) -> str:
        """The steps after the next one, as they follow another step."""
        steps = self.path.steps[self.number + skipped :]
        return f"{'.' if steps and isinstance(steps[0], KeyStep) else ''}{joined(steps)}"

    def _error(self, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self.document.position(self.route))

    def _no_item(self, what: str, remedy: str) -> NoSuchItem:
        error = NoSuchItem(what, remedy=remedy, place=self.document.position(self.route))
        is_index = isinstance(self.path.steps[-1], IndexStep)
        error.is_last = self.number + 1 == len(self.path.steps) and not is_index
        return error

    def _enter(self, step: Key | int, type_step: str, node: Node | None) -> None:
        self.route, self.type_path, self.node = self.route / step, (*self.type_path, type_step), node
        self.field = None if self.field is None else self.field.below(type_step)

    def enter_key(self, name: str, *, unknown: bool, advice: str) -> None:
        field, node = self.field, None if self.node is None else dereference(self.node)
        is_mapping = isinstance(node, Mapping) or is_null(node) if field is None else field.kind in ("struct", "map")
        if not is_mapping:
            where, kind = self._where, kind_text(field, self.node)
            remedy = f"write {where}, or put a key that contains dots in quotes"
            if kind == "a list":
                steps = item_steps(items_of(self.node), field and field.of)
                remedy = f"choose an item first, as in {where}{steps[0] if steps else '[0]'}{self._rest(0)}"
                if NameStep(name) in steps or name.isdecimal():
                    remedy = f"write {where}[{name}]{self._rest()}"
            raise self._error(f"{where} is {kind}, so it has no key {quoted(name)}", remedy)
        entry = node.effective(name) if isinstance(node, Mapping) else None
        if field is not None and field.kind == "struct" and name not in field.fields:
            path = (*self.type_path, name)
            if not name.startswith("x-") and not any(path == owned[: len(path)] for owned in owned_paths()):
                if entry is None and not unknown:
                    raise self._unknown(name, field, advice)
                self.is_unknown = True
        is_free = field is not None and field.kind == "map"
        self._enter(Key(name), ITEM if is_free else name, None if entry is None else entry.value)

    def _unknown(self, name: str, field: Field, advice: str) -> SelectionError:
        place = f"in {self._where}" if self.type_path else "at the top level"
        what, is_absolute = f"Tarmak does not know the key {quoted(name)} {place}", self.path.is_absolute
        guess = suggest_key(name, None, self.type_path, field.struct, ())
        meant = None
        if self.type_path == CLUSTER and not self.number and name in root_field().fields:
            meant = f"{ROOT}{name}"  # what is not in the cluster, but in the file
        elif guess is not None and guess.path[:-1] == self.type_path:
            meant = str(self.path._replace(steps=(*self.path.steps[: self.number], KeyStep(guess.path[-1]))))
        elif guess is not None and (is_absolute or guess.path[: len(CLUSTER)] == CLUSTER):
            # What is written with a leading / may be below the selected cluster.
            is_relative = guess.path[: len(CLUSTER)] == CLUSTER and (not is_absolute or self.path.text.startswith(ROOT))
            steps = guess.path[len(CLUSTER) :] if is_relative else guess.path
            text = "".join("[NAME]" if step == ITEM else f".{KeyStep(step)}" for step in steps).removeprefix(".")
            meant = f"{'' if is_relative else ROOT}{text}"
        if meant is not None:
            return self._error(what, f"did you mean {meant}{self._rest()}?")
        known = choose_among(name, field.fields)
        return self._error(what, f"{known}; {advice}" if advice else known)

    def enter_item(self, step: IndexStep | NameStep) -> None:
        field, where, items = self.field, self._where, items_of(self.node)
        kind = kind_text(field, self.node)
        if kind != "a list" and not (field is None and is_null(self.node)):
            is_key = kind == "a mapping" and isinstance(step, NameStep) and not step.keys
            key = f".{KeyStep(str(step[0]))}{self._rest()}" if is_key else ""
            raise self._error(f"{where} is {kind}, not a list", f"write {where}{key}")
        if not items:
            what = f"no item {step.number}" if isinstance(step, IndexStep) and kind == "a list" else f"no {where}{step}"
            state = "has no items" if kind == "a list" else "is not set"
            raise self._no_item(f"{where} {state}, so there is {what}", APPEND_ONE)
        if isinstance(step, NameStep):
            index = self._chosen(step, items, None if field is None else field.of)
        else:
            index = step.number + len(items) if step.number < 0 else step.number
            if not 0 <= index < len(items):
                what = (
                    f"{where} has {len(items)} item{'' if len(items) == 1 else 's'}, so there is no item {step.number}"
                )
                raise self._no_item(what, "the first has the index 0, the last -1")
        self._enter(index, ITEM, items[index])

    def _chosen(self, step: NameStep, items: tuple[Node, ...], of: Field | None) -> int:
        """The index of the item that has a name, or a value at a key."""
        where, keys, wanted = self._where, ".".join(step.keys), step.name
        texts = [texts_at(item, step.keys) if keys else names_of(item, of) for item in items]
        chosen = [index for index, names in enumerate(texts) if wanted in names]
        if len(chosen) > 1:
            which = brief_list(f"{where}[{index}] ({self._position(index)})" for index in chosen)
            raise self._error(f"{where}{step} means {len(chosen)} items", f"choose one of {which}")
        if chosen:
            return chosen[0]
        what = f"{where} has no item {f'with {keys} ' if keys else ''}{quoted(wanted)}"
        places = {name: index for index, names in reversed([*enumerate(texts)]) for name in names}
        near = closest(wanted, places)
        if near is not None:
            meant = f"{where}{step._replace(name=near)}{self._rest()}"
            raise self._no_item(what, f"did you mean {meant} ({self._position(places[near])})?")
        named = {names[-1]: index for index, names in enumerate(texts) if names}
        which = brief_list(f"{shortened(name)} ({self._position(index)})" for name, index in named.items())
        without = f"its items have no names: use an index, as in {where}[0]{self._rest()}"
        raise self._no_item(what, f"it has {which}" if which else "no item has that key" if keys else without)

    def _position(self, index: int) -> Place:
        return self.document.position(self.route / index)


Keys = tuple[str, ...]
"""The path of a name below an item: of clusters, pools and providers `metadata.name`, of labels `key`."""

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
    try:
        value = resolve_v2(scalar)
    except ScalarError:
        return (scalar.text,)
    other = str(value).lower() if isinstance(value, bool) else str(value)
    return (scalar.text,) if isinstance(value, str) else (scalar.text, other)


def is_null(node: Node | None) -> bool:
    node = None if node is None else dereference(node)
    if not isinstance(node, Scalar):
        return node is None
    try:
        return resolve_v2(node) is None
    except ScalarError:
        return False


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none for any other node."""
    node = None if node is None else dereference(node)
    return node.items if isinstance(node, Sequence) else ()


Offer = tuple[str, str]
"""A path, and the type of its value."""


def path_offers(file: ReadFile, base: Route, typed: str, *, only_lists: bool = False) -> Iterator[Offer]:
    """The paths that begin with what is typed and are one step longer; if that is only one, also those that are longer
    still. `base` is the route of the cluster that relative paths begin at; empty if all paths are absolute. With
    `only_lists`, the value must be a list. Raises SelectionError if the typed part means nothing."""
    offers = [offer for offer in _next_offers(file.document, base, typed) if offer[0].startswith(typed)]
    if len(offers) == 1:
        path = offers[0][0]
        offers += _next_offers(file.document, base, path if path.endswith("]") else f"{path}.")
    return (offer for offer in offers if not only_lists or offer[1] in ("a list", "a mapping"))


def _next_offers(document: Document, base: Route, typed: str) -> Iterator[Offer]:
    def key_at(text: str) -> FoundKey:
        return look_up(document, base, KeyPath.parse(text or ".", root=not base.steps))

    def items(head: str, key: FoundKey) -> Iterator[Offer]:
        of = None if key.field is None else key.field.of
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
    key, name = target.section_key, target.type_path[-1] if target.type_path else ""
    if key is not None and key.choices:
        return key.choices
    if target.field is not None and target.field.kind == "bool":
        return ["true", "false"]
    if name == "currentCluster":  # keys whose value is a name in the file
        return [cluster.cluster_name for cluster in file.selectable_clusters]
    objects = {"environment": file.environments, "provider": file.providers}.get(name, ())
    return [text for item in objects if (text := str((item.get("metadata") or {}).get("name") or ""))]
