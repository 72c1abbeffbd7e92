"""A patch as the edits that it needs: mappings are merged, items of lists by their names, and null removes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import field
from typing import Any

from tarmak_iam.config.item_names import Keys, items_of, names_of, naming_keys, node_at, scalar_texts
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.document import Append, Document, Remove, Set
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.document.plain_values import construct, same
from tarmak_iam.document.render import scalar_text
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.suggestions import closest
from tarmak_iam.text import brief_list, quoted, shortened


@dataclass(frozen=True, slots=True)
class AddedItem:
    """An item that a patch adds at `route`, of the type `of`, because none of the list has its name. `known` are the
    names of the other items."""

    route: Route
    of: Field
    where: str
    name: str
    known: list[str]

    @property
    def flaw(self) -> str:
        return f"{self.where} has no item {quoted(self.name)}, and it cannot be added"

    @property
    def remedy(self) -> str:
        """What was meant, if a name is similar."""
        near = closest(self.name, self.known)
        if near == self.name:  # `prod-blue` of a cluster, without an environment
            return "write the environment and the metadata.name of the cluster"
        return "" if near is None else f"did you mean {shortened(near)}?"

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal for items of one name that a patch adds to the same lists of several clusters."""
        return *(step for step in self.route.plain if isinstance(step, str)), self.name


class RefusedItems(ConfigError):
    """`items`, which a patch adds because there is none of their names, cannot be added. `added` are all such items."""

    def __init__(self, items: SequenceOf[AddedItem], added: SequenceOf[AddedItem]) -> None:
        super().__init__("")
        self.items, self.added = items, added

    def count(self, item: AddedItem) -> int:
        """The number of lists that the patch adds the item to."""
        return sum(each.kind == item.kind for each in self.added)


@dataclass(frozen=True, slots=True)
class Patch:
    """`base` is the route that paths in messages begin at."""

    document: Document
    base: Route = Route()
    added: list[AddedItem] = field(default_factory=list)
    """The items that `edits` has found no item for."""

    def edits(self, value: Any, route: Route, field: Field | None) -> Iterator[ValueEdit]:
        """The edits that merge a value into what is at a route. Raises SelectionError for an item of a list that has
        no name, or the name of several items."""
        node = self._node(route)
        if isinstance(value, (list, tuple)) and field is not None and _is_named(field):
            self._check_items(value, route, field.of)
        if isinstance(value, Mapping) and isinstance(node, MappingNode) and node.entries:
            for key, child in value.items():
                name = key if isinstance(key, str) else scalar_text(key)
                yield from self._member(child, route / name, None if field is None else field.below(name))
        elif isinstance(value, (list, tuple)) and isinstance(node, Sequence) and node.items and _is_named(field):
            assert field is not None
            if same(construct(node, self.document.source), without_nulls(value)):
                return  # items without names included
            if not value:
                what = f"{self._name(route)} is empty in the patch: items are merged by name, so nothing would change"
                remedy = "use null to remove the list, or set to replace it"
                raise SelectionError(what, remedy=remedy, place=self.document.position(route))
            for number, item in enumerate(value):
                yield from self._item(item, number, route, field.of)
        else:
            wanted = without_nulls(value)
            has_it = node is not None and same(construct(node, self.document.source), wanted)  # or by a merge key
            if (wanted or not value) and not has_it:
                yield Set(route, wanted)

    def _member(self, value: Any, route: Route, field: Field | None) -> Iterator[ValueEdit]:
        if value is not None:
            yield from self.edits(value, route, field)
        elif self._node(route) is not None:
            yield Remove(route)

    def _check_items(self, items: Iterable[Any], route: Route, of: Field | None) -> None:
        """Raises SelectionError if two items of the patch are the same one: only one of them would stay."""
        assert of is not None
        first: dict[tuple[tuple[Keys, str], ...], int] = {}
        for number, item in enumerate(items):
            wanted = tuple(_identity(item, of.struct).items())
            if wanted and first.setdefault(wanted, number) != number:
                what = f"items {first[wanted]} and {number} of {self._name(route)} in the patch have the same name"
                raise SelectionError(what, remedy="keep one of them", place=self.document.position(route))

    def _item(self, value: Any, number: int, route: Route, of: Field | None) -> Iterator[ValueEdit]:
        assert of is not None
        wanted = _identity(value, of.struct)
        if not wanted:
            keys = " or ".join(".".join(each) for each in naming_keys(of.struct))
            what = f"item {number} of {self._name(route)} in the patch has no name"
            raise SelectionError(what, remedy=f"set its {keys}", place=self.document.position(route))
        found = [index for index, item in enumerate(items_of(self._node(route))) if _has(item, wanted)]
        if len(found) > 1:
            which = [f"{self._name(route / index)} ({self.document.position(route / index)})" for index in found]
            what = f"item {number} of {self._name(route)} in the patch means {len(found)} items: {brief_list(which)}"
            raise SelectionError(what, remedy="rename one of them first", place=self.document.position(route))
        if found:
            yield from self.edits(value, route / found[0], of)
        else:
            self.added.append(self._added(wanted, route, of))
            yield Append(route, without_nulls(value))

    def _added(self, wanted: dict[Keys, str], route: Route, of: Field) -> AddedItem:
        known = [name for item in items_of(self._node(route)) for name in names_of(item, of)]
        return AddedItem(route, of, str(self._name(route)), "-".join(reversed(wanted.values())), known)

    def _name(self, route: Route) -> Route:
        return Route(route.steps[len(self.base) :])

    def _node(self, route: Route) -> Node | None:
        node = self.document.node(route)
        return None if node is None else dereference(node)


def _is_named(field: Field | None) -> bool:
    """Whether the items of a list have names."""
    return (
        field is not None and field.of is not None and field.of.kind == "struct" and bool(naming_keys(field.of.struct))
    )


def _identity(item: Any, struct: str) -> dict[Keys, str]:
    """The values by which an item is found: of a cluster also its environment, since names repeat."""
    found: dict[Keys, str] = {}
    for keys in naming_keys(struct):
        value = _at(item, keys)
        if value is not None and not isinstance(value, (dict, list)):
            found[keys] = str(value)
            break
    environment = _at(item, ("environment",))
    if found and struct == "Cluster" and environment is not None:
        found["environment",] = str(environment)
    return found


def _at(item: Any, keys: Keys) -> Any:
    for key in keys:
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def _has(item: Node, wanted: Mapping[Keys, str]) -> bool:
    nodes = {keys: node_at(item, keys) for keys in wanted}
    return all(isinstance(node, Scalar) and wanted[keys] in scalar_texts(node) for keys, node in nodes.items())


def without_nulls(value: Any) -> Any:
    """The value without the keys that are null; a mapping that had only those is left out too."""
    if isinstance(value, Mapping):
        left = {key: (each, without_nulls(each)) for key, each in value.items() if each is not None}
        return {key: new for key, (old, new) in left.items() if new or not isinstance(old, Mapping) or not old}
    return [without_nulls(each) for each in value] if isinstance(value, (list, tuple)) else value


def name_of_value(value: Any, field: Field | None) -> str:
    """The name of an item that is to be written; empty if it has none."""
    if field is None or field.kind != "struct":
        return ""
    found = _identity(value, field.struct)
    return next(iter(found.values()), "")


def naming_text(field: Field | None) -> str:
    """The keys that name an item, for messages."""
    struct = field.struct if field is not None else ""
    return " or ".join(".".join(each) for each in naming_keys(struct)) if struct else quoted("name")
