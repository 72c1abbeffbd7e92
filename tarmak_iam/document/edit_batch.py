"""A batch of edits. Independent edits are applied together; every resulting text is read again and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tarmak_iam.document.dangling import dangling_aliases
from tarmak_iam.document.draft import Draft, Inside, Original, Unclear
from tarmak_iam.document.edit_proof import NotProven, not_proven, prove_meaning, prove_nodes, prove_text
from tarmak_iam.document.edits import (
    AddItems,
    AddMembers,
    Append,
    DocumentChange,
    Edit,
    Insert,
    Remove,
    RemoveMembers,
    RemoveRoot,
    Reorder,
    Set,
    Write,
    checked,
    planned_change,
    refused_edit,
)
from tarmak_iam.document.intent import Intent, intended_by
from tarmak_iam.document.item_matching import Identity
from tarmak_iam.document.new_values import edit_new_value
from tarmak_iam.document.nodes import Alias, Mapping, Sequence
from tarmak_iam.document.plain_values import assigned, construct, same, value_at
from tarmak_iam.document.reconcile import Reconciler
from tarmak_iam.document.source import MAX_DEPTH
from tarmak_iam.document.splices import ClaimedSpans, Splice, apply_splices
from tarmak_iam.document.target import Target, locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route

_MOST_ROUNDS = 1000

Read = Callable[[str], tuple[Tree, Any]]
"""Reads an edited text and returns its tree and plain values. Raises ParseError."""


class EditBatch:
    """Makes edits one after the other on one document, and applies as many of them at once as can be.

    `data` are the plain values of `tree`. `number` is that of the edit that is being made, from 1. `careful`: every
    change is applied before the next one is planned, and no string is written as a literal block. `retries`: what gives
    a wrong result is made once more, carefully.
    """

    def __init__(self, tree: Tree, data: Any, read: Read, *, careful: bool = False, retries: bool = True) -> None:
        self.tree = tree
        self.data = data
        self.removed: list[Comment] = []
        self.number = 0
        self.passes: list[list[Splice]] = []
        """The splices of each text that was read, in order: those of the text before it."""
        self._read = read
        self._careful = careful
        self._retries = retries
        self._waiting: list[tuple[int, Edit]] = []
        self._draft, self._intent = Draft(tree), Intent(data)

    def perform(self, edit: Edit) -> None:
        """Makes one edit. Raises EditRefused; then `number` is that of the edit that cannot be made."""
        self._perform(self.number + 1, replace(edit, path=Route.of(edit.path)))

    def _perform(self, number: int, edit: Edit) -> None:
        self.number = number
        try:
            is_waiting = self._plan(edit)
        except (Unclear, EditRefused):
            if not self._waiting:
                raise
            self.flush()
            self.number = number
            is_waiting = self._plan(edit)
        if is_waiting:
            self._waiting.append((number, edit))
            if self._careful:
                self.flush()

    def finish(self) -> None:
        """Applies the edits that are waiting. Raises EditRefused."""
        number = self.number
        self.flush()
        self.number = number

    def flush(self) -> None:
        """Applies the edits that are waiting, reads the new text and checks it. Raises EditRefused."""
        waiting, draft, intent = self._waiting, self._draft, self._intent
        if not waiting:
            return
        self._begin()
        try:
            changes = draft.changes()
            if not changes and same(self.data, intent.data):
                return  # the edits undo each other
            splices = self._together(changes)
            if not splices:
                raise Unclear
            self._refuse_dangling(changes)
            self._apply(changes, splices, intent.data)
        except (Unclear, EditRefused) as refusal:
            if len(waiting) > 1:
                self._in_halves(waiting)
            else:
                self._alone(*waiting[0], refusal)

    def _begin(self) -> None:
        self._waiting, self._draft, self._intent = [], Draft(self.tree), Intent(self.data)

    def _in_halves(self, edits: list[tuple[int, Edit]]) -> None:
        """Edits that cannot be applied at once: the first half, and then the second one on its result."""
        middle = len(edits) // 2
        for half in (edits[:middle], edits[middle:]):
            for number, edit in half:
                self._perform(number, edit)
            self.flush()

    def _alone(self, number: int, edit: Edit, refusal: Unclear | EditRefused) -> None:
        """An edit that cannot be made at once: its changes one after the other, if it has several."""
        self.number = number
        if isinstance(refusal, Unclear):
            assert isinstance(edit, Set)
            value = checked(self._locate(Route.of(edit.path)), edit.value)
            self.turn(Route.of(edit.path), value, keeps_tags=edit.keep_tag)
        elif isinstance(refusal, NotProven) and self._retries and not self._careful:
            self._careful = True
            try:
                self._perform(number, edit)
            except EditRefused:
                raise refusal from None
            finally:
                self._careful = False
        else:
            raise refusal

    def _plan(self, edit: Edit) -> bool:
        """Adds an edit to the draft; False if nothing is left to apply. Raises EditRefused and Unclear."""
        route = Route.of(edit.path)
        place = self._draft.find(route.parent if isinstance(edit, Insert) else route)
        if isinstance(place, Inside):
            value = None if isinstance(edit, Remove) else checked(self._locate(Route()), edit.value)
            edit_new_value(place, edit, value, self._intent)
            return True
        if isinstance(edit, (Append, Insert)) and (length := self._draft.length(place)) is not None:
            self._insert(place, edit, length)
            return True
        if isinstance(edit, Set) and self._draft.is_touched(place.node):
            raise Unclear  # it replaces what other edits are inside of
        if isinstance(edit, Remove) and edit.prune:
            edit = self._without_pruning(edit, place.route)
        here = Route((*place.route.steps, *route.steps[len(route) - 1 :])) if isinstance(edit, Insert) else place.route
        change = planned_change(replace(edit, path=here), self._locate, self.data)
        if change is None:
            return False
        if isinstance(change, Write) and is_same_kind(change):
            return self._plan_small_changes(change, route)
        self._draft.take(change)
        _intend(self._intent, change, _path_now(change.target, route), route)
        return True

    def _insert(self, place: Original, edit: Append | Insert, length: int) -> None:
        """Adds an item to a list whose items have changed already."""
        target = self._locate(place.route)
        *_, index = Route.of(edit.path).steps if isinstance(edit, Insert) else (length,)
        if not isinstance(index, int) or not 0 <= index <= length:
            raise Unclear
        value = checked(target, edit.value)
        self._draft.insert(place, index, value)
        self._intent.insert(_path_now(target, Route.of(edit.path)), index, [value])

    def _without_pruning(self, edit: Remove, route: Route) -> Remove:
        """The edit without `prune`, if the parent is not left empty. Raises Unclear if other edits may decide that."""
        if self._draft.is_empty:
            return edit
        target = self._locate(route)
        if target.missing or len(target.holders) < 2:
            return edit
        if self._draft.count(target.holders[-2].node) < 2:
            raise Unclear
        return replace(edit, prune=False)

    def _plan_small_changes(self, change: Write, route: Route) -> bool:
        """Instead of a collection for one of the same kind, writes what differs."""
        target, path = change.target, _path_now(change.target, route)
        changes = list(Reconciler().changes(target, value_at(self.data, target.native_path), change.value))
        if self._careful or self.tree.has_aliases or any(isinstance(each, Reorder) for each in changes):
            if not self._draft.is_empty:
                raise Unclear
            self.turn(route, change.value, keeps_tags=target.keeps_tags)
            return False
        for each in changes:
            self._draft.take(each)
        self._intent.write(path, change.value)
        return True

    def turn(self, route: Route, wanted: Any, identities: Iterable[Identity] = (), *, keeps_tags: bool = False) -> None:
        """Changes the value at the route to `wanted` with few and small changes. No edit may be waiting. Raises
        EditRefused."""
        try:
            self._turn(route, wanted, identities, keeps_tags)
        except NotProven as refusal:
            if not self._retries or self._careful:
                raise
            self._careful = True
            try:
                self._turn(route, wanted, identities, keeps_tags)
            except EditRefused:
                raise refusal from None
            finally:
                self._careful = False

    def _turn(self, route: Route, wanted: Any, identities: Iterable[Identity], keeps_tags: bool) -> None:
        reconciler, target = Reconciler(tuple(identities)), replace(self._locate(route), keeps_tags=keeps_tags)
        path = target.native_path
        intended = assigned(self.data, path, wanted)
        changes: list[DocumentChange] = []
        for _ in range(_MOST_ROUNDS):
            current = value_at(self.data, path)
            if same(current, wanted):
                break
            before = self.tree
            changes = self._make_round(list(reconciler.changes(target, current, wanted)))
            if self.tree is before:
                raise refused_edit(target, "the text cannot be edited to have this value")
            target = replace(self._locate(route), keeps_tags=keeps_tags)
        self._begin()
        if changes:
            prove_meaning(self.data, intended, changes)

    def _make_round(self, changes: list[DocumentChange]) -> list[DocumentChange]:
        """Makes those changes of one reconciliation that can be made together. Returns them."""
        # An alias is replaced with its value if its anchor is removed, or if nothing else gives it the wanted value.
        written_out: list[DocumentChange] = [
            Write(alias, construct(alias.holders[-1].node, self.tree.source))
            for alias in dangling_aliases(self.tree, changes)
        ]
        now = written_out + ([change for change in changes if not _is_of_alias(change)] or changes)
        if self._careful:
            now, splices = now[:1], [splice for change in now[:1] for splice in self._splices(change)]
        else:
            now, splices = self._fitting(now)
        if now:
            self._apply(now, splices, intended_by(now, self.data), aliases_may_follow=True)
        return now

    def _fitting(self, changes: list[DocumentChange]) -> tuple[list[DocumentChange], list[Splice]]:
        """As many of the changes as can be made together, joined where they are of one collection."""
        draft = Draft(self.tree)
        for change in changes:
            draft.take(change)
        try:
            joined = draft.changes()
        except Unclear:
            joined = changes
        claimed, fitting = ClaimedSpans(), list[tuple[DocumentChange, list[Splice]]]()
        for change in joined:
            splices = self._splices(change)
            if claimed.claim(splices, change.target.route) or not fitting:
                fitting.append((change, splices))
        return [change for change, _ in fitting], _inner_first(fitting)

    def _together(self, changes: list[DocumentChange]) -> list[Splice] | None:
        """The splices of all changes; None if they are in each other's way."""
        claimed, each = ClaimedSpans(), [(change, self._splices(change)) for change in changes]
        if len(each) > 1 and not all(claimed.claim(splices, change.target.route) for change, splices in each):
            return None
        return _inner_first(each)

    def _splices(self, change: DocumentChange) -> list[Splice]:
        try:
            return change.splices()
        except TypeError as error:  # what JSON alone does not have: NaN, and keys that are not strings
            raise refused_edit(change.target, str(error)) from None

    def _locate(self, route: Route) -> Target:
        if self.tree.source.encoding != "utf-8":
            what, place = (
                f"the file is encoded as {self.tree.source.encoding.upper()}",
                Place(self.tree.source.filename, 1, 1),
            )
            raise EditRefused(what, remedy="save it as UTF-8 first", place=place)
        if len(route) > MAX_DEPTH:
            what, place = f"the path has more than {MAX_DEPTH} steps", self.tree.position(Route())
            raise EditRefused(what, remedy="use a shorter path", place=place)
        target = locate(self.tree, route)
        return replace(target, literals=False) if self._careful else target

    def _refuse_dangling(self, changes: list[DocumentChange]) -> None:
        for alias in dangling_aliases(self.tree, changes):
            assert isinstance(alias.node, Alias)
            what = f"{alias.route} is the alias *{alias.node.name}, and the edit would remove its anchor"
            raise refused_edit(alias, what, "replace the alias with its value first")

    def _apply(
        self,
        changes: list[DocumentChange],
        splices: list[Splice],
        intended: Any,
        *,
        aliases_may_follow: bool = False,
    ) -> None:
        """Applies changes, reads the new text and checks it. Raises EditRefused and changes nothing then.

        `aliases_may_follow`: the values of aliases of a changed anchor may differ from the intended ones for now.
        """
        before = self.tree
        self.passes.append(splices)
        try:
            tree, data = self._read(apply_splices(before.source.text, splices))
        except ParseError as error:
            what = f"the edit would make the text invalid ({error.what})"
            raise not_proven(changes[-1].target, what) from None
        except ValueError as error:
            raise not_proven(changes[-1].target, f"the edit is not possible here ({error})") from None
        if not (aliases_may_follow and before.has_aliases):
            prove_meaning(data, intended, changes)
        removed = prove_text(before, tree, splices, changes)
        prove_nodes(before, tree, changes)
        self.tree, self.data = tree, data
        self.removed += removed
        self._begin()


