"""Where an edit takes place: the containers on the way to a path, and what is missing of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

from tarmak_iam.document.construct import python_key
from tarmak_iam.document.layout import Layout, layout_near
from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Route, Step

__all__ = ["Holder", "Target", "is_null", "locate", "refuse"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A node and how it hangs in the document: under an entry, as a list's item, or (neither) as the root.

    `native` is the step into the plain data: an index, or the key as the reader resolved it.
    """

    node: Node
    entry: Entry | None = None
    index: int | None = None
    native: Any = None


@dataclass(frozen=True, slots=True)
class Target:
    """`holders` lead from the root to the deepest node that exists; `missing` are the steps beyond it."""

    tree: Tree
    route: Route
    holders: tuple[Holder, ...]
    missing: tuple[Step, ...]
    literals: bool = True
    """Whether new text of several lines may be a literal block: not everywhere it fits."""

    def layout(self, inside: int = 0) -> Layout:
        """What new text inside the deepest node has to look like (`inside` 1: in its parent, beside it)."""
        nodes = [holder.node for holder in self.holders[: len(self.holders) - inside]]
        return replace(layout_near(self.tree.source, reversed(nodes)), literal=self.literals)

    @property
    def native_path(self) -> list[Any]:
        """The route in terms of the plain data (an int key is an int there)."""
        rest = [step.text if isinstance(step, Key) else step for step in self.missing]
        return [holder.native for holder in self.holders[1:]] + rest

    @property
    def in_flow(self) -> bool:
        """Whether the deepest node lies inside a flow collection (not: is one)."""
        return self.tree.is_json or any(_is_flow(holder.node) for holder in self.holders[:-1])


def locate(tree: Tree, route: Route) -> Target:
    """Raises EditRefused where the way leads through an alias, a merge, or a node of another kind."""
    if tree.root is None:
        return Target(tree, route, (), route.steps)
    holders = [Holder(tree.root)]
    for number, step in enumerate(route.steps):
        node = holders[-1].node
        if isinstance(node, Alias):
            refuse(
                tree,
                node,
                f"{Route(route.steps[:number])} is the alias *{node.name}: a change would reach all places that use it",
                f"edit the value at &{node.name}, or write the value out here",
            )
        if is_null(node):
            return Target(tree, route, tuple(holders), route.steps[number:])
        held = _step(tree, node, step, Route(route.steps[:number]))
        if held is None:
            _refuse_merged(tree, node, route, number)
            return Target(tree, route, tuple(holders), route.steps[number:])
        holders.append(held)
    return Target(tree, route, tuple(holders), ())


def _step(tree: Tree, node: Node, step: Step, at: Route) -> Holder | None:
    if isinstance(step, Key):
        if not isinstance(node, Mapping):
            refuse(tree, node, f"{at} is {_kind(node)}, not a mapping", f"'{step.text}' has no place there")
        entry = node.occurrence(step.text, step.occurrence)
        if entry is None and step.occurrence >= 0:
            refuse(tree, node, f"{at} has no {step.text} number {step.occurrence + 1}", "name one that is there")
        if entry is not None and entry.is_merge:
            refuse(tree, entry.key, f"{at / step} is a merge, not a key", "edit the merged mapping itself")
        return None if entry is None else Holder(entry.value, entry=entry, native=_native_key(entry, node))
    if not isinstance(node, Sequence):
        refuse(tree, node, f"{at} is {_kind(node)}, not a list", f"index {step} has no place there")
    if not 0 <= step < len(node.items):
        refuse(tree, node, f"{at} has {len(node.items)} items, there is no index {step}", "append adds one")
    return Holder(node.items[step], index=step, native=step)


def _refuse_merged(tree: Tree, node: Node, route: Route, number: int) -> None:
    """A parent that comes only from `<<` cannot be extended: a key of that name would hide all of it."""
    step = route.steps[number]
    is_parent = number < len(route.steps) - 1
    if is_parent and isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text):
        refuse(
            tree,
            node,
            f"{Route(route.steps[: number + 1])} comes from a merge (<<); a key of that name here would hide all of it",
            "edit the merged mapping, or write the value out here",
        )


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style == "plain" and resolve_v2(node) is None


def _native_key(entry: Entry, mapping: Mapping) -> Any:
    before = mapping.entries[: mapping.entries.index(entry)]
    return python_key(_resolved(entry), entry.text, [_resolved(other) for other in before if not other.is_merge])


def _resolved(entry: Entry) -> Any:
    key = dereference(entry.key)
    return resolve_v2(key) if isinstance(key, Scalar) else None


def _is_flow(node: Node) -> bool:
    return isinstance(node, (Mapping, Sequence)) and node.flow


def _kind(node: Node) -> str:
    return {Mapping: "a mapping", Sequence: "a list", Scalar: "a scalar", Alias: "an alias"}[type(node)]


def refuse(tree: Tree, node: Node, what: str, remedy: str) -> NoReturn:
    raise EditRefused(what, remedy=remedy, place=tree.source.place(node.span.start))
