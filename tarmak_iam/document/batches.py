"""Which edits of a batch are made at once, on one tree and with one proof: those that do not touch what others change.

Each of them then leads to what it leads to alone, because the text that it looks at is as before. Edits in a row that
insert, remove or move items of the same list become one edit of that list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from itertools import chain, groupby
from typing import Any, NamedTuple

from tarmak_iam.document.edits import AddKeys, AnyEdit, Append, Arrange, ChangeItems, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.moves import planned_move
from tarmak_iam.document.parsed import Tree
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.plan import planned
from tarmak_iam.document.proof import Change
from tarmak_iam.document.shared import leads_elsewhere
from tarmak_iam.document.target import locate, refused
from tarmak_iam.document.update import differences, is_in_parts
from tarmak_iam.document.windows import Unsuitable
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Key, Route

_MOST = 500
"""Edits that are made at once: planning one may take as long as the text is that all of them look at."""

_MOST_ITEMS = 10_000

_MOST_PASSED = 10
"""Items for each that moves: to write all anew takes longer than to move few of them far."""

_Touched = tuple[str | int | None, ...]
"""The plain steps to what an edit changes, with all in it. The last one is None for a new item at the end of a list:
only that more are added does not matter to another one."""


class Part(NamedTuple):
    """Some edits of a batch in a row, and the one that does the same. `number` is that of the first, from 1."""

    number: int
    asked: tuple[AnyEdit, ...]
    edit: AnyEdit


def groups(edits: Iterable[AnyEdit]) -> Iterator[list[Part]]:
    """The edits of a batch, in order, in groups of those that can be made at once."""
    group, changed, above = list[Part](), set[_Touched](), set[_Touched]()
    for part in _parts([edit._replace(path=Route.of(edit.path)) for edit in edits]):
        touched = _touched(part.edit)
        # What was changed in a list whose items change now has still its index, but for what was added at the end.
        is_list = isinstance(part.edit, (ChangeItems, Insert, Remove))
        is_alone = touched is None or any(
            (((*steps, None) in changed) if is_list else steps in above)
            or any(steps[:end] in changed for end in range(len(steps) + (steps[-1:] != (None,))))
            for steps in touched
        )
        if group and (is_alone or len(group) == _MOST):
            yield group
            group, changed, above = [], set(), set()
        group.append(part)
        if touched is None:
            yield group
            group = []
            continue
        changed.update(touched)
        above.update(steps[:end] for steps in touched for end in range(len(steps)))
    if group:
        yield group


def _touched(edit: AnyEdit) -> list[_Touched] | None:
    """What an edit changes; None if that is not known from its paths."""
    path, shares = Route.of(edit.path), getattr(edit, "through_alias", False)
    routes = [path, Route.of(edit.to)] if isinstance(edit, Move) else [path]
    if shares or getattr(edit, "prune", False) or not all(route.steps for route in routes):
        return None
    if any(isinstance(step, Key) and step.occurrence >= 0 for route in routes for step in route):
        return None
    if isinstance(edit, Append):
        return [(*path.plain, None)]
    if isinstance(edit, AddKeys):
        return [(*path.plain, str(key)) for key in edit.members]
    if isinstance(edit, Rename):
        return [path.plain, (*path.parent.plain, edit.key)]
    if not isinstance(edit, (Insert, Remove, Move)):
        return [path.plain]
    # An item that is there no more, or there now, gives the others of its list another index.
    ends = (route if isinstance(route.steps[-1], Key) else route.parent for route in routes)
    touched: list[_Touched] = [route.plain for route in ends]
    first, last = touched[0], touched[-1]
    clash = len(touched) > 1 and (first == last[: len(first)] or last == first[: len(last)])
    return None if clash else touched


def _parts(edits: Iterable[AnyEdit]) -> Iterator[Part]:
    number = 1
    for (is_move, route), run in groupby(edits, _list_of):
        asked = tuple(run)
        edit = _at_once(route, asked, is_move=is_move) if route is not None and len(asked) > 1 else None
        parts = (
            [Part(number, asked, edit)] if edit else [Part(at, (edit,), edit) for at, edit in enumerate(asked, number)]
        )
        yield from parts
        number += len(asked)


def _list_of(edit: AnyEdit) -> tuple[bool, Route | None]:
    """Whether an edit is a move, and the list whose items it inserts, removes or moves; None for any other edit."""
    path, is_move = Route.of(edit.path), isinstance(edit, Move)
    to = Route.of(edit.to) if isinstance(edit, Move) else path
    is_of_items = isinstance(edit, (Insert, Remove, Move)) and path.steps and to.parent == path.parent
    if not is_of_items or getattr(edit, "prune", False) or getattr(edit, "through_alias", False):
        return is_move, None
    return is_move, path.parent if isinstance(path.steps[-1], int) and isinstance(to.steps[-1], int) else None


def _at_once(route: Route, edits: SequenceOf[Any], *, is_move: bool) -> AnyEdit | None:
    """The edit that does what edits of items of one list do one after the other; None if it would cost more."""
    indices = [edit.path.steps[-1] for edit in edits]
    places = [Route.of(edit.to).steps[-1] for edit in edits] if is_move else indices
    lowest, highest = min(*indices, *places), max(*indices, *places)
    if lowest < 0 or highest > _MOST_ITEMS:
        return None
    items: list[Any] = list(range(highest + 1 + len(edits)))
    for index, place, edit in zip(indices, places, edits, strict=True):
        moved = edit if isinstance(edit, Insert) else items.pop(index)
        if not isinstance(edit, Remove):
            items.insert(place, moved)
    if is_move:
        changed = [place for place, item in enumerate(items) if place != item] or [0]
        is_cheap = changed[-1] - changed[0] < _MOST_PASSED * len(edits)
        return Arrange(route, tuple(items[: changed[-1] + 1])) if is_cheap else None
    added, new, gone = dict[int, list[Any]](), list[Any](), set(range(highest + 1 + len(edits)))
    for item in items:
        if not isinstance(item, int):
            new.append(item.value)
            continue
        gone.discard(item)
        if new:
            added[item], new = new, []
    return ChangeItems(route, added, tuple(sorted(gone))) if added or gone else None


def planned_together(tree: Tree, data: Any, edits: SequenceOf[AnyEdit]) -> tuple[Change | None, list[int]]:
    """The change that edits of one group lead to (None if they change nothing), and the numbers of those that it is not
    of, because they need a parent that another one creates. Raises EditRefused, and Unsuitable if they cannot be
    planned together."""
    changes, created, left = list[Change](), set[_Touched](), list[int]()
    for number, edit in enumerate(edits):
        path = Route.of(edit.to if isinstance(edit, Move) else edit.path).plain
        if created and any(path[:end] in created for end in range(len(path) + 1)):
            left.append(number)
            continue
        change = _planned(tree, changes[-1].intended if changes else data, edit)
        if change is not None:
            changes.append(change)
            created.update(() if change.created is None else (change.created.plain,))
    if not changes:
        return None, left
    splices, moved = [splice for change in changes for splice in change.splices], [change.moved for change in changes]
    return Change(changes[0].target, splices, changes[-1].intended, tuple(chain.from_iterable(moved))), left


def _planned(tree: Tree, data: Any, edit: AnyEdit) -> Change | None:
    if leads_elsewhere(edit, tree):
        raise Unsuitable
    if isinstance(edit, Set) and isinstance(edit.value, (dict, list)):
        target = locate(tree, Route.of(edit.path))
        if is_in_parts(target, edit.value):
            current = value_at(data, target.native_path)
            target = target._replace(keeps_tags=edit.keep_tag)
            parts, *others = *groups(differences(target, current, edit.value)), list[Part]()
            change, left = planned_together(tree, data, [part.edit for part in parts])
            if left or any(others):
                raise Unsuitable
            return change
    return planned_alone(tree, data, edit)


def planned_alone(tree: Tree, data: Any, edit: AnyEdit, *, literals: bool = True) -> Change | None:
    """The change that an edit leads to; None if it would not change anything. `literals`: whether a new string of
    several lines may be a literal block. Raises EditRefused."""
    try:
        if isinstance(edit, Move):
            return planned_move(tree, data, edit)
        return planned(tree, data, edit, literals=literals)
    except TypeError as error:  # what JSON alone does not have: NaN, and keys that are not strings
        raise refused(locate(tree, Route()), str(error), "use another value") from None
    except ParseError as error:  # of what a merge key brings when other keys are gone
        raise refused(locate(tree, Route()), f"the edit would make the text invalid ({error.what})") from None
