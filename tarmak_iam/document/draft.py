"""A batch of edits on its way: made together as far as they do not disturb each other, proven once at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tarmak_iam.document.changes import Change, Write
from tarmak_iam.document.construct import construct, same
from tarmak_iam.document.edits import Edit
from tarmak_iam.document.intent import assigned, first_difference, value_at
from tarmak_iam.document.matching import Identity
from tarmak_iam.document.nodes import Alias, Mapping, Sequence
from tarmak_iam.document.orphans import orphans
from tarmak_iam.document.plan import planned, refusal
from tarmak_iam.document.reconcile import Reconciler
from tarmak_iam.document.splice import Splice, apply
from tarmak_iam.document.target import Target, locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route

__all__ = ["Draft"]

_MOST_ROUNDS = 1000

Read = Callable[[str], tuple[Tree, Any]]
"""Reads an edited text: its tree and plain values. Raises ParseError."""


class Draft:
    """`data` are the plain values of `tree`; splices that wait are not in them yet, but in what is intended.

    `careful`: every change is applied before the next one is planned, and no text becomes a literal block.
    """

    def __init__(self, tree: Tree, data: Any, read: Read, *, careful: bool) -> None:
        self.tree = tree
        self.data = data
        self.removed: list[Comment] = []
        self._before = tree
        self._intended = data
        self._read = read
        self._careful = careful
        self._waiting: list[tuple[Change, list[Splice]]] = []
        self._last = Target(tree, Route(), (), ())

    def perform(self, edit: Edit) -> None:
        """Raises EditRefused."""
        route = Route.of(edit.path)
        if any(change.touches(route) for change, _ in self._waiting):
            self._flush()
        change = planned(edit, self._locate, self._intended)
        for alias in orphans(self.tree, [change] if change else []):
            name = alias.holders[-1].node
            assert isinstance(name, Alias)
            what = f"{alias.route} is the alias *{name.name}, whose anchor would go"
            raise refusal(alias, what, "write the value out there first")
        if isinstance(change, Write) and _is_same_kind(change):
            self.turn(route, change.value)
        elif change is not None and not self._make(change):
            self._flush()
            self.perform(edit)

    def turn(self, route: Route, wanted: Any, identities: Iterable[Identity] = ()) -> None:
        """Makes what is at the route mean something else, with as few and small changes as possible.

        Raises EditRefused.
        """
        self._flush()
        reconciler, target, before = Reconciler(tuple(identities)), self._locate(route), None
        intended = assigned(self._intended, target.native_path, wanted)
        for number in range(_MOST_ROUNDS):
            current = value_at(self.data, target.native_path)
            if same(current, wanted):
                break
            if number and same(before, current):
                raise refusal(target, "this value cannot be reached by edits of this text")
            before = current
            for change in self._round(list(reconciler.changes(target, current, wanted))):
                self._make(change)
            self._flush()
            target = self._locate(route)
        self._intended = intended

    def _round(self, changes: list[Change]) -> list[Change]:
        """An alias is written out where its anchor goes, or where nothing else makes it mean what is wanted."""
        written_out: list[Change] = [
            Write(alias, construct(alias.holders[-1].node, self.tree.source)) for alias in orphans(self.tree, changes)
        ]
        return written_out + ([change for change in changes if not _is_of_alias(change)] or changes)

    def finish(self) -> None:
        """Applies what waits and compares with what was intended. Raises EditRefused."""
        self._flush()
        if not same(self.data, self._intended):
            what = f"the edit would change {first_difference(self.data, self._intended)} too"
            raise refusal(self._last, what, _shared_anchor(self._last))
        lost = Counter(comment.text for comment in self._before.comments)
        lost -= Counter(comment.text for comment in [*self.removed, *self.tree.comments])
        if lost:
            raise refusal(self._last, f"the edit would lose the comment {next(iter(lost))!r}")

    def _locate(self, route: Route) -> Target:
        if self.tree.source.encoding != "utf-8":
            what, place = f"the file is {self.tree.source.encoding.upper()}", Place(self.tree.source.filename)
            raise EditRefused(what, remedy="save it as UTF-8 first", place=place)
        return replace(locate(self.tree, route), literals=not self._careful)

    def _make(self, change: Change) -> bool:
        """Plans a change beside those that wait; False if one of them stands in its way. Raises EditRefused."""
        if self._waiting and (self._careful or any(change.disturbs(other) for other, _ in self._waiting)):
            return False
        try:
            splices = change.splices()
        except TypeError as error:  # what only JSON does not have: NaN, keys that are no strings
            raise refusal(change.target, str(error)) from None
        if any(_collide(splices, others) for _, others in self._waiting):
            return False
        self._waiting.append((change, splices))
        self._intended = change.applied(self._intended)
        self._last = change.target
        return True

    def _flush(self) -> None:
        if not self._waiting:
            return
        source = self.tree.source
        text = apply(source.text, [splice for _, splices in self._waiting for splice in splices])
        for _, splices in self._waiting:
            self.removed += _removed_comments(self.tree, splices)
        try:
            self.tree, self.data = self._read(text)
        except ParseError as error:
            raise refusal(self._last, f"the edit would make the text ill-formed ({error.what})") from None
        self._waiting = []


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


def _collide(one: list[Splice], other: list[Splice]) -> bool:
    """Whether two changes have to do with the same text."""
    return any(_overlap(left, right) for left in one for right in other)


def _overlap(left: Splice, right: Splice) -> bool:
    if left.start == left.end and right.start == right.end:
        return left.start == right.start  # two insertions at one point
    return left.start < right.end and right.start < left.end


def _removed_comments(tree: Tree, splices: list[Splice]) -> list[Comment]:
    """The comments inside what a change replaces, unless its own text has them again."""
    new = "".join(splice.text for splice in splices)
    return [
        comment
        for comment in tree.comments
        if any(splice.start <= comment.span.start < splice.end for splice in splices) and comment.text not in new
    ]


def _shared_anchor(target: Target) -> str:
    """What to do where the target lies inside an anchored value, which is then most likely used elsewhere."""
    anchors = [holder.node.anchor for holder in target.holders if holder.node.anchor]
    return f"it shares the anchor &{anchors[-1]}: write the value out where it is used" if anchors else ""
