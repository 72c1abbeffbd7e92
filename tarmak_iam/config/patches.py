"""A patch as the edits that it needs: mappings are merged, items of lists by their names, and null removes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from typing import Any, NamedTuple

from tarmak_iam.config.item_names import Keys, items_of, names_of, naming_keys, node_at, scalar_texts
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.document import Append, Document, Remove, Set
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, dereference
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.document.render import scalar_text
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.routes import Route
from tarmak_iam.text import brief_list, closest, quoted, shortened


class AddedItem(NamedTuple):
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
        return sum(other.kind == item.kind for other in self.added)


class Patch:
    """`base` is the route that paths in messages begin at. `added` are the items that `edits` has found no item for."""

    def __init__(self, document: Document, base: Route) -> None:
        self.document, self.base, self.added = document, base, list[AddedItem]()

    def edits(self, value: Any, route: Route, field: Field | None) -> Iterator[ValueEdit]:
        """The edits that merge a value into what is at a route. Raises SelectionError for an item of a list that has
        no name, or the name of several items."""
        node, named = self.document.node(route), None  # the type of the items if they have names
        node = None if node is None else dereference(node)
        if isinstance(value, (list, tuple)) and field is not None and field.of is not None and field.of.struct:
            named = field.of if naming_keys(field.of.struct) else None
        identities = [] if named is None else self._identities(value, route, named)
        is_present = node is not None and same(construct(node, self.document.source), without_nulls(value))
        if isinstance(value, Mapping) and isinstance(node, MappingNode) and node.entries:
            for key, child in value.items():
                name = key if isinstance(key, str) else scalar_text(key)
                if child is not None:
                    yield from self.edits(child, route / name, None if field is None else field.below(name))
                elif self.document.node(route / name) is not None:
                    yield Remove(route / name)
        elif not is_present and named is not None and items_of(node):
            for number, (item, wanted) in enumerate(zip(value, identities, strict=True)):
                yield from self._item(item, wanted, f"item {number} of {self._name(route)} in the patch", route, named)
        elif not is_present and (not value or without_nulls(value)):
            yield Set(route, without_nulls(value))

    def _identities(self, items: SequenceOf[Any], route: Route, of: Field) -> list[dict[Keys, str]]:
        identities = [_identity(item, of) for item in items]
        for number, wanted in enumerate(identities):
            if wanted and wanted in identities[:number]:  # only one of them would stay
                what = f"items {identities.index(wanted)} and {number} of {self._name(route)} in the patch"
                raise self._error(route, f"{what} have the same name", "keep one of them")
        if not items and items_of(self.document.node(route)):
            what = f"{self._name(route)} is empty in the patch: items are merged by name, so nothing would change"
            raise self._error(route, what, "use null to remove the list, or set to replace it")
        return identities

    def _item(self, value: Any, wanted: dict[Keys, str], name: str, route: Route, of: Field) -> Iterator[ValueEdit]:
        items = items_of(self.document.node(route))
        if not wanted:
            raise self._error(route, f"{name} has no name", f"set its {naming_text(of)}")
        chosen = [index for index, item in enumerate(items) if _has(item, wanted)]
        if len(chosen) > 1:
            which = [f"{self._name(route / index)} ({self.document.position(route / index)})" for index in chosen]
            raise self._error(
                route, f"{name} means {len(chosen)} items: {brief_list(which)}", "rename one of them first"
            )
        if chosen:
            yield from self.edits(value, route / chosen[0], of)
            return
        known = [name for item in items for name in names_of(item, of)]
        self.added.append(AddedItem(route, of, str(self._name(route)), "-".join(reversed(wanted.values())), known))
        yield Append(route, without_nulls(value))

    def _name(self, route: Route) -> Route:
        return Route(route.steps[len(self.base) :])

    def _error(self, route: Route, what: str, remedy: str) -> SelectionError:
        return SelectionError(what, remedy=remedy, place=self.document.position(route))


def _identity(item: Any, of: Field) -> dict[Keys, str]:
    """The values by which an item is found: of a cluster also its environment, since names repeat."""
    if not isinstance(item, Mapping):
        return {}
    values = {keys: value_at(item, keys) for keys in (*naming_keys(of.struct), ("environment",))}
    scalars = {keys: value for keys, value in values.items() if value is not None}
    texts = {keys: str(value) for keys, value in scalars.items() if not isinstance(value, (dict, list))}
    environment = texts.pop(("environment",), None)
    first = dict(list(texts.items())[:1])
    has_environment = first and environment is not None and of.struct == "Cluster"
    return {**first, ("environment",): str(environment)} if has_environment else first


def _has(item: Node, wanted: Mapping[Keys, str]) -> bool:
    nodes = {keys: node_at(item, keys) for keys in wanted}
    return all(isinstance(node, Scalar) and wanted[keys] in scalar_texts(node) for keys, node in nodes.items())


def without_nulls(value: Any) -> Any:
    """The value without the keys that are null; a mapping that had only those is left out too."""
    if isinstance(value, Mapping):
        left = {key: (child, without_nulls(child)) for key, child in value.items() if child is not None}
        return {key: new for key, (old, new) in left.items() if new or not isinstance(old, Mapping) or not old}
    return [without_nulls(item) for item in value] if isinstance(value, (list, tuple)) else value


def name_of_value(value: Any, field: Field | None) -> str:
    """The name of an item that is to be written; empty if it has none."""
    return "" if field is None or not field.struct else next(iter(_identity(value, field).values()), "")


def naming_text(field: Field | None) -> str:
    """The keys that name an item, for messages."""
    struct = field.struct if field is not None else ""
    return " or ".join(".".join(keys) for keys in naming_keys(struct)) if struct else quoted("name")
