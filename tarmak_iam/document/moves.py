"""Plans moves of entries and items: what is allowed, and in which steps it is made.

A move to another collection takes two steps. First, a placeholder is set at the new path, as any other value. Then, on
the text that this gives, the old entry is removed and its text takes the place of the placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tarmak_iam.document.arrangement import can_be_reordered, can_change_places
from tarmak_iam.document.comments import holds_comments
from tarmak_iam.document.edits import (
    Insert,
    Move,
    Remove,
    RemoveMembers,
    Reorder,
    Set,
    check_exists,
    planned_change,
    refused_edit,
)
from tarmak_iam.document.moved_text import MoveHere, placeholder
from tarmak_iam.document.node_proof import node_written_anew
from tarmak_iam.document.nodes import Alias, Mapping, Node, Sequence, walk
from tarmak_iam.document.reindent import is_like_in_one_line
from tarmak_iam.document.renames import check_is_not_merged, check_takes_effect_alone
from tarmak_iam.document.splices import member_count, member_span, members_of
from tarmak_iam.document.target import Target, is_null, kind_of, locate
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route, Step

Locate = Callable[[Route], Target]


@dataclass(frozen=True, slots=True)
class Transfer:
    """A move to another collection, or to another key. `first` sets the placeholder; after it the old entry is at
    `old`, and the placeholder at `new`."""

    first: Set | Insert
    old: Route
    new: Route


def planned_move(edit: Move, find: Locate) -> Transfer | Reorder | None:
    """What a move leads to; None if the entry or item is there already. Raises EditRefused."""
    path, to = Route.of(edit.path), Route.of(edit.to)
    if not path.steps:
        raise refused_edit(find(path), "the whole document cannot be moved", "move one of its keys or items")
    old = find(path)
    check_exists(old, "move")
    if not to.steps:
        raise refused_edit(old, "the whole document cannot be replaced by a part of it", "set the path () to the value")
    if _is_same(to, old.route, find):
        return None
    if old.route.leads_to(to):
        raise refused_edit(old, f"{to} is inside of {old.route}, which moves", "move it to a path outside of it")
    if isinstance(old.route.steps[-1], Key):
        check_takes_effect_alone(old)
    if old.holders[-1].index is not None and _is_same(to.parent, old.route.parent, find):
        return _within_list(edit, old, to.steps[-1])
    here = _while_old_is_there(to, old.route)
    last = here.steps[-1]
    if isinstance(last, Key):
        _check_is_new(here, to, find)
        first: Set | Insert = Set(here, placeholder(find(here), old))
    else:
        _check_takes_item(find(here.parent), last)
        first = Insert(here, placeholder(find(here.parent), old))
    return Transfer(first, _after_insertion(old.route, here), here)


def _is_same(one: Route, other: Route, find: Locate) -> bool:
    """Whether two routes lead to the same place. `other` exists, and is as `find` names it."""
    if one.plain != other.plain:
        return False
    try:
        return find(one).route == other
    except EditRefused:
        return False


def _while_old_is_there(to: Route, old: Route) -> Route:
    """The route of the new place before the old item is removed, which shifts those after it."""
    at, index = len(old) - 1, old.steps[-1]
    if len(to) <= len(old) or not isinstance(index, int) or to.steps[:at] != old.steps[:at]:
        return to
    step = to.steps[at]
    if not isinstance(step, int) or step < index:
        return to
    return Route((*to.steps[:at], step + 1, *to.steps[at + 1 :]))


def _after_insertion(route: Route, inserted: Route) -> Route:
    """A route after an item has been inserted."""
    at, index = len(inserted) - 1, inserted.steps[-1]
    if len(route) <= at or not isinstance(index, int) or route.steps[:at] != inserted.steps[:at]:
        return route
    step = route.steps[at]
    if not isinstance(step, int) or step < index:
        return route
    return Route((*route.steps[:at], step + 1, *route.steps[at + 1 :]))


def after_removal(route: Route, removed: Route) -> Route:
    """A route after the item or entry at `removed` is gone."""
    at, index = len(removed) - 1, removed.steps[-1]
    if len(route) <= at or not isinstance(index, int) or route.steps[:at] != removed.steps[:at]:
        return route
    step = route.steps[at]
    if not isinstance(step, int) or step < index:
        return route
    return Route((*route.steps[:at], step - 1, *route.steps[at + 1 :]))


def _within_list(edit: Move, old: Target, index: Step) -> Transfer | Reorder:
    """A move of an item in its list."""
    parent, number = old.parent, old.number
    node = parent.holders[-1].node
    assert isinstance(node, Sequence)
    if not isinstance(index, int):
        what = f"{parent.route} is a list, not a mapping"
        raise refused_edit(old, what, "end the path with the index that the item will have")
    if not 0 <= index < len(node.items):
        what = f"{old.route} cannot get the index {index}"
        raise refused_edit(old, what, f"use an index from 0 to {len(node.items) - 1}")
    if can_be_reordered(parent) or (can_change_places(parent) and not _has_comments(parent, node)):
        order = [other for other in range(len(node.items)) if other != number]
        return Reorder(parent, (*order[:index], number, *order[index:]))
    here = Route.of(edit.path).parent / (index if index < number else index + 1)
    return Transfer(Insert(here, placeholder(parent, old)), _after_insertion(old.route, here), here)


def _has_comments(parent: Target, node: Sequence) -> bool:
    source, tails = parent.tree.source, parent.tree.tails
    lines = {source.line_start(offset) for item in node.items for offset in (item.start, item.end)}
    return holds_comments(parent.tree, node) or bool(lines & tails.keys())


def _check_is_new(here: Route, to: Route, find: Locate) -> None:
    target = find(here)
    node = target.holders[-1].node if target.holders else None
    if target.holders and not target.missing:
        raise refused_edit(target, f"{to} exists already", "remove it first, or move to another path")
    if isinstance(node, Mapping) and len(target.missing) == 1 and isinstance(target.missing[0], Key):
        check_is_not_merged(target.existing, node, target.missing[0].text)


def _check_takes_item(target: Target, index: int) -> None:
    """Raises EditRefused if an item cannot be inserted."""
    node = target.holders[-1].node if target.holders and not target.missing else None
    length = member_count(node) if isinstance(node, Sequence) else 0
    is_free = node is None or is_null(node) or (isinstance(node, (Mapping, Sequence)) and not member_count(node))
    if isinstance(node, Alias):
        what = f"{target.route} is the alias *{node.name}: a change would affect every use of it"
        raise refused_edit(target, what, f"move it to the value at &{node.name}, or replace the alias with its value")
    if node is not None and not is_free and not isinstance(node, Sequence):
        what = f"{target.route} is {kind_of(node)}, not a list"
        raise refused_edit(target, what, "end the path with a key")
    if not 0 <= index <= length:
        what = f"nothing can be moved to {target.route / index}"
        raise refused_edit(target, what, f"use an index from 0 to {length}" if length else "use index 0")


def planned_transfer(
    edit: Move, transfer: Transfer, find: Locate, value: object, line: Callable[[int], int]
) -> tuple[RemoveMembers, MoveHere]:
    """The two changes that follow when the placeholder is set: the removal, and the text at the new place. `line` is
    the number of a line before it was set, by an offset after that. Raises EditRefused."""
    old, new = find(transfer.old), find(transfer.new)
    removal = planned_change(Remove(transfer.old, edit.prune), find, None)
    assert isinstance(removal, RemoveMembers)  # the placeholder stays in the document
    _check_anchors(old, new, removal.target.member(removal.numbers[0]), line)
    here = MoveHere(new, value, old, tuple(removal.splices()))
    if removal.own is not None:  # other comments inside of what is pruned stay, but those that move do not
        removal = replace(removal, own=(*removal.own, *here.moved().comments))
        here = replace(here, removed=tuple(removal.splices()))
    return removal, here


def _check_anchors(old: Target, new: Target, pruned: Target, line: Callable[[int], int]) -> None:
    """Raises EditRefused if an alias would no longer refer to its anchor when the placeholder at `new` is replaced with
    what is at `old`, and the parents from `pruned` on are gone."""
    tree = old.tree
    if not tree.has_aliases or tree.root is None:
        return
    anchors: dict[str, Node] = {}
    gone = {id(holder.node) for holder in old.holders[len(pruned.holders) - 1 : -1]}
    for node in _in_new_order(tree.root, old, new.holders[-1].node):
        if node.anchor and id(node) not in gone:
            anchors[node.anchor] = node
        if isinstance(node, Alias) and anchors.get(node.name) is not node.target:
            _refuse_alias(old, node, anchors.get(node.name), line)


def _in_new_order(root: Node, old: Target, stand_in: Node) -> Iterator[Node]:
    """The nodes of a tree in the order that they have after the move."""
    parent = old.holders[-2].node
    assert isinstance(parent, (Mapping, Sequence))
    span = member_span(members_of(parent)[old.number])
    moving = [node for node in walk(root) if span.start <= node.start < max(span.end, span.start + 1)]
    moving = [node for node in moving if node is not parent]
    inside = {id(node) for node in moving}
    for node in walk(root):
        if node is stand_in:
            yield from moving
        elif id(node) not in inside:
            yield node


def _refuse_alias(old: Target, alias: Alias, other: Node | None, line: Callable[[int], int]) -> None:
    what = f"the alias *{alias.name} (line {line(alias.start)}) would "
    if other is None and any(holder.node is alias.target for holder in old.holders[:-1]):
        what += f"lose its anchor (line {line(alias.target.start)})"
    elif other is None:
        what += f"be above its anchor (line {line(alias.target.start)})"
    else:
        what += f"refer to another anchor (line {line(other.start)})"
    raise refused_edit(old, what, "move it to another place, or replace the alias with its value first")


def is_moved_node(change: MoveHere, after: Tree, route: Route) -> bool:
    """Whether the node at a route in the new text is the one that moved, with its text, style, tags and anchors."""
    target, old = locate(after, route), change.old.holders[-1].node
    if target.missing or not target.holders:
        return False
    node = target.holders[-1].node
    is_like = is_like_in_one_line if change.moved().in_one_line else _is_same_node
    return is_like(old, node)


def _is_same_node(old: Node, new: Node) -> bool:
    return node_written_anew(old, new, ()) is None
