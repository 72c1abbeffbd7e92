"""The few and small changes that turn one value into another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.document.anchors import effective_entries
from tarmak_iam.document.arrangement import can_be_reordered, can_change_places, end_with_comments
from tarmak_iam.document.comments import have_comments
from tarmak_iam.document.edits import AddItems, AddMembers, DocumentChange, RemoveMembers, Reorder, Replace, Write
from tarmak_iam.document.item_matching import Identity, matched_items
from tarmak_iam.document.members import takes_members
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.target import Target, native_keys, refuse
from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True)
class Reconciler:
    """Plans the changes from one value to another. `identities` are those of `matched_items`."""

    identities: tuple[Identity, ...] = ()

    def changes(self, target: Target, current: Any, wanted: Any) -> Iterator[DocumentChange]:
        """The changes at the target that turn its value `current` into `wanted`.

        Changes of one collection may affect each other: after applying the first ones, the caller asks again. Raises
        EditRefused.
        """
        if not same(current, wanted):
            yield from self._of(target, current, wanted)

    def _of(self, target: Target, current: Any, wanted: Any) -> Iterator[DocumentChange]:
        """The changes for a value that differs."""
        node = target.node
        if takes_members(target, wanted):
            yield AddMembers(target, wanted) if isinstance(wanted, dict) else AddItems(target, 0, wanted)
        elif isinstance(node, Mapping) and isinstance(wanted, dict) and wanted:
            yield from self._of_mapping(target, node, current, wanted)
        elif isinstance(node, Sequence) and isinstance(wanted, list) and wanted:
            yield from self._of_list(target, current, wanted)
        else:
            yield Write(target, wanted)

    def _of_mapping(
        self, target: Target, node: Mapping, current: dict[Any, Any], wanted: dict[Any, Any]
    ) -> Iterator[DocumentChange]:
        keys = native_keys(node)
        own = {key: number for number, key in enumerate(keys) if not node.entries[number].is_merge}
        # A merge key that overrides an own key is written out if the value is to differ.
        hidden = own.keys() - effective_entries(node).keys() if node.merges else set()
        for key, number in own.items():
            if key in wanted and key not in hidden and not same(current[key], wanted[key]):
                yield from self._of(target.member(number), current[key], wanted[key])
        gone = [n for n, key in enumerate(keys) if key not in wanted and not node.entries[n].is_merge]
        brought = {key for key in current if key not in own}
        is_overridden = any(key not in wanted or not same(current[key], wanted[key]) for key in hidden)
        if (
            is_overridden or not brought <= wanted.keys()
        ):  # one merged key cannot be removed alone: the other merged keys are written out
            gone += [number for number, entry in enumerate(node.entries) if entry.is_merge]
            brought = set()
        new = {
            key: value
            for key, value in wanted.items()
            if key not in own and not (key in brought and same(current[key], value))
        }
        changes: list[DocumentChange] = [AddMembers(target, new)] if new else []
        changes += [RemoveMembers(target, tuple(gone))] if gone else []
        # A key that only becomes a string (`1:` to `"1":`) must be removed before the new one is added.
        becomes_text = {node.entries[number].text for number in gone} & set(map(str, new))
        yield from reversed(changes) if becomes_text else changes

    def _of_list(self, target: Target, current: list[Any], wanted: list[Any]) -> Iterator[DocumentChange]:
        node, pairs = target.node, matched_items(current, wanted, self.identities)
        assert isinstance(node, Sequence)
        kept = {before for after, before in pairs.items() if not _replaces(current[before], wanted[after])}
        replaced = tuple(index for index in range(len(current)) if index not in kept)
        if len(kept) < len(pairs) and have_comments(target.tree, node, replaced):
            # What a comment says of the old value may be wrong for the new one. That is added afterwards.
            yield RemoveMembers(target, replaced, with_comments=True) if kept else Replace(target, wanted)
            return
        for after, before in pairs.items():
            if not same(current[before], wanted[after]):
                yield from self._of(target.member(before), current[before], wanted[after])
        yield from _new_items(target, wanted, pairs)
        staying = set(pairs.values())
        gone = tuple(index for index in range(len(current)) if index not in staying)
        if gone:
            yield RemoveMembers(target, gone, with_comments=True)
        order = tuple(pairs[after] for after in sorted(pairs))
        if len(order) == len(current) == len(wanted) and order != tuple(sorted(order)):
            yield _arrangement(target, order, wanted)


def _replaces(old: Any, new: Any) -> bool:
    """Whether the items are different values, and at least one of them is a scalar."""
    return not (isinstance(old, (dict, list)) and isinstance(new, (dict, list))) and not same(old, new)


def _new_items(target: Target, wanted: list[Any], pairs: dict[int, int]) -> list[DocumentChange]:
    """Adds every run of items without a counterpart after the item before it. The last run comes first, because it does
    not shift the indices of the others."""
    changes: dict[int, list[Any]] = {}
    at = 0
    for index, value in enumerate(wanted):
        if index in pairs:
            at = pairs[index] + 1
        else:
            changes.setdefault(at, []).append(value)
    return [AddItems(target, at, changes[at]) for at in sorted(changes, reverse=True)]


def _arrangement(target: Target, order: tuple[int, ...], wanted: list[Any]) -> DocumentChange:
    """Moves items that are on their own lines, or lets items change places. Otherwise rewrites the list, if no comment
    is lost by that."""
    if can_be_reordered(target) or can_change_places(target):
        return Reorder(target, order)
    node, tree = target.node, target.tree
    assert isinstance(node, Sequence)
    end = node.span.end if node.flow else end_with_comments(tree, node)
    if any(node.span.start < comment.span.start < end for comment in tree.comments):
        what = f"the items of {target.route} are not on separate lines, and there are comments between them"
        refuse(tree, node, what, "put each item on its own line, or reorder the items by hand")
    return Write(target, wanted)
