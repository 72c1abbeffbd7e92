"""A batch of edits. Independent edits are applied together; every resulting text is read again and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tarmak_iam.document.anchor_moves import dangling_aliases, keeping_anchors
from tarmak_iam.document.anchors import SharedEdits, Use, leads_elsewhere
from tarmak_iam.document.draft import Draft, Inside, Original, Unclear
from tarmak_iam.document.edit_proof import NotProven, not_proven, prove_meaning, prove_nodes, prove_text
from tarmak_iam.document.edits import (
    AddItems,
    AddMembers,
    Append,
    DocumentChange,
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
from tarmak_iam.document.edits import ValueEdit as Edit
from tarmak_iam.document.intent import Intent, NoIntent, intended_by
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
        self.also_changed: list[Route] = []
        self.number = 0
        self.passes: list[list[Splice]] = []
        """The splices of each text that was read, in order: those of the text before it."""
        self._read = read
        self._careful = careful
        self._retries = retries
        self._waiting: list[tuple[int, Edit]] = []
        self._draft, self._intent = Draft(tree), Intent(data)
        self._shared: SharedEdits | None = None
        """Set if the edits that are waiting have their effect at every use of what they change."""

    def perform(self, edit: Edit) -> None:
        """Makes one edit. Raises EditRefused; then `number` is that of the edit that cannot be made."""
        self._perform(self.number + 1, replace(edit, path=Route.of(edit.path)))

    def _perform(self, number: int, edit: Edit) -> None:
        self.number = number
        try:
            is_waiting = self._plan_anywhere(edit)
        except (Unclear, EditRefused):
            if not self._waiting:
                raise
            self.flush()
            self.number = number
            is_waiting = self._plan_anywhere(edit)
        if is_waiting:
            self._waiting.append((number, edit))
            if self._careful or (self._shared is not None and _may_shift_items(edit)):
                self.flush()

    def finish(self) -> None:
        """Applies the edits that are waiting. Raises EditRefused."""
        number = self.number
        self.flush()
        self.number = number

    def flush(self) -> None:
        """Applies the edits that are waiting, reads the new text and checks it. Raises EditRefused."""
        waiting, draft, intent, shared = self._waiting, self._draft, self._intent, self._shared
        if not waiting:
            return
        self._begin()
        try:
            changes = draft.changes()
            if not changes and same(self.data, intent.data):
                return  # the edits undo each other
            intended = shared.intended(changes) if shared else intent.data
            moving = [self._keeping_anchors(change, shared) for change in changes]
            if len(changes) > 1 and any(new is not old for new, old in zip(moving, changes, strict=True)):
                raise Unclear  # a value is copied as it is without the other changes
            splices = self._together(moving)
            if not splices:
                raise Unclear
            uses = shared.others(changes, intended) if shared else ()
            self._apply(moving, splices, intended)
            self._note_uses(uses)
        except (Unclear, EditRefused) as refusal:
            if len(waiting) > 1:
                self._in_halves(waiting)
            else:
                self._alone(*waiting[0], refusal)

    def _begin(self) -> None:
        self._waiting, self._draft, self._intent = [], Draft(self.tree), Intent(self.data)
        self._shared = None

    def _keeping_anchors(self, change: DocumentChange, shared: SharedEdits | None) -> DocumentChange:
        """The change with moves of anchors whose aliases stay. Without `shared` they keep a value that is replaced."""
        path = change.target.native_path
        is_same = isinstance(change, Write) and same(value_at(self.data, path), change.value)  # written anew
        return keeping_anchors(self.tree, change, detaches=shared is None and not is_same)

    def _note_uses(self, uses: Iterable[Use]) -> None:
        self.also_changed += [use.route for use in uses if use.route not in self.also_changed]

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

    def _plan_anywhere(self, edit: Edit) -> bool:
        """`_plan`, where the value at the edit's path is anchored if the edit may lead elsewhere."""
        leads = leads_elsewhere(self.tree, edit)
        if not self._waiting:
            self._shared, self._intent = None, Intent(self.data)
        elif leads != (self._shared is not None):
            raise Unclear
        if not leads:
            return self._plan(edit)
        if self._shared is None:
            self._check_editable(Route.of(edit.path))
            self._shared, self._intent = SharedEdits(self.tree, self.data), NoIntent(self.data)
        return self._plan_shared(self._shared, edit)

    def _plan_shared(self, shared: SharedEdits, edit: Edit) -> bool:
        route = Route.of(edit.path)
        self._draft.find(route.parent if isinstance(edit, Insert) else route)  # it is unclear if an alias on it is gone
        if self._draft.changes_keys and shared.depends_on_keys(edit):
            raise Unclear
        at_home = shared.at_home(edit)
        if shared.is_elsewhere(edit) and isinstance(self._draft.find(Route.of(at_home.path)), Inside):
            raise Unclear  # the home may be one that is gone
        if not edit.through_alias:
            change = planned_change(at_home, self._locate, self.data)
            if change is None:
                return False
            raise shared.refusal(edit, change)
        shared.note(edit)
        is_waiting = False
        try:
            is_waiting = self._plan(at_home)
        finally:
            if not is_waiting:
                shared.forget()
        return is_waiting

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
        if isinstance(edit, Remove) and self.tree.has_aliases and self._draft.is_touched(place.node):
            raise Unclear  # what other edits are inside of may be used elsewhere
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
        changes = list(Reconciler().changes(target, self._current(target), change.value))
        alone = self._careful or self.tree.has_aliases or any(isinstance(each, Reorder) for each in changes)
        if alone or not self._lead_to(changes, change):
            if not self._draft.is_empty:
                raise Unclear
            self.turn(route, change.value, keeps_tags=target.keeps_tags, shared=self._shared)
            return False
        for each in changes:
            self._draft.take(each)
        self._intent.write(path, change.value)
        return True

    def _lead_to(self, changes: list[DocumentChange], whole: Write) -> bool:
        """Whether changes lead to the value of a whole one, or more of them will be needed: items that stay are put in
        order after the others are gone. Later edits in the draft would be planned on values that are not the last."""
        return same(value_at(intended_by(changes, self.data), whole.target.native_path), whole.value)

    def turn(
        self,
        route: Route,
        wanted: Any,
        identities: Iterable[Identity] = (),
        *,
        keeps_tags: bool = False,
        shared: SharedEdits | None = None,
    ) -> None:
        """Changes the value at the route to `wanted` with few and small changes; with `shared`, at every use. No edit
        may be waiting. Raises EditRefused."""
        before, before_data, removed = self.tree, self.data, len(self.removed)
        target, reconciler = replace(self._locate(route), keeps_tags=keeps_tags), Reconciler(tuple(identities))
        whole: list[DocumentChange] = [Write(target, wanted)]
        intended = shared.intended(whole) if shared else assigned(self.data, target.native_path, wanted)
        uses = shared.others(whole, intended) if shared else ()
        try:
            self._turn(target, wanted, reconciler, intended)
        except NotProven as refusal:
            if not self._retries or self._careful:
                raise
            if before.has_aliases:  # then the values of a round are compared only after the last one
                self.tree, self.data = before, before_data
                del self.removed[removed:]
            self._careful = True
            try:
                self._turn(replace(self._locate(route), keeps_tags=keeps_tags), wanted, reconciler, intended)
            except EditRefused:
                raise refusal from None
            finally:
                self._careful = False
        self._note_uses(uses)

    def _turn(self, target: Target, wanted: Any, reconciler: Reconciler, intended: Any) -> None:
        """`intended` are the values of the whole document then, as they must be after the last round."""
        route, keeps_tags = target.route, target.keeps_tags
        changes: list[DocumentChange] = []
        for _ in range(_MOST_ROUNDS):
            current = self._current(target)
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

    def _current(self, target: Target) -> Any:
        """The value of the target's node. `data` may not have it: a null that is merged empties a mapping."""
        if target.node is None or target.missing or not self.tree.has_aliases:
            return value_at(self.data, target.native_path)
        return construct(target.node, self.tree.source)

    def _make_round(self, changes: list[DocumentChange]) -> list[DocumentChange]:
        """Makes those changes of one reconciliation that can be made together. Returns them."""
        # An alias is replaced with its value if nothing else gives it the wanted value.
        now = [change for change in changes if not _is_of_alias(change)] or changes
        if self._careful:  # the anchors cannot be moved: each of their aliases is replaced with its value
            aliases = dangling_aliases(self.tree, changes)
            now = [Write(alias, construct(alias.holders[-1].node, self.tree.source)) for alias in aliases] + now
            now, splices = now[:1], [splice for change in now[:1] for splice in self._splices(change)]
        else:
            now, splices = self._fitting(now)
        if now:
            # Where there are aliases, the values are compared only at the end.
            intended = self.data if self.tree.has_aliases else intended_by(now, self.data)
            self._apply(now, splices, intended, aliases_may_follow=True)
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
            moving = keeping_anchors(self.tree, change, detaches=False)
            if fitting and moving is not change:
                continue  # a value is copied as it is without the other changes
            splices = self._splices(moving)
            if claimed.claim(splices, change.target.route) or not fitting:
                fitting.append((moving, splices))
            if moving is not change:
                break
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

    def _check_editable(self, route: Route) -> None:
        if self.tree.source.encoding != "utf-8":
            what, place = (
                f"the file is encoded as {self.tree.source.encoding.upper()}",
                Place(self.tree.source.filename, 1, 1),
            )
            raise EditRefused(what, remedy="save it as UTF-8 first", place=place)
        if len(route) > MAX_DEPTH:
            what, place = f"the path has more than {MAX_DEPTH} steps", self.tree.position(Route())
            raise EditRefused(what, remedy="use a shorter path", place=place)

    def _locate(self, route: Route) -> Target:
        self._check_editable(route)
        target = locate(self.tree, route)
        return replace(target, literals=False) if self._careful else target

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


def _may_shift_items(edit: Edit) -> bool:
    """Whether items of a list may have other indices after the edit."""
    if isinstance(edit, Remove):
        return edit.prune or isinstance(Route.of(edit.path).steps[-1], int)
    return isinstance(edit, Insert)


def _is_of_alias(change: DocumentChange) -> bool:
    return isinstance(change, Write) and isinstance(change.target.node, Alias)
