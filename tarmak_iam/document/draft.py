"""A batch of edits on its way: made together as far as they do not disturb each other, each text of it proven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.document.changes import Change, Write
from tarmak_iam.document.construct import construct, same
from tarmak_iam.document.edits import Edit
from tarmak_iam.document.intent import assigned, value_at
from tarmak_iam.document.matching import Identity
from tarmak_iam.document.nodes import Alias, Mapping, Sequence
from tarmak_iam.document.orphans import orphans
from tarmak_iam.document.plan import planned, refusal
from tarmak_iam.document.proof import not_proven, prove_meaning, prove_text
from tarmak_iam.document.reconcile import Reconciler
from tarmak_iam.document.splice import Room, Splice, apply
from tarmak_iam.document.target import Target, locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.yaml_builder import MAX_DEPTH
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route

__all__ = ["Draft"]

_MOST_ROUNDS = 100

Read = Callable[[str], tuple[Tree, Any]]
"""Reads an edited text: its tree and plain values. Raises ParseError."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A change that is not in the tree yet; `before` is what was intended without it."""

    change: Change
    splices: list[Splice]
    before: Any


class Draft:
    """`data` are the plain values of `tree`; changes that wait are not in them yet, but in what is intended.

    `careful`: every change is applied before the next one is planned, and no text becomes a literal block.
    """

    def __init__(self, tree: Tree, data: Any, read: Read, *, careful: bool) -> None:
        self.tree = tree
        self.data = data
        self.removed: list[Comment] = []
        self._intended = self._proven = data
        self._read = read
        self._careful = careful
        self._waiting: list[_Waiting] = []
        self._applied: list[Change] = []  # the last that were
        self._room = Room()

    def perform(self, edit: Edit) -> None:
        """Raises EditRefused."""
        route = Route.of(edit.path)
        if self._careful or any(waiting.change.touches(route) for waiting in self._waiting):
            self.flush()
        try:
            change = self._planned(edit)
            is_made = change is None or self._make(change)
        except EditRefused:
            if not self._waiting:
                raise
            is_made = False
        if not is_made:
            self.flush()
            change = self._planned(edit)
            if change is not None:
                self._make(change)

    def _planned(self, edit: Edit) -> Change | None:
        change = planned(edit, self._locate, self._intended)
        if isinstance(change, Write) and _is_same_kind(change):
            self.turn(Route.of(edit.path), change.value)
            return None
        for alias in orphans(self.tree, [change] if change else []):
            assert isinstance(alias.node, Alias)
            what = f"{alias.route} is the alias *{alias.node.name}, whose anchor would go"
            raise refusal(alias, what, "write the value out there by hand first")
        return change

    def turn(self, route: Route, wanted: Any, identities: Iterable[Identity] = ()) -> None:
        """Makes what is at the route mean something else, with few and small changes. Raises EditRefused."""
        reconciler, target = Reconciler(tuple(identities)), self._locate(route)
        path = target.native_path
        intended, current = assigned(self._intended, path, wanted), value_at(self._intended, path)
        for _ in range(_MOST_ROUNDS):
            before = self.tree
            self._make_round(list(reconciler.changes(target, current, wanted)))
            if same(value_at(self._intended, path), wanted) and not before.has_aliases:
                break
            self.flush(aliases_may_follow=True)
            current, target = value_at(self.data, path), self._locate(route)
            if same(current, wanted):
                break
            if self.tree is before:
                raise refusal(target, "this value cannot be reached by edits of this text")
        self._intended = intended

    def _make_round(self, changes: list[Change]) -> None:
        """Makes what can be made at once of the changes of one reconciliation."""
        # An alias is written out where its anchor goes, or where nothing else makes it mean what is wanted.
        written_out: list[Change] = [
            Write(alias, construct(alias.holders[-1].node, self.tree.source)) for alias in orphans(self.tree, changes)
        ]
        now = written_out + ([change for change in changes if not _is_of_alias(change)] or changes)
        if self._waiting or self._careful:
            for change in now:
                self._make(change)
            return
        # They come from one tree: only those of one collection can stand in each other's way.
        made: dict[Route, list[Change]] = defaultdict(list)
        for change in now:
            others = made[change.target.route]
            if all(map(change.may_follow, others)) and self._add(change, self._intended):
                others.append(change)

    def _locate(self, route: Route) -> Target:
        if self.tree.source.encoding != "utf-8":
            what, place = f"the file is {self.tree.source.encoding.upper()}", Place(self.tree.source.filename, 1, 1)
            raise EditRefused(what, remedy="save it as UTF-8 first", place=place)
        if len(route) > MAX_DEPTH:
            what, place = f"a path of more than {MAX_DEPTH} steps", self.tree.position(Route())
            raise EditRefused(f"{what} cannot be written", remedy="nest less deeply", place=place)
        return replace(locate(self.tree, route), literals=not self._careful)

    def _make(self, change: Change) -> bool:
        """Plans a change beside those that wait; False if one of them stands in its way. Raises EditRefused."""
        if not self._waiting:
            return self._add(change, self._intended)
        waiting = [other.change for other in self._waiting]
        if self._careful or change.completes(waiting):
            return False
        if all(map(change.may_follow, waiting)):
            return self._add(change, self._intended)
        joined = change.joined_to(waiting[-1])
        if joined is None or not all(map(change.may_follow, waiting[:-1])):
            return False
        last = self._waiting.pop()
        self._room.leave(last.splices)
        if self._add(joined, last.before):
            return True
        self._add(last.change, last.before)
        return False

    def _add(self, change: Change, before: Any) -> bool:
        try:
            splices = change.splices()
        except TypeError as error:  # what only JSON does not have: NaN, keys that are no strings
            raise refusal(change.target, str(error)) from None
        if not self._room.take(splices, change.target.route):
            return False
        self._waiting.append(_Waiting(change, splices, before))
        self._intended = change.applied(before)
        return True

    def finish(self) -> None:
        """Applies what waits. The document then means what was intended, or EditRefused is raised."""
        self.flush()
        if self._intended is not self._proven:
            prove_meaning(self.data, self._intended, self._applied)

    def flush(self, *, aliases_may_follow: bool = False) -> None:
        """Applies what waits, reads the text again and proves it. Raises EditRefused.

        `aliases_may_follow`: places that use a changed anchor may mean something else for now.
        """
        if not self._waiting:
            return
        changes = self._applied = [waiting.change for waiting in self._waiting]
        splices = [splice for waiting in self._waiting for splice in waiting.splices]
        self._waiting, self._room, before = [], Room(), self.tree
        try:
            self.tree, self.data = self._read(apply(before.source.text, splices))
        except ParseError as error:
            what = f"the edit would make the text ill-formed ({error.what})"
            raise not_proven(changes[-1].target, what) from None
        except ValueError as error:
            raise not_proven(changes[-1].target, f"the edit does not work out here ({error})") from None
        if aliases_may_follow and before.has_aliases:
            self._intended = self.data
        prove_meaning(self.data, self._intended, changes)
        self._proven = self._intended
        self.removed += prove_text(before, self.tree, splices, changes)


def _is_same_kind(change: Write) -> bool:
    """Whether a collection takes the place of one of its kind: then only what differs is touched."""
    node, value = change.target.node, change.value
    if not value:
        return False
    if isinstance(value, dict):
        return isinstance(node, Mapping)
    return isinstance(value, list) and isinstance(node, Sequence)


def _is_of_alias(change: Change) -> bool:
    return isinstance(change, Write) and isinstance(change.target.node, Alias)
