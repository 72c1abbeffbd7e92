"""From an edit to the change that it comes to, on the tree as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tarmak_iam.document.changes import AddItems, AddMembers, Change, RemoveMembers, RemoveRoot, Write
from tarmak_iam.document.construct import same
from tarmak_iam.document.edits import Append, Edit, Insert, Remove, Set
from tarmak_iam.document.geometry import size
from tarmak_iam.document.insert import is_empty, takes_members
from tarmak_iam.document.intent import plain, value_at
from tarmak_iam.document.nodes import Mapping, Sequence, is_block
from tarmak_iam.document.ownership import own_comment_lines
from tarmak_iam.document.remove import emptied_by
from tarmak_iam.document.target import Target, kind_of
from tarmak_iam.document.tree import Comment
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Key, Route, Step

__all__ = ["planned", "refusal"]


def planned(edit: Edit, locate: Callable[[Route], Target], data: Any) -> Change | None:
    """The change; None if `data`, which the document is to mean so far, is the same after it. Raises EditRefused."""
    route = Route.of(edit.path)
    if isinstance(edit, Remove):
        return _removal(locate(route), prune=edit.prune)
    if isinstance(edit, Set):
        target = locate(route)
        return _assignment(target, _checked(target, edit.value), data)
    if isinstance(edit, Insert) and not route.steps:
        raise refusal(locate(route), "an insertion needs an index", "end the path with one")
    target = locate(route.parent if isinstance(edit, Insert) else route)
    return _addition(target, edit, _checked(target, edit.value))


def refusal(target: Target, what: str, remedy: str = "") -> EditRefused:
    place = target.tree.position(target.route)
    return EditRefused(what, remedy=remedy or "change this place by hand", place=place)


def _checked(target: Target, value: Any) -> Any:
    try:
        return plain(value)
    except TypeError as error:
        raise refusal(target, str(error), "use mappings, lists and scalars") from None


def _assignment(target: Target, value: Any, data: Any) -> Change | None:
    if target.missing:
        return _creation(target, value)
    if same(value_at(data, target.native_path), value):
        return None
    if not takes_members(target, value):
        return Write(target, value)
    return AddMembers(target, value) if isinstance(value, dict) else AddItems(target, 0, value)


def _creation(target: Target, value: Any) -> Change:
    """The value inside the parents that are missing; an index can only begin a new list."""
    first, *rest = target.missing
    for step in reversed(rest):
        value = {step.text: value} if isinstance(step, Key) else _new_list(target, step, value)
    if isinstance(first, Key):
        return AddMembers(target.existing, {first.text: value})
    return AddItems(target.existing, 0, _new_list(target, first, value))


def _new_list(target: Target, index: Step, value: Any) -> list[Any]:
    if index != 0:
        raise refusal(target, f"a new list has no index {index}", "begin a list with index 0, or append")
    return [value]


def _addition(target: Target, edit: Append | Insert, value: Any) -> Change:
    if target.missing:
        return _creation(target, _new_list(target, _index(edit, target, 0), value))
    length = size(target.holders[-1].node) if target.holders else 0
    if not is_empty(target) and not isinstance(target.holders[-1].node, Sequence):
        _refuse_kind(target)
    return AddItems(target, _index(edit, target, length), [value])


def _index(edit: Append | Insert, target: Target, length: int) -> int:
    if isinstance(edit, Append):
        return length
    *_, index = Route.of(edit.path).steps
    if not isinstance(index, int) or not 0 <= index <= length:
        what = f"{target.route} has no place {index} for a new item"
        raise refusal(target, what, f"name an index from 0 to {length}" if length else "name index 0, or append")
    return index


def _refuse_kind(target: Target) -> NoReturn:
    what = f"{target.route} is {kind_of(target.holders[-1].node)}, not a list"
    raise refusal(target, what, "items are added to lists only")


def _removal(target: Target, *, prune: bool) -> Change:
    if not target.route.steps:
        raise refusal(target, "the whole document cannot be removed", "set the path () to null")
    if target.missing or len(target.holders) < 2:
        node, step = target.node, target.missing[0] if target.missing else None
        merged = isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text) is not None
        if merged:
            raise refusal(target, f"{target.route} comes from a merge (<<)", "edit the merged mapping itself")
        raise refusal(target, f"there is nothing at {target.route}", "nothing needs to be removed")
    top = emptied_by(target) if prune else target
    if top.route == target.route:
        return RemoveMembers(target.parent, (target.number,))
    own = _own_comments(target)
    parent = target.parent
    while len(parent.holders) >= max(len(top.holders), 2):  # others inside of the parents may be about anything
        own += [c for c in _own_comments(parent) if c.span.start < parent.holders[-1].node.span.start]
        parent = parent.parent
    if len(top.holders) == 1:
        return RemoveRoot(top, tuple(own))
    return RemoveMembers(top.parent, (top.number,), tuple(own))


def _own_comments(target: Target) -> list[Comment]:
    parent = target.parent.node
    return own_comment_lines(target.tree, parent, target.number) if is_block(parent) else []
