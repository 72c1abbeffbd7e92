"""Edits of shared values: where an anchored value is written, and which other uses an edit of it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard

from tarmak_iam.document.edits import AnyEdit, Append, Insert, Move, Remove, Rename, ReplaceAlias, Set, SharedEdit
from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Sequence, dereference, merged_entry, walk
from tarmak_iam.document.plain_values import ChangedConstructor, same, value_at
from tarmak_iam.document.target import Target, native_keys, refuse, refused
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused, ParseError
from tarmak_iam.routes import Key, Route, Step

_MOST_NAMED = 5
IN_PYTHON = "(in Python: through_alias=True)"


class Use(NamedTuple):
    """A place whose value is shared with other places: its route, and where it is in the text."""

    route: Route
    offset: int


class _Hop(NamedTuple):
    """The first place where a route leads to another one: at an alias, or at a mapping into which the key is merged."""

    node: Node
    route: Route


class _Home(NamedTuple):
    """Where the value at a route is written. `shared` is the node that the last hop led to; None without any hop."""

    route: Route
    hop: _Hop | None
    shared: Node | None


def leads_elsewhere(edit: AnyEdit, tree: Tree) -> TypeGuard[SharedEdit]:
    """Whether an edit is to be made where the value at its path is anchored. Without `through_alias`: whether its path
    leads through an alias, or to a value that comes from a merge key and that the edit cannot simply override."""
    return tree.has_aliases and not isinstance(edit, Move) and (edit.through_alias or _hop(tree, edit) is not None)


def _hop(tree: Tree, edit: SharedEdit) -> _Hop | None:
    route = Route.of(edit.path)
    hop = _home(tree, route, follow_last=isinstance(edit, Append)).hop
    if hop is None or isinstance(hop.node, Alias):
        return hop
    key = hop.route.steps[-1]
    has_own = isinstance(hop.node, Mapping) and isinstance(key, Key) and hop.node.last(key.text) is not None
    return None if has_own or (isinstance(edit, Set) and hop.route == route) else hop  # a key of its own is added


def _home_of(tree: Tree, edit: SharedEdit) -> _Home:
    route = Route.of(edit.path)
    route = route.parent if isinstance(edit, Insert) else route
    return _home(tree, route, follow_last=not isinstance(edit, (Remove, Rename, ReplaceAlias)))


def at_home(tree: Tree, edit: SharedEdit) -> SharedEdit:
    """The edit with the path to where the value is anchored. Raises EditRefused if that is at a key."""
    home = _home_of(tree, edit)
    if home.shared is not None and home.shared is not tree.root and not _way_to(tree, home.shared)[1]:
        refuse(tree, home.shared, "the edit would change a key", "replace its aliases with their value first")
    last = Route.of(edit.path).steps[-1:] if isinstance(edit, Insert) else ()
    return edit._replace(path=Route((*home.route.steps, *last)))


def _home(tree: Tree, route: Route, *, follow_last: bool) -> _Home:
    """Follows a route through aliases and merge keys. Steps that do not exist are kept."""
    node, at, first, shared = tree.root, Route(), None, None
    for number, step in enumerate((*route.steps, *([None] if follow_last else []))):
        asked = Route(route.steps[:number])
        if isinstance(node, Alias):
            first = first or _Hop(node, asked)
            node = shared = dereference(node)
            at = _way_to(tree, node)[0]
        if step is None:
            break
        if isinstance(node, Mapping) and isinstance(step, Key):
            entry = node.effective(step.text) if step.occurrence < 0 else node.occurrence(step.text, step.occurrence)
            if entry is None:
                return _Home(Route((*at.steps, *route.steps[number:])), first, shared)
            owner = node
            if entry not in node.entries:
                mappings = (other for other in walk(tree.root or node) if isinstance(other, Mapping))
                owner = next(other for other in mappings if entry in other.entries)
                first = first or _Hop(node, asked / step)
                shared, at = owner, _way_to(tree, owner)[0]
            node, at = entry.value, at / step_to(owner, entry)
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            node, at = node.items[step], at / step
        else:
            return _Home(Route((*at.steps, *route.steps[number:])), first, shared)
    return _Home(at, first, shared)


def _way_to(tree: Tree, node: Node) -> tuple[Route, list[Any]]:
    """The route to a node, in which the step of a merge key is `<<`, and the steps to it in the plain data."""
    above: dict[int, tuple[Node, Step, Any]] = {}
    for parent in walk(tree.root) if tree.root else ():
        if isinstance(parent, Sequence):
            above.update((id(item), (parent, number, number)) for number, item in enumerate(parent.items))
        elif isinstance(parent, Mapping):
            for entry, native in zip(parent.entries, native_keys(parent), strict=True):
                above[id(entry.value)] = parent, step_to(parent, entry), native
    steps, natives = list[Step](), list[Any]()
    while id(node) in above:
        node, step, native = above[id(node)]
        steps.append(step)
        natives.append(native)
    return Route(tuple(reversed(steps))), natives[::-1]


def step_to(mapping: Mapping, entry: Entry) -> Key:
    """The step to an entry: only the last of equal keys is named without its number."""
    text = entry.text or ""
    return Key(text) if mapping.last(text) is entry else Key(text, entry.occurrence)


def intended_everywhere(target: Target, intended: Any) -> Any:
    """The values of the document if a change of the target's node has its effect at every use. `intended` are those
    with the change at the node itself. Raises EditRefused."""
    tree, node = target.tree, target.node
    assert tree.root is not None
    assert node is not None
    new = value_at(intended, target.existing.native_path)
    try:
        return ChangedConstructor(tree.root, tree.source, node, new).value(tree.root)
    except ParseError as error:
        raise refused(target, f"the edit would make the text invalid ({error.what})") from None


def other_uses(tree: Tree, before: Any, after: Any, edit: SharedEdit, changed: Node | None) -> tuple[Use, ...]:
    """The uses whose values an edit of the node `changed` changes, without those that its path leads through."""
    asked, home = Route.of(edit.path), _home_of(tree, edit)
    uses = list(_changed_uses(tree.root, Route(), before, after, (changed, asked))) if tree.root else []
    if home.shared is not None:
        route, path = _way_to(tree, home.shared)
        if any(value_at(data, path) is not None for data in (before, after)):  # a null that is merged empties
            uses.append(Use(route, home.shared.start))
    others = (use for use in dict.fromkeys(uses) if not use.route.leads_to(asked))
    return tuple(sorted(others, key=lambda use: use.offset))


def shared_refusal(tree: Tree, edit: SharedEdit, others: tuple[Use, ...]) -> EditRefused:
    """The refusal of an edit whose `through_alias` is not set, with the names of all other uses."""
    hop = _hop(tree, edit)
    assert hop is not None
    uses, place = _named(tree, others), tree.source.place(hop.node.start)
    if isinstance(hop.node, Alias):
        what = f"{hop.route} is the alias *{hop.node.name}: the edit would also change {uses}"
        remedy = f"replace the alias with its value, or change all of them at &{hop.node.name} {IN_PYTHON}"
        return EditRefused(what, remedy=remedy, place=place)
    what = f"{hop.route} comes from a merge key (<<)"
    remedy = f"edit the merged mapping, which would also change {uses} {IN_PYTHON}"
    if not isinstance(edit, (Remove, Rename)):
        what += "; the same key here would hide all of it"
        remedy = f"write the whole value here, or {remedy}"
    return EditRefused(what, remedy=remedy, place=place)


def named_uses(tree: Tree, before: Any, after: Any) -> str:
    """The uses whose values differ, with their lines; empty if there are none."""
    uses = tuple(_changed_uses(tree.root, Route(), before, after, None)) if tree.root else ()
    return _named(tree, uses) if uses else ""


def shared_remedy(target: Target) -> str:
    """The remedy if the target is inside an anchored value, which is then most likely used elsewhere."""
    anchors = [holder.node.anchor for holder in target.holders if holder.node.anchor]
    if not anchors:
        return ""
    return (
        f"they share the anchor &{anchors[-1]}: replace its aliases with their value first, or change all of them "
        f"together {IN_PYTHON}"
    )


def _named(tree: Tree, uses: tuple[Use, ...]) -> str:
    """The uses with their lines: `line 3: prod, line 9: stage`."""
    names = [f"line {tree.source.position(use.offset)[0]}: {use.route}" for use in uses[:_MOST_NAMED]]
    more = [f"{len(uses) - _MOST_NAMED} more"] if len(uses) > _MOST_NAMED else []
    return " and ".join([", ".join(names), *more])


_Edited = tuple[Node | None, Route]
"""The node that an edit changes, and the edit's path."""


