"""Makes the edits of a batch on one text. They are planned on a tree, written, read again and proven.

The tree is that of a window of the text, if what the edits look at fits into one, and otherwise that of the whole text.
Both are planned, written and proven by the same code, which does not know which of them it has.

Edits that do not touch what others change are made at once, on one tree and with one proof: the values are those of the
edits one after the other, and new text is like what was there before them. Edits in a row that insert, remove or move
items of the same list become one edit of that list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from functools import cached_property
from itertools import chain, groupby
from typing import Any, NamedTuple

from tarmak_iam.document import shared
from tarmak_iam.document.blocks import room_of
from tarmak_iam.document.edits import AddKeys, AnyEdit, Append, Arrange, ChangeItems, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.moves import planned_move
from tarmak_iam.document.nodes import Span, walk
from tarmak_iam.document.parsed import Text, blocks_of, data_of, read_tree
from tarmak_iam.document.plain_values import UnwritableValue, plain, same
from tarmak_iam.document.plan import planned
from tarmak_iam.document.proof import Change, NotProven, invalid_text, new_text, prove
from tarmak_iam.document.source import MAX_DEPTH
from tarmak_iam.document.splices import Splice, offset_before
from tarmak_iam.document.target import locate, refused
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.update import Identity, differences, parts_of
from tarmak_iam.document.windows import Unsuitable, Window
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Key, Route

_MOST = 500
"""Edits that are made at once: planning one may take as long as the text is that all of them look at."""

_MOST_ITEMS = 10_000
_MOST_PASSED = 10
"""Items for each that moves: to write all again takes longer than to move few of them far."""

_Touched = tuple[str | int | None, ...]
"""The plain steps to what an edit changes, with all in it. The last one is None for a new item at the end of a list:
only that more are added does not matter to another one."""


class Part(NamedTuple):
    """Some edits of a batch in a row, and the one that does the same. `number` is that of the first, from 1."""

    number: int
    asked: tuple[AnyEdit, ...]
    edit: AnyEdit


class Engine:
    """Makes edits of a text. `text` is what the edits so far lead to."""

    def __init__(self, text: Text) -> None:
        self.text = self._first = text
        self._removed: list[tuple[int, Comment]] = []  # each with the number of the step that removed it
        self._uses: list[shared.Use] = []
        self._steps: list[tuple[Window | None, list[Splice]]] = []

    @cached_property
    def removed(self) -> tuple[Comment, ...]:
        """The comments that went with what was removed or replaced, with their places in the first text, in order."""
        removed = list[Comment]()
        for step, comment in self._removed:
            window, _ = self._steps[step]
            at = comment.span.start if window is None else window.offset(comment.span.start)
            for window, splices in reversed(self._steps[:step]):
                moved = splices if window is None else [s.moved(window.offset(s.start) - s.start) for s in splices]
                at = offset_before(moved, at)
            removed.append(comment._replace(span=Span(at, at + len(comment.text))))
        return tuple(sorted(removed, key=lambda comment: comment.span))

    @property
    def also_changed(self) -> tuple[Route, ...]:
        """The other uses of shared values that changed, in file order."""
        return tuple(dict.fromkeys(use.route for use in sorted(self._uses, key=lambda use: use.offset)))

    def result(self) -> Text:
        """What the edits lead to; the first text is not kept."""
        self._first = self.text
        return self.text

    def update(self, wanted: Any, identities: Iterable[Identity]) -> None:
        """Changes the whole value. Raises EditRefused."""
        wanted = self._plain(wanted, Route())
        tree, data = self.text.whole()
        self.make(differences(locate(tree, Route()), data, wanted, tuple(identities)))
        if tree.has_aliases and not same(self.text.whole()[1], wanted):
            what = "the text cannot be edited to have these values: an anchor is shared by values that differ"
            raise EditRefused(what, remedy="replace its aliases with their values first", place=tree.position(Route()))

    def make(self, edits: Iterable[AnyEdit], *, count: int = 1) -> None:
        """Makes edits in order, those at once that can be. Raises EditRefused, with the edit's number of `count`."""
        for parts in groups(edits):
            left = parts
            while left and (others := self._make_at_once(left)) is not None:
                left = others
            for part in left:
                for number, edit in enumerate(part.asked, part.number):
                    alone = Part(number, (edit,), edit)
                    if left != [alone] and self._make_at_once([alone]) is not None:
                        continue
                    before, path = self.text, Route.of(edit.path)
                    try:
                        self.perform(edit)
                    except EditRefused as refusal:
                        if count == 1:
                            raise
                        # The place is one in the text that the user has.
                        place = refusal.place if before is self._first else self._first.whole()[0].position(path)
                        what = f"edit {number} of {count}: {refusal.what}"
                        raise EditRefused(what, remedy=refusal.remedy, place=place) from None

    def _make_at_once(self, parts: list[Part]) -> list[Part] | None:
        """Makes edits that do not touch each other, and returns those that can be made then; None if none was made."""
        try:
            edits = [self._checked(part.edit) for part in parts]
            window = Window(self.text.blocks, edits) if self.text.blocks is not None else None
            tree, data = self._read(window)
            inside = edits if window is None else [window.inside(edit) for edit in edits]
            change, left = planned_together(tree, data, inside)
            if change is not None:
                self._apply(change, window)
        except (Unsuitable, EditRefused, ParseError):
            return None
        return [parts[number] for number in left]

    def perform(self, edit: AnyEdit) -> None:
        """Makes one edit in the whole text. Raises EditRefused, with the place in the text before it."""
        edit = self._checked(edit)
        tree, data = self._read(None)
        there = shared.at_home(tree, edit) if shared.leads_elsewhere(edit, tree) else edit
        is_shared = there is not edit
        if isinstance(there, Set) and there.through_alias >= is_shared:
            parts = parts_of(tree, data, there, Route.of(edit.path))
            if parts is not None:
                self.make(part._replace(through_alias=there.through_alias) for part in parts)
                return
        try:
            self._plan_and_apply(tree, data, edit, there, literals=True)
        except NotProven as refusal:  # a literal block may not be possible there
            try:
                self._plan_and_apply(tree, data, edit, there, literals=False)
            except NotProven:
                raise refusal from None

    def _plan_and_apply(self, tree: Tree, data: Any, edit: AnyEdit, there: AnyEdit, *, literals: bool) -> None:
        """Makes an edit at its place. `there` is the edit where a shared value is anchored, or `edit` itself."""
        change, others = planned_alone(tree, data, there, literals=literals), tuple[shared.Use, ...]()
        if change is None:
            return
        if there is not edit and not isinstance(edit, Move):
            change = change._replace(intended=shared.intended_everywhere(change.target, change.intended))
            others = shared.other_uses(tree, data, change.intended, edit, change.target.node)
            if not edit.through_alias:
                raise shared.shared_refusal(tree, edit, others)
        self._apply(change, None)
        self._uses += others

    def _checked(self, edit: AnyEdit) -> AnyEdit:
        """An edit with values of plain types. Raises EditRefused."""
        route = Route.of(edit.path)
        if max(len(route), len(Route.of(edit.to)) if isinstance(edit, Move) else 0) > MAX_DEPTH:
            what = f"the path has more than {MAX_DEPTH} steps"
            raise EditRefused(what, remedy="use a shorter path", place=self.text.whole()[0].position(Route()))
        if isinstance(edit, Rename):
            return edit._replace(key=self._plain(edit.key, route))
        if isinstance(edit, ChangeItems):
            return edit._replace(added={index: self._plain(new, route) for index, new in edit.added.items()})
        return edit._replace(value=self._plain(edit.value, route)) if isinstance(edit, (Set, Append, Insert)) else edit

    def _plain(self, value: Any, route: Route) -> Any:
        """The value in plain types. Raises EditRefused for one that cannot be written."""
        try:
            return plain(value)
        except UnwritableValue as error:
            place = self.text.whole()[0].position(route)
            raise EditRefused(str(error), remedy=error.remedy, place=place) from None

    def _read(self, window: Window | None) -> tuple[Tree, Any]:
        """The tree and the values of a window, or of the whole text. Raises Unsuitable and EditRefused."""
        if window is not None:
            tree = self._read_window(window.text)
            has_anchors = "&" in window.text and tree.root is not None and any(node.anchor for node in walk(tree.root))
            if tree.has_aliases or has_anchors:
                raise Unsuitable
            return tree, data_of(tree)
        tree, data = self.text.whole()
        if tree.source.encoding != "utf-8":
            what = f"the file is encoded as {tree.source.encoding.upper()}"
            raise EditRefused(what, remedy="save it as UTF-8 first", place=Place(tree.source.filename, 1, 1))
        # What most of the file is like, the first text shows.
        return replace(tree, file=self._first.source.text) if self._steps else tree, data

    def _read_window(self, text: str) -> Tree:
        return read_tree(replace(self.text.form, text=text, mark=b""), json=False, file=self._first.source.text)

    def _apply(self, change: Change, window: Window | None) -> None:
        """Applies a change, reads the new text and proves it. Raises EditRefused and changes nothing then."""
        text, before = new_text(change), self.text
        if window is None:
            try:
                new = replace(before, form=before.form.with_text(text), tree=None, is_behind=False)
                tree, data = new.whole()
            except ParseError as error:
                raise invalid_text(change, error) from None
            removed = prove(change, tree, data)
            new.blocks, new.room = blocks_of(new), room_of(text)
        else:
            tree = self._read_window(text)
            removed = prove(change, tree, data_of(tree))
            blocks = window.edited(change.splices)
            room = before.room - sum(len(splice.text) for splice in change.splices)
            room = room_of(blocks.text) if room < 0 else room
            if room < 0:
                raise Unsuitable
            new = replace(before, blocks=blocks, tree=None, data=None, room=room, is_behind=True)
            if blocks.block is None:
                new = replace(new, form=new.source, blocks=None, is_behind=False)
        self._removed += [(len(self._steps), comment) for comment in removed]
        self._steps.append((window, change.splices))
        self.text = new


