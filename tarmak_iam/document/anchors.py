"""Edits of shared values: the uses of an anchored value, and edits that are made through an alias or a merge key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from tarmak_iam.document.edits import (
    AddItems,
    Append,
    DocumentChange,
    Insert,
    Remove,
    Rename,
    Set,
    refused_edit,
)
from tarmak_iam.document.edits import SharedEdit as Edit
from tarmak_iam.document.intent import intended_by
from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Sequence, dereference, merged_entry, walk
from tarmak_iam.document.plain_values import construct_changed, same, value_at
from tarmak_iam.document.target import native_keys
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused, ParseError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route, Step

_MOST_NAMED = 5

_AnEdit = TypeVar("_AnEdit", bound=Edit)

IN_PYTHON = "(in Python: through_alias=True)"


@dataclass(frozen=True, slots=True)
class Use:
    """A place whose value is shared with other places: its route, and where it is in the text."""

    route: Route
    offset: int


@dataclass(frozen=True, slots=True)
class _Hop:
    """The first place where a route leads to another one: at an alias, or (`step` is a key) to a merged entry."""

    node: Node
    route: Route
    is_merge: bool


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the value at a route is written. `node` is the deepest one there that exists. `shared` is the node that the
    last hop led to; None without any hop. `meets_merge`: a mapping on the way has merge keys."""

    route: Route
    node: Node | None
    hop: _Hop | None
    shared: Node | None
    meets_merge: bool = False


class Places:
    """The routes of a tree's values. The step of a merge key is `<<`."""

    def __init__(self, root: Node) -> None:
        self._above: dict[int, tuple[Node, Step, Any]] = {}
        for node in walk(root):
            for child, step, native in self._children(node):
                self._above[id(child)] = (node, step, native)

    def _children(self, node: Node) -> Iterator[tuple[Node, Step, Any]]:
        """Each child with the step to it in a route, and in the plain data."""
        if isinstance(node, Sequence):
            yield from ((item, number, number) for number, item in enumerate(node.items))
        elif isinstance(node, Mapping):
            for entry, native in zip(node.entries, native_keys(node), strict=True):
                yield entry.value, step_to(node, entry), native

    def route(self, node: Node) -> Route:
        steps: list[Step] = []
        while above := self._above.get(id(node)):
            node, step, _ = above
            steps.append(step)
        return Route(tuple(reversed(steps)))

    def native_path(self, node: Node) -> list[Any]:
        steps: list[Any] = []
        while above := self._above.get(id(node)):
            node, _, native = above
            steps.append(native)
        return steps[::-1]


def step_to(mapping: Mapping, entry: Entry) -> Key:
    """The step to an entry: only the last of equal keys is named without its number."""
    text = entry.text or ""
    return Key(text) if mapping.last(text) is entry else Key(text, entry.occurrence)


def leads_elsewhere(tree: Tree, edit: Edit) -> bool:
    """Whether an edit is to be made where the value at its path is anchored. Without `through_alias`: whether its path
    leads through an alias, or to a value that comes from a merge key and that the edit cannot simply override."""
    return tree.has_aliases and (edit.through_alias or _hop(tree, edit) is not None)


def _hop(tree: Tree, edit: Edit) -> _Hop | None:
    route = Route.of(edit.path)
    hop = _home(tree, route, follow_last=isinstance(edit, Append)).hop
    if hop is None:
        return None
    if isinstance(hop.node, Mapping):
        key = hop.route.steps[-1]
        assert isinstance(key, Key)
        if hop.node.last(key.text) is not None:
            return None
    overrides = isinstance(edit, Set) and hop.route == route  # a key of its own is added
    return None if overrides else hop


def _home(tree: Tree, route: Route, *, follow_last: bool, places: Places | None = None) -> _Home:
    """Follows a route. Steps that do not exist are kept. The route of the result is only that of the home if `places`
    are given."""
    node, at, first, shared, meets_merge = tree.root, Route(), None, None, False
    for number, step in enumerate(route.steps):
        asked = Route(route.steps[:number])
        if isinstance(node, Alias):
            first = first or _Hop(node, asked, is_merge=False)
            node = shared = dereference(node)
            at = places.route(node) if places else at
        if isinstance(node, Mapping) and isinstance(step, Key):
            meets_merge = meets_merge or node.merges
            found = _found(node, step)
            if found is None:
                return _Home(Route((*at.steps, *route.steps[number:])), node, first, shared, meets_merge)
            owner, entry = found
            if owner is not node:
                first = first or _Hop(node, asked / step, is_merge=True)
                at = places.route(owner) if places else at
                shared = owner
            node, at = entry.value, at / step_to(owner, entry)
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            node, at = node.items[step], at / step
        else:
            return _Home(Route((*at.steps, *route.steps[number:])), node, first, shared, meets_merge)
    if follow_last and isinstance(node, Alias):
        first = first or _Hop(node, route, is_merge=False)
        node = shared = dereference(node)
        at = places.route(shared) if places else at
    return _Home(at, node, first, shared, meets_merge)


