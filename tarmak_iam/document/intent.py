"""The plain values that a batch of edits is meant to lead to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tarmak_iam.document.edits import AddItems, AddMembers, DocumentChange, RemoveMembers, RemoveRoot, Reorder, Write
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.renames import RenameMembers
from tarmak_iam.document.target import native_keys


class Intent:
    """Plain values, changed step by step. The given ones stay as they are: of what changes, each collection is copied
    once, however many changes it has."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self._own: dict[int, Any] = {}  # our copies, by id; the references keep the ids unique

    def write(self, path: list[Any], value: Any) -> None:
        """Sets the value at a path whose parents exist."""
        value = copied(value)
        if not path:
            self.data = value
            return
        parent, step = self._opened(path[:-1]), path[-1]
        parent[step] = value

    def extend(self, path: list[Any], members: dict[Any, Any]) -> None:
        """Adds keys to a mapping, or to null."""
        mapping = self._opened(path)
        if isinstance(mapping, dict):
            mapping.update(copied(members))
        else:
            self.write(path, members)

    def insert(self, path: list[Any], index: int, items: list[Any]) -> None:
        """Adds items to a list, or to null."""
        values = self._opened(path)
        if isinstance(values, list):
            values[index:index] = copied(items)
        else:
            self.write(path, items)

    def rebuild(self, path: list[Any], items: list[Any]) -> None:
        """Makes other items those of a list. They may be its own."""
        self._opened(path)[:] = items

    def remove(self, path: list[Any]) -> None:
        """Removes a member. Of duplicate keys the value is gone with the first."""
        collection = self._opened(path[:-1])
        if isinstance(collection, list):
            del collection[path[-1]]
        else:
            collection.pop(path[-1], None)

    def rename(self, path: list[Any], keys: dict[Any, Any]) -> None:
        """Gives members of a mapping other keys, at their places."""
        mapping = self._opened(path)
        members = [(keys.get(key, key), value) for key, value in mapping.items()]
        mapping.clear()
        mapping.update(members)

    def at(self, path: list[Any]) -> Any:
        return value_at(self.data, path)

    def _opened(self, path: list[Any]) -> Any:
        """The collection at a path, as one that may be changed."""
        self.data = value = self._owned(self.data)
        for step in path:
            child = value[step] = self._owned(value[step])
            value = child
        return value

    def _owned(self, value: Any) -> Any:
        if id(value) in self._own or not isinstance(value, (dict, list)):
            return value
        copy = dict(value) if isinstance(value, dict) else list(value)
        self._own[id(copy)] = copy
        return copy


class NoIntent(Intent):
    """In the place of an intent whose values are not needed. The paths need not lead anywhere in `data`: an anchored
    value may be in a mapping that a null, merged below it, empties."""

    def write(self, path: list[Any], value: Any) -> None:
        pass

    def extend(self, path: list[Any], members: dict[Any, Any]) -> None:
        pass

    def insert(self, path: list[Any], index: int, items: list[Any]) -> None:
        pass

    def rebuild(self, path: list[Any], items: list[Any]) -> None:
        pass

    def remove(self, path: list[Any]) -> None:
        pass


def copied(value: Any) -> Any:
    """A copy of a plain value that shares no collection with it."""
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value


def intended_by(changes: Iterable[DocumentChange], data: Any) -> Any:
    """The plain values after several changes that were planned on one tree. `data` itself is not modified."""
    intent, of_lists = Intent(data), defaultdict[int, list[DocumentChange]](list)
    for change in sorted(changes, key=lambda each: not isinstance(each, RemoveMembers)):
        path, node = change.target.native_path, change.target.node
        if isinstance(change, Write):
            intent.write(path, change.value)
        elif isinstance(change, AddMembers):
            intent.extend(path, change.new)
        elif isinstance(change, RemoveRoot):
            intent.write([], None)
        elif isinstance(change, RenameMembers):
            intent.rename(path, change.keys)
        elif isinstance(node, Sequence) and node.items:
            of_lists[id(node)].append(change)
        elif isinstance(change, AddItems):
            intent.write(path, change.new)
        elif isinstance(change, RemoveMembers) and isinstance(node, Mapping):
            _remove_keys(intent, node, change)
    # Last those that shift the indices, the deepest first.
    for of_list in sorted(of_lists.values(), key=lambda each: -len(each[0].target.holders)):
        path = of_list[0].target.native_path
        intent.rebuild(path, _rebuilt(intent.at(path), of_list))
    return intent.data


def _remove_keys(intent: Intent, node: Mapping, change: RemoveMembers) -> None:
    path = change.target.native_path
    for key in _keys_gone(node, change, intent.at(path)):
        intent.remove([*path, key])


def _keys_gone(node: Mapping, change: RemoveMembers, present: dict[Any, Any]) -> list[Any]:
    """The keys that a mapping loses; with a merge key (all of them go at once) those that are not its own."""
    keys = native_keys(node)
    gone = [keys[number] for number in change.numbers]
    if any(node.entries[number].is_merge for number in change.numbers):
        own = {key for key, entry in zip(keys, node.entries, strict=True) if not entry.is_merge}
        gone += [key for key in present if key not in own]
    return gone


def _rebuilt(items: list[Any], changes: Iterable[DocumentChange]) -> list[Any]:
    gone: set[int] = set()
    new: dict[int, list[Any]] = defaultdict(list)
    order: Iterable[int] = range(len(items))
    for change in changes:
        if isinstance(change, RemoveMembers):
            gone.update(change.numbers)
        elif isinstance(change, AddItems):
            new[change.index] += copied(change.new)
        elif isinstance(change, Reorder):
            order = change.order
    rebuilt: list[Any] = []
    for place, number in enumerate(order):
        rebuilt += new[place]
        if number not in gone:
            rebuilt.append(items[number])
    return rebuilt + new[len(items)]
