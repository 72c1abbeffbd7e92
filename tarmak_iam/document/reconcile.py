"""The changes that turn a node's meaning into another one: as few as possible, each as small as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.arrange import can_be_arranged
from tarmak_iam.document.changes import AddItems, AddMembers, Arrange, Change, RemoveMembers, Write
from tarmak_iam.document.construct import same
from tarmak_iam.document.insert import takes_members
from tarmak_iam.document.matching import Identity, matched
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.ownership import holds_comments
from tarmak_iam.document.target import Target, native_keys, refuse

__all__ = ["Reconciler"]


@dataclass(frozen=True)
class Reconciler:
    """`identities` tell which items of two lists of mappings are the same one (`matching.matched`)."""

    identities: tuple[Identity, ...] = ()

    def changes(self, target: Target, current: Any, wanted: Any) -> Iterator[Change]:
        """What is to be done at the target, which means `current`, so that it means `wanted`.

        Changes of one collection may stand in each other's way: whoever makes them asks again after the first ones.
        Raises EditRefused.
        """
        if same(current, wanted):
            return
        node = target.node
        if takes_members(target, wanted):
            yield AddMembers(target, wanted) if isinstance(wanted, dict) else AddItems(target, 0, wanted)
        elif isinstance(node, Mapping) and isinstance(wanted, dict) and wanted and _is_named(node):
            yield from self._of_mapping(target, node, current, wanted)
        elif isinstance(node, Sequence) and isinstance(wanted, list) and wanted:
            yield from self._of_list(target, current, wanted)
        else:
            yield Write(target, wanted)

    def _of_mapping(
        self, target: Target, node: Mapping, current: dict[Any, Any], wanted: dict[Any, Any]
    ) -> Iterator[Change]:
        keys = native_keys(node)
        own = {key: number for number, key in enumerate(keys) if not node.entries[number].is_merge}
        for key, number in own.items():
            if key in wanted and not same(current[key], wanted[key]):
                yield from self.changes(target.member(number), current[key], wanted[key])
        gone = [n for n, key in enumerate(keys) if key not in wanted and not node.entries[n].is_merge]
        brought = {key for key in current if key not in own}
        if not brought <= wanted.keys():  # what a merge brings cannot be taken out alone: the rest is written out
            gone += [number for number, entry in enumerate(node.entries) if entry.is_merge]
            brought = set()
        new = {
            key: value
            for key, value in wanted.items()
            if key not in own and not (key in brought and same(current[key], value))
        }
        changes: list[Change] = [AddMembers(target, new)] if new else []
        changes += [RemoveMembers(target, tuple(gone))] if gone else []
        # A key that only becomes a text (`1:`, `"1":`) must go before the new one comes.
        becomes_text = {node.entries[number].text for number in gone} & set(map(str, new))
        yield from reversed(changes) if becomes_text else changes

    def _of_list(self, target: Target, current: list[Any], wanted: list[Any]) -> Iterator[Change]:
        pairs = matched(current, wanted, self.identities)
        for after, before in pairs.items():
            if not same(current[before], wanted[after]):
                yield from self.changes(target.member(before), current[before], wanted[after])
        yield from _new_items(target, wanted, pairs)
        staying = set(pairs.values())
        gone = tuple(index for index in range(len(current)) if index not in staying)
        if gone:
            yield RemoveMembers(target, gone)
        order = tuple(pairs[after] for after in sorted(pairs))
        if len(order) == len(current) == len(wanted) and order != tuple(sorted(order)):
            yield _arrangement(target, order, wanted)


def _new_items(target: Target, wanted: list[Any], pairs: dict[int, int]) -> list[Change]:
    """Every run of items without a counterpart, behind the one that stands before it. The last one comes first:
    it does not move the places of the others."""
    changes: dict[int, list[Any]] = {}
    at = 0
    for index, value in enumerate(wanted):
        if index in pairs:
            at = pairs[index] + 1
        else:
            changes.setdefault(at, []).append(value)
    return [AddItems(target, at, changes[at]) for at in sorted(changes, reverse=True)]


def _arrangement(target: Target, order: tuple[int, ...], wanted: list[Any]) -> Change:
    """Items with lines of their own move; others are written anew, if no comment is lost with that."""
    if can_be_arranged(target):
        return Arrange(target, order)
    node = target.node
    assert node is not None
    if holds_comments(target.tree, node):
        what = f"the items of {target.route} do not stand on lines of their own, and comments stand between them"
        refuse(target.tree, node, what, "put every item on lines of its own, or bring them into order by hand")
    return Write(target, wanted)


def _is_named(node: Mapping) -> bool:
    """Whether a route can name every entry: no collection is a key."""
    return all(entry.text is not None for entry in node.entries)