def _found(mapping: Mapping, step: Key) -> tuple[Mapping, Entry] | None:
    """The entry that a key means, and the mapping in which it is written."""
    if step.occurrence >= 0:
        entry = mapping.occurrence(step.text, step.occurrence)
        return (mapping, entry) if entry else None
    found = None
    for entry in mapping.entries if mapping.merges else ():
        if entry.is_merge:
            found = _found_in_merge(entry.value, step) or found
        elif entry.text == step.text:
            found = mapping, entry
    last = None if mapping.merges else mapping.last(step.text)
    return (mapping, last) if last else found


def _found_in_merge(value: Node, step: Key) -> tuple[Mapping, Entry] | None:
    value = dereference(value)
    if isinstance(value, Mapping):
        return _found(value, step)
    items = map(dereference, value.items) if isinstance(value, Sequence) else ()
    return next((found for item in items if isinstance(item, Mapping) and (found := _found(item, step))), None)


class SharedEdits:
    """Edits of one tree, each made where the value at its path is anchored. `data` are the values of the tree."""

    def __init__(self, tree: Tree, data: Any) -> None:
        assert tree.root is not None
        self._tree = tree
        self._root = tree.root
        self._data = data
        self._places = Places(tree.root)
        self._noted: list[tuple[Route, _Home]] = []
        """The path of each edit that is made, and where that leads to."""

    def is_elsewhere(self, edit: Edit) -> bool:
        """Whether the edit's path leads through an alias or a merge key."""
        return self._home(edit).shared is not None

    def depends_on_keys(self, edit: Edit) -> bool:
        """Whether another place may be the home if a mapping gets or loses keys, which a merge key then brings."""
        return self._home(edit).meets_merge

    def at_home(self, edit: _AnEdit) -> _AnEdit:
        """The edit with the path to where the value is anchored."""
        home = self._home(edit)
        last = Route.of(edit.path).steps[-1:] if isinstance(edit, Insert) else ()
        return replace(edit, path=Route((*home.route.steps, *last)))

    def note(self, edit: Edit) -> None:
        """Notes an edit that is made: its own path is not one of the `others`."""
        self._noted.append((Route.of(edit.path), self._home(edit)))

    def forget(self) -> None:
        """Forgets the last edit that was noted: it is not made."""
        self._noted.pop()

    def refusal(self, edit: Edit, change: DocumentChange) -> EditRefused:
        """The refusal of an edit whose `through_alias` is not set, with the names of all other uses."""
        self.note(edit)
        return _refused(self._tree, edit, self.others([change], self.intended([change])))

    def _home(self, edit: Edit) -> _Home:
        asked = Route.of(edit.path)
        route = asked.parent if isinstance(edit, Insert) else asked
        return _home(self._tree, route, follow_last=not isinstance(edit, (Remove, Rename)), places=self._places)

    def intended(self, changes: Collection[DocumentChange]) -> Any:
        """The values of the document after the changes, which have their effect at every use. Raises EditRefused."""
        of_nodes: dict[int, list[DocumentChange]] = defaultdict(list)
        for change in changes:
            rooted = replace(change, target=replace(change.target, route=Route(), holders=change.target.holders[-1:]))
            of_nodes[id(change.target.node)].append(rooted)
        try:
            return construct_changed(
                self._root, self._tree.source, {key: partial(intended_by, each) for key, each in of_nodes.items()}
            )
        except ParseError as error:
            raise refused_edit(change.target, f"the edit would make the text invalid ({error.what})") from None

    def others(self, changes: Collection[DocumentChange], intended: Any) -> tuple[Use, ...]:
        """The uses, other than those that the edits name, whose values the changes change too, in file order."""
        found = list(changed_uses(self._tree, self._data, intended, changes))
        for _, home in self._noted:
            if home.shared is None:
                continue
            path = self._places.native_path(home.shared)
            if value_at(self._data, path) is not None or value_at(intended, path) is not None:  # a null merged empties
                found.append(Use(self._places.route(home.shared), home.shared.start))
        others = (use for use in dict.fromkeys(found) if not self._is_named(use))
        return tuple(sorted(others, key=lambda use: use.offset))

    def _is_named(self, use: Use) -> bool:
        """Whether every edit that changes the use leads through it."""
        rest = [home for asked, home in self._noted if not use.route.leads_to(asked)]
        if len(rest) == len(self._noted):
            return False
        node = self._tree.node(use.route)
        reached = {id(each) for each in _reached(node)} if rest and node is not None else set()
        return not any(id(home.node) in reached for home in rest)


