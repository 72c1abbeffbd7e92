"""Where an edit takes place: the containers on the way to a path, and the part of the path that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, dereference, merged_entry
from tarmak_iam.document.plain_values import python_key
from tarmak_iam.document.render import Layout, Nearby, layout_near
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.document.splices import member_count
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route, Step
from tarmak_iam.text import quoted


@dataclass(frozen=True, slots=True)
class Holder:
    """A node and its place in its parent: the value of `entry`, the list item `index`, or (both None) the root.

    `native` is the step into the plain data: an index, or the key as the reader resolved it.
    """

    node: Node
    entry: Entry | None = None
    index: int | None = None
    native: Any = None


@dataclass(frozen=True, slots=True)
class Target:
    """The place that a route leads to. `holders` go from the root to the deepest node that exists; `missing` are the
    steps after it."""

    tree: Tree
    route: Route
    holders: tuple[Holder, ...]
    missing: tuple[Step, ...]
    literals: bool = True
    """Whether a new string of several lines may be a literal block."""
    keeps_tags: bool = False
    """Whether the custom tag of a value that is replaced stays."""

    def layout(self, inside: int = 0, at: int | None = None) -> Layout:
        """The layout of new text inside the deepest node (`inside` 1: inside its parent, next to it). `at` is the
        number that a new member of the deepest node will have; None: it is added at the end."""
        places = self._places(len(self.holders) - inside, at)
        file = self.tree.source.text if self.tree.file is None else self.tree.file
        return layout_near(self.tree.source, places, self.tree.layouts, file, literal=self.literals)

    def _places(self, count: int, at: int | None) -> Iterator[Nearby]:
        """The deepest of the first `count` nodes, and the nodes that it is inside of, outwards."""
        for depth in reversed(range(count)):
            node = self.holders[depth].node
            if depth + 1 == len(self.holders):
                yield Nearby(node, member_count(node) if at is None else at, "around")
                continue
            number = _number_in(node, self.holders[depth + 1])
            if depth + 1 == count:
                yield Nearby(node, number, "others")
            yield Nearby(node, number, "inside")

    @property
    def node(self) -> Node | None:
        """The deepest node that exists; None in an empty document."""
        return self.holders[-1].node if self.holders else None

    @property
    def parent(self) -> Target:
        """The parent of the deepest node that exists, as a target."""
        route = Route(self.route.steps[: len(self.holders) - 2])
        return replace(self, route=route, holders=self.holders[:-1], missing=())

    def member(self, number: int) -> Target:
        """A member of the deepest node, which is a collection. If keys are equal, the route means the last one."""
        node = self.holders[-1].node
        if isinstance(node, Mapping):
            entry = node.entries[number]
            held = Holder(entry.value, entry=entry, native=native_keys(node)[number])
            return replace(self, route=self.route / (entry.text or ""), holders=(*self.holders, held))
        assert isinstance(node, Sequence)
        held = Holder(node.items[number], index=number, native=number)
        return replace(self, route=self.route / number, holders=(*self.holders, held))

    @property
    def number(self) -> int:
        """The number of the deepest node among the members of its parent."""
        return _number_in(self.holders[-2].node, self.holders[-1])

    @property
    def existing(self) -> Target:
        """The deepest node that exists, as a target without missing steps."""
        return replace(self, route=Route(self.route.steps[: max(len(self.holders) - 1, 0)]), missing=())

    @property
    def native_path(self) -> list[Any]:
        """The steps into the plain data, where an int key is an int."""
        rest = [step.text if isinstance(step, Key) else step for step in self.missing]
        return [holder.native for holder in self.holders[1:]] + rest

    @property
    def in_flow(self) -> bool:
        """Whether the deepest node is inside a flow collection (not: is one itself)."""
        return self.tree.is_json or any(_is_flow(holder.node) for holder in self.holders[:-1])


def _number_in(parent: Node, holder: Holder) -> int:
    if isinstance(parent, Mapping):
        assert holder.entry is not None
        return entry_number(parent, holder.entry)
    assert holder.index is not None
    return holder.index


def locate(tree: Tree, route: Route) -> Target:
    """The place that a route leads to. Raises EditRefused if the route leads through an alias, a merge key, or a node
    of another kind."""
    if tree.root is None:
        return Target(tree, route, (), route.steps)
    holders = [Holder(tree.root)]
    for number in range(len(route.steps)):
        node = holders[-1].node
        route = _with_last(route, number, node)
        step = route.steps[number]
        if isinstance(node, Alias):
            refuse(
                tree,
                node,
                f"{Route(route.steps[:number])} is the alias *{node.name}: a change would affect every use of it",
                f"edit the value at &{node.name}, or replace the alias with its value",
            )
        if is_null(node):
            return Target(tree, route, tuple(holders), route.steps[number:])
        held = _step(tree, node, step, Route(route.steps[:number]))
        if held is None:
            _refuse_merged(tree, node, route, number)
            return Target(tree, route, tuple(holders), route.steps[number:])
        holders.append(held)
    return Target(tree, route, tuple(holders), ())


def _with_last(route: Route, number: int, node: Node) -> Route:
    """The route with the last of equal keys always named as the last, so that each entry has one route."""
    step = route.steps[number]
    last = node.last(step.text) if isinstance(node, Mapping) and isinstance(step, Key) else None
    if not isinstance(step, Key) or last is None or last.occurrence != step.occurrence:
        return route
    return Route((*route.steps[:number], Key(step.text), *route.steps[number + 1 :]))


def _step(tree: Tree, node: Node, step: Step, at: Route) -> Holder | None:
    if isinstance(step, Key):
        if not isinstance(node, Mapping):
            refuse(
                tree,
                node,
                f"{at} is {kind_of(node)}, not a mapping",
                f"{quoted(step.text)} can only be a key of a mapping",
            )
        entry = node.occurrence(step.text, step.occurrence)
        if entry is None and step.occurrence >= 0:
            refuse(tree, node, f"{at} has no key {step.text} number {step.occurrence + 1}", "specify an existing one")
        if entry is not None and entry.is_merge:
            refuse(tree, entry.key, f"{at / step} is a merge key", "edit the merged mapping")
        if entry is None:
            return None
        native, other = _native_key(node, entry)
        if other is not None:
            line = tree.source.position(other.key.span.start)[0]
            refuse(tree, entry.key, f"{at / step} is ignored: line {line} overrides it", f"edit line {line}")
        return Holder(entry.value, entry=entry, native=native)
    if not isinstance(node, Sequence):
        refuse(tree, node, f"{at} is {kind_of(node)}, not a list", f"only a list has an index such as {step}")
    if not 0 <= step < len(node.items):
        refuse(tree, node, f"{at} has no index {step}", _existing_indices(len(node.items)))
    return Holder(node.items[step], index=step, native=step)


def _existing_indices(length: int) -> str:
    if not length:
        return "the list is empty: append an item"
    return f"use {'index 0' if length == 1 else f'an index from 0 to {length - 1}'}, or append an item"


def _refuse_merged(tree: Tree, node: Node, route: Route, number: int) -> None:
    """Refuses to extend a parent that comes only from `<<`: a key of that name would hide all of it."""
    step = route.steps[number]
    is_parent = number < len(route.steps) - 1
    if is_parent and isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text):
        refuse(
            tree,
            node,
            f"{Route(route.steps[: number + 1])} comes from a merge key (<<); the same key here would hide all of it",
            "edit the merged mapping, or write the whole value here",
        )


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


def _native_key(mapping: Mapping, own: Entry) -> tuple[Any, Entry | None]:
    """An entry's key in the plain data, and the later entry that overrides it there (`on:` after `yes:`)."""
    keys, number = native_keys(mapping), entry_number(mapping, own)
    if mapping.overrides is None:
        mapping.overrides = mapping.merges or len(set(keys)) < len(keys)
    if not mapping.overrides:
        return keys[number], None
    later = zip(keys[number + 1 :], mapping.entries[number + 1 :], strict=True)
    return keys[number], next((entry for key, entry in later if _takes_place(entry, key, keys[number], own)), None)


def entry_number(mapping: Mapping, entry: Entry) -> int:
    """The number of one of the mapping's entries."""
    if mapping.numbers is None:
        mapping.numbers = {id(each): number for number, each in enumerate(mapping.entries)}
    return mapping.numbers[id(entry)]


def _takes_place(entry: Entry, key: Any, own_key: Any, own: Entry) -> bool:
    if entry.is_merge:
        return own.text is not None and merged_entry(entry.value, own.text) is not None
    return bool(key == own_key) and type(key) is type(own_key)


def _is_flow(node: Node) -> bool:
    return isinstance(node, (Mapping, Sequence)) and node.flow


def kind_of(node: Node) -> str:
    return {Mapping: "a mapping", Sequence: "a list", Scalar: "a scalar", Alias: "an alias"}[type(node)]


def refuse(tree: Tree, node: Node, what: str, remedy: str) -> NoReturn:
    raise EditRefused(what, remedy=remedy, place=tree.source.place(node.span.start))