def _path_now(target: Target, route: Route) -> list[Any]:
    """The steps into the plain data as the edits so far leave them: indices are those of the edit's route."""
    held = zip(target.holders[1:], route.steps, strict=False)
    return [step if isinstance(step, int) else holder.native for holder, step in held]


def _intend(intent: Intent, change: DocumentChange, path: list[Any], route: Route) -> None:
    """Makes the change that an edit leads to in the intended values. `route` is that of the edit."""
    if isinstance(change, Write):
        intent.write(path, change.value)
    elif isinstance(change, AddMembers):
        intent.extend(path, change.new)
    elif isinstance(change, AddItems):
        intent.insert(path, change.index, change.new)
    elif isinstance(change, RemoveMembers):
        [number] = change.numbers
        index = route.steps[len(path)]
        intent.remove([*path, index if isinstance(index, int) else change.target.member(number).holders[-1].native])
    else:
        assert isinstance(change, RemoveRoot)
        intent.write([], None)


def _inner_first(each: list[tuple[DocumentChange, list[Splice]]]) -> list[Splice]:
    """The splices in the order of what they insert at the same place: what is deeper comes first."""
    in_order = sorted(each, key=lambda pair: -len(pair[0].target.route))
    return [splice for _, splices in in_order for splice in splices]


def is_same_kind(change: Write) -> bool:
    """Whether a collection replaces one of the same kind. Then only what differs is changed."""
    node, value = change.target.node, change.value
    if not value:
        return False
    if isinstance(value, dict):
        return isinstance(node, Mapping)
    return isinstance(value, list) and isinstance(node, Sequence)


def _is_of_alias(change: DocumentChange) -> bool:
    return isinstance(change, Write) and isinstance(change.target.node, Alias)