def groups(edits: Iterable[AnyEdit]) -> Iterator[list[Part]]:
    """The edits of a batch, in order, in groups of those that can be made at once."""
    group, changed, above = list[Part](), set[_Touched](), set[_Touched]()
    for part in _parts(map(with_routes, edits)):
        touched = _touched(part.edit)
        # What was changed in a list whose items change now has still its index, but for what was added at the end.
        is_move, route = _list_of(part.edit)
        is_list = isinstance(part.edit, ChangeItems) or (route is not None and not is_move)
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


def with_routes(edit: AnyEdit) -> AnyEdit:
    """The edit with routes as its paths, which are made once then."""
    path = Route.of(edit.path)
    return edit._replace(path=path, to=Route.of(edit.to)) if isinstance(edit, Move) else edit._replace(path=path)


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
        if edit is None:
            yield from (Part(at, (edit,), edit) for at, edit in enumerate(asked, number))
        else:
            yield Part(number, asked, edit)
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
    """The change that edits of one group lead to (None if they change nothing), and the numbers of those that are left,
    because they need a parent that another one creates. Raises EditRefused, and Unsuitable if it cannot be planned."""
    changes, created, left = list[Change](), set[_Touched](), list[int]()
    for number, edit in enumerate(edits):
        path = Route.of(edit.to if isinstance(edit, Move) else edit.path).plain if created else ()
        shifts = left and isinstance(edit, (ChangeItems, Insert, Remove))  # those left mean the indices before it
        if shifts or any(path[:end] in created for end in range(1, len(path) + 1)):
            left.append(number)
            continue
        change = _planned(tree, changes[-1].intended if changes else data, edit)
        if change is not None:
            changes.append(change)
            created.update(() if change.created is None else (change.created.plain,))
    if not changes:
        return None, left
    # Where blocks end at one place, what is added to the inner one comes first.
    inner_first = sorted(changes, key=lambda change: -len(change.target.holders))
    splices = [*chain.from_iterable(change.splices for change in inner_first)]
    moved = tuple(chain.from_iterable(change.moved for change in changes))
    return Change(changes[0].target, splices, changes[-1].intended, moved), left


def _planned(tree: Tree, data: Any, edit: AnyEdit) -> Change | None:
    if shared.leads_elsewhere(edit, tree):
        raise Unsuitable
    in_parts = parts_of(tree, data, edit, Route.of(edit.path)) if isinstance(edit, Set) else None
    if in_parts is not None:
        parts, *others = *groups(in_parts), list[Part]()
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