def _reached(node: Node) -> Iterator[Node]:
    """Every node in a value, and in those of its aliases."""
    seen: set[int] = set()
    tops = [node]
    while tops:
        for each in walk(dereference(tops.pop())):
            if isinstance(each, Alias):
                if id(each.target) not in seen:
                    seen.add(id(each.target))
                    tops.append(each.target)
            else:
                yield each


def _is_append(change: DocumentChange) -> bool:
    node = change.target.node
    return isinstance(change, AddItems) and isinstance(node, Sequence) and change.index == len(node.items)


def _refused(tree: Tree, edit: Edit, others: tuple[Use, ...]) -> EditRefused:
    hop = _hop(tree, edit)
    assert hop is not None
    uses = named(tree, others)
    place = tree.source.place(hop.node.start)
    if not hop.is_merge:
        assert isinstance(hop.node, Alias)
        what = f"{hop.route} is the alias *{hop.node.name}: the edit would also change {uses}"
        remedy = f"replace the alias with its value, or change all of them at &{hop.node.name} {IN_PYTHON}"
        return EditRefused(what, remedy=remedy, place=place)
    what = f"{hop.route} comes from a merge key (<<)"
    remedy = f"edit the merged mapping, which would also change {uses} {IN_PYTHON}"
    if not isinstance(edit, (Remove, Rename)):
        what += "; the same key here would hide all of it"
        remedy = f"write the whole value here, or {remedy}"
    return EditRefused(what, remedy=remedy, place=place)


def named(tree: Tree, uses: tuple[Use, ...]) -> str:
    """The uses with their lines: `line 3: prod, line 9: stage`."""
    names = [f"line {tree.source.position(use.offset)[0]}: {use.route}" for use in uses[:_MOST_NAMED]]
    more = [f"{len(uses) - _MOST_NAMED} more"] if len(uses) > _MOST_NAMED else []
    return " and ".join([", ".join(names), *more])


def changed_uses(tree: Tree, before: Any, after: Any, changes: Iterable[DocumentChange] = ()) -> Iterator[Use]:
    """The aliases, and the keys that come from merge keys, whose values differ, in file order. `before` are the values
    of the tree. What the `changes` themselves add to a node is no use."""
    changed = {id(change.target.node): _is_append(change) for change in changes}
    assert tree.root is not None
    return _changed_uses(tree.root, Route(), before, after, changed)


def _changed_uses(node: Node, route: Route, before: Any, after: Any, changed: dict[int, bool]) -> Iterator[Use]:
    """`changed` says of the changed nodes, by their ids, whether items were appended."""
    if same(before, after):
        return
    if isinstance(node, Alias):
        yield Use(route, node.start)
    elif isinstance(node, Sequence) and _are(list, before, after):
        has_them_all = len(node.items) == len(before) and (len(before) == len(after) or changed.get(id(node)))
        for number, item in enumerate(node.items if has_them_all else ()):
            yield from _changed_uses(item, route / number, before[number], after[number], changed)
    elif isinstance(node, Mapping) and _are(dict, before, after):
        own = effective_entries(node)
        for key, entry in own.items():
            step = step_to(node, entry)
            yield from _changed_uses(entry.value, route / step, before.get(key), after.get(key), changed)
        merge = next((entry for entry in node.entries if entry.is_merge), None)
        if merge is None or id(node) in changed:
            return
        for key in before | after:
            if key not in own and not same(before.get(key), after.get(key)):
                yield Use(route / _merged_text(node, key), merge.key.start)


def _merged_text(mapping: Mapping, native: Any) -> str:
    """The text of a key that comes from a merge key. `native` is the key in the plain data (`y` is true there)."""
    merged = [entry.value for entry in mapping.entries if entry.is_merge]
    while merged and not isinstance(native, str):
        value = dereference(merged.pop())
        if isinstance(value, Sequence):
            merged += value.items
        elif isinstance(value, Mapping):
            merged += [entry.value for entry in value.entries if entry.is_merge]
            for key, entry in zip(native_keys(value), value.entries, strict=True):
                if same(key, native) and entry.text is not None:
                    return entry.text
    return str(native)


def _are(kind: type, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def effective_entries(mapping: Mapping) -> dict[Any, Entry]:
    """The mapping's own entries that take effect, by their keys in the plain data: not those that another one, or a
    merge key after them, overrides."""
    own: dict[Any, Entry] = {}
    for key, entry in zip(native_keys(mapping), mapping.entries, strict=True):
        if not entry.is_merge:
            own[key] = entry
        else:
            own = {k: e for k, e in own.items() if e.text is None or merged_entry(entry.value, e.text) is None}
    return own