def _changed_uses(
    node: Node, route: Route, before: Any, after: Any, edited: _Edited | None, alias: Node | None = None
) -> Iterator[Use]:
    """The aliases, and the keys that come from merge keys, whose values differ, in file order. What the edit itself
    adds to the node that it changes is no use. An alias that its path leads through is none, but what else differs in
    its value is: there `alias` is set."""
    if same(before, after):
        return
    asked = edited[1] if edited else None
    is_on_way = asked is not None and route.leads_to(asked)
    if isinstance(node, Alias) and is_on_way:
        yield from _changed_uses(dereference(node), route, before, after, edited, alias or node)
    elif isinstance(node, Alias) or (alias is not None and not is_on_way):
        if asked is None or not asked.leads_to(route):
            yield Use(route, (alias or node).start)
    elif isinstance(node, Sequence) and isinstance(before, list) and isinstance(after, list):
        if len(node.items) == len(before) == len(after):
            for number, item in enumerate(node.items):
                yield from _changed_uses(item, route / number, before[number], after[number], edited, alias)
    elif isinstance(node, Mapping) and isinstance(before, dict) and isinstance(after, dict):
        yield from _changed_in_mapping(node, route, before, after, edited, alias)


def _changed_in_mapping(
    node: Mapping, route: Route, before: Any, after: Any, edited: _Edited | None, alias: Node | None
) -> Iterator[Use]:
    entries = effective_entries(node)
    for key, entry in entries.items():
        there = route / step_to(node, entry)
        if isinstance(entry.key, Alias) and key not in after:
            yield Use(there, entry.key.start)
        else:
            yield from _changed_uses(entry.value, there, before.get(key), after.get(key), edited, alias)
    for key in before | after if node.merge_entries and (edited is None or node is not edited[0]) else ():
        if key not in entries and not same(before.get(key), after.get(key)):
            text, merge = _merged_text(node, key), node.merge_entries[0].key
            if edited and (route / text).leads_to(edited[1]) and (merged := node.effective(text)):
                yield from _changed_uses(merged.value, route / text, before.get(key), after.get(key), edited, merge)
            else:
                yield Use(route / text, merge.start)


def _merged_text(mapping: Mapping, native: Any) -> str:
    """The text of a key that comes from a merge key. `native` is the key in the plain data (`y` is true there)."""
    merged = [entry.value for entry in mapping.merge_entries]
    while merged and not isinstance(native, str):
        value = dereference(merged.pop())
        if isinstance(value, Sequence):
            merged += value.items
        elif isinstance(value, Mapping):
            merged += [entry.value for entry in value.merge_entries]
            for key, entry in zip(native_keys(value), value.entries, strict=True):
                if same(key, native) and entry.text is not None:
                    return entry.text
    return str(native)


def effective_entries(mapping: Mapping) -> dict[Any, Entry]:
    """The mapping's own entries, by their keys in the plain data, that no other entry or later merge key overrides."""
    entries: dict[Any, Entry] = {}
    for key, entry in zip(native_keys(mapping), mapping.entries, strict=True):
        if not entry.is_merge:
            entries[key] = entry
        else:
            entries = {k: e for k, e in entries.items() if e.text is None or merged_entry(entry.value, e.text) is None}
    return entries
