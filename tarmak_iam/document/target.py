"""Where an edit takes place: the containers on the way to a path, and the part of the path that does not exist."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, dereference, is_block, merged_entry
from tarmak_iam.document.scalars import python_key, resolve_v2
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Route, Step
from tarmak_iam.text import quoted


class Holder(NamedTuple):
    """A node and its place in its parent: the value of `entry`, a list item, or (neither) the root.

    `number` is that of the member, and `native` the step into the plain data: an index, or the key as it is there.
    """

    node: Node
    entry: Entry | None = None
    is_item: bool = False
    number: int = 0
    native: Any = None

    @classmethod
    def of(cls, parent: Mapping | Sequence, number: int) -> Holder:
        """The member of a collection that has the number."""
        if isinstance(parent, Mapping):
            entry = parent.entries[number]
            return cls(entry.value, entry=entry, number=number, native=native_keys(parent)[number])
        return cls(parent.items[number], is_item=True, number=number, native=number)


class Target(NamedTuple):
    """The place that a route leads to. `holders`: from the root to the deepest node; `missing`: the steps after it."""

    tree: Tree
    route: Route
    holders: tuple[Holder, ...]
    missing: tuple[Step, ...]
    literals: bool = True
    """Whether a new string of several lines may be a literal block."""
    keeps_tags: bool = False
    """Whether the custom tag of a value that is replaced stays."""

    @property
    def node(self) -> Node | None:
        """The deepest node that exists; None in an empty document."""
        return self.holders[-1].node if self.holders else None

    @property
    def parent(self) -> Target:
        """The parent of the deepest node that exists, as a target."""
        route = Route(self.route.steps[: len(self.holders) - 2])
        return self._replace(route=route, holders=self.holders[:-1], missing=())

    def member(self, number: int) -> Target:
        """A member of the deepest node, which is a collection. If keys are equal, the route means the last one."""
        node = self.holders[-1].node
        assert isinstance(node, (Mapping, Sequence))
        step = (node.entries[number].text or "") if isinstance(node, Mapping) else number
        return self._replace(route=self.route / step, holders=(*self.holders, Holder.of(node, number)))

    @property
    def number(self) -> int:
        """The number of the deepest node among the members of its parent."""
        return self.holders[-1].number

    @property
    def existing(self) -> Target:
        """The deepest node that exists, as a target without missing steps."""
        return self._replace(route=Route(self.route.steps[: max(len(self.holders) - 1, 0)]), missing=())

    @property
    def native_path(self) -> list[Any]:
        """The steps into the plain data, where an int key is an int."""
        rest = [step.text if isinstance(step, Key) else step for step in self.missing]
        return [holder.native for holder in self.holders[1:]] + rest

    @property
    def in_flow(self) -> bool:
        """Whether the deepest node is inside a flow collection (not: is one itself)."""
        return self.tree.is_json or any(not is_block(holder.node) for holder in self.holders[:-1])


def locate(tree: Tree, route: Route) -> Target:
    """The place that a route leads to. Raises EditRefused for a way through an alias, a merge key or another kind."""
    steps, holders = list(route.steps), [Holder(tree.root)] if tree.root is not None else []
    for number, step in enumerate(steps if holders else ()):
        node, above = holders[-1].node, steps[:number]
        if isinstance(node, Alias):
            what = f"{Route.of(above)} is the alias *{node.name}: a change would affect every use of it"
            refuse(tree, node, what, f"edit the value at &{node.name}, or replace the alias with its value")
        if is_null(node):
            break
        held = _entry_at(tree, node, step, above) if isinstance(step, Key) else _item_at(tree, node, step, above)
        if held is None:
            # A parent that comes only from `<<` is not extended: a key of that name would hide all of it.
            is_parent = number < len(steps) - 1
            if is_parent and isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text):
                what = f"{Route.of(above) / step} comes from a merge key (<<); the same key here would hide all of it"
                refuse(tree, node, what, "edit the merged mapping, or write the whole value here")
            break
        if isinstance(step, Key) and isinstance(node, Mapping) and held.entry is node.last(step.text):
            steps[number] = Key(step.text)  # so that each entry has one route
        holders.append(held)
    return Target(tree, Route(tuple(steps)), tuple(holders), tuple(steps[max(len(holders) - 1, 0) :]))


def _entry_at(tree: Tree, node: Node, step: Key, above: list[Step]) -> Holder | None:
    if not isinstance(node, Mapping):
        remedy = f"{quoted(step.text)} can only be a key of a mapping"
        refuse(tree, node, f"{Route.of(above)} is {kind_of(node)}, not a mapping", remedy)
    entry = node.occurrence(step.text, step.occurrence)
    if entry is None:
        if step.occurrence >= 0:
            what = f"{Route.of(above)} has no key {step.text} number {step.occurrence + 1}"
            refuse(tree, node, what, "specify an existing one")
        return None
    if entry.is_merge:
        refuse(tree, entry.key, f"{Route.of(above) / step} is a merge key", "edit the merged mapping")
    number = node.entries.index(entry)
    other = _overriding(node, number)
    if other is not None:
        what, line = f"{Route.of(above) / step} is ignored", tree.source.position(other.key.start)[0]
        refuse(tree, entry.key, f"{what}: line {line} overrides it", f"edit line {line}")
    return Holder.of(node, number)


def _item_at(tree: Tree, node: Node, index: int, above: list[Step]) -> Holder:
    if not isinstance(node, Sequence):
        what = f"{Route.of(above)} is {kind_of(node)}, not a list"
        refuse(tree, node, what, f"only a list has an index such as {index}")
    if not 0 <= index < len(node.items):
        last = len(node.items) - 1
        remedy = f"use {f'an index from 0 to {last}' if last else 'index 0'}, or append an item"
        remedy = remedy if node.items else "the list is empty: append an item"
        refuse(tree, node, f"{Route.of(above)} has no index {index}", remedy)
    return Holder.of(node, index)


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style == "plain" and resolve_v2(node) is None


def native_keys(mapping: Mapping) -> list[Any]:
    """The keys of a mapping's entries as they are in the plain data."""
    if mapping.natives is None:
        kinds: dict[Any, type] = {}
        mapping.natives = []
        for entry in mapping.entries:
            key = dereference(entry.key)
            value = resolve_v2(key) if isinstance(key, Scalar) and not entry.is_merge else None
            mapping.natives.append(value if entry.is_merge else python_key(value, entry.text, kinds))
    return mapping.natives


def _overriding(mapping: Mapping, number: int) -> Entry | None:
    """The later entry that takes the place of one in the plain data: it has the same key there (`on:` after `yes:`), or
    is a merge key that brings the key."""
    keys, text = native_keys(mapping), mapping.entries[number].text
    if not mapping.merge_entries and keys.count(keys[number]) == 1:
        return None
    for key, other in zip(keys[number + 1 :], mapping.entries[number + 1 :], strict=True):
        if merged_entry(other.value, text or "") if other.is_merge else key == keys[number]:
            return other
    return None


def kind_of(node: Node) -> str:
    return {Mapping: "a mapping", Sequence: "a list", Scalar: "a scalar", Alias: "an alias"}[type(node)]


def refuse(tree: Tree, node: Node, what: str, remedy: str) -> NoReturn:
    raise EditRefused(what, remedy=remedy, place=tree.source.place(node.span.start))


def refused(target: Target, what: str, remedy: str = "") -> EditRefused:
    """The refusal of an edit at the place that the target's route leads to."""
    return EditRefused(what, remedy=remedy or "make this change in an editor", place=target.tree.position(target.route))
