"""A batch of edits. Independent edits are applied together; every resulting text is read again and checked."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.document.edits import DocumentChange, Edit, RemoveMembers, Reorder, Write, planned_change, refused_edit
from tarmak_iam.document.item_matching import Identity
from tarmak_iam.document.nodes import Alias, Mapping, Node, Sequence, walk
from tarmak_iam.document.plain_values import assigned, construct, first_difference, same, value_at
from tarmak_iam.document.reconcile import Reconciler
from tarmak_iam.document.source import MAX_DEPTH
from tarmak_iam.document.splices import ClaimedSpans, Splice, apply_splices, member_count
from tarmak_iam.document.target import Holder, Target, locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

_MOST_ROUNDS = 100

Read = Callable[[str], tuple[Tree, Any]]
"""Reads an edited text and returns its tree and plain values. Raises ParseError."""


@dataclass(frozen=True, slots=True)
class _PendingChange:
    """A change that is not applied to the tree yet; `before` are the intended values without it."""

    change: DocumentChange
    splices: list[Splice]
    before: Any


class NotProven(EditRefused):
    """An edit gave a wrong result. It may succeed if the edits are made one by one."""


class EditBatch:
    """Makes edits one after the other on one document.

    `data` are the plain values of `tree`. Waiting changes are not part of them yet, only of the intended values.
    `careful`: every change is applied before the next one is planned, and no string is written as a literal block.
    """

    def __init__(self, tree: Tree, data: Any, read: Read, *, careful: bool) -> None:
        self.tree = tree
        self.data = data
        self.removed: list[Comment] = []
        self._intended = self._proven = data
        self._read = read
        self._careful = careful
        self._waiting: list[_PendingChange] = []
        self._applied: list[DocumentChange] = []  # by the last flush
        self._claimed = ClaimedSpans()

    def perform(self, edit: Edit) -> None:
        """Makes one edit. Raises EditRefused."""
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

    def _planned(self, edit: Edit) -> DocumentChange | None:
        change = planned_change(edit, self._locate, self._intended)
        if isinstance(change, Write) and _is_same_kind(change):
            self.turn(Route.of(edit.path), change.value)
            return None
        for alias in dangling_aliases(self.tree, [change] if change else []):
            assert isinstance(alias.node, Alias)
            what = f"{alias.route} is the alias *{alias.node.name}, and the edit would remove its anchor"
            raise refused_edit(alias, what, "replace the alias with its value first")
        return change

    def turn(self, route: Route, wanted: Any, identities: Iterable[Identity] = ()) -> None:
        """Changes the value at the route to `wanted` with few and small changes. Raises EditRefused."""
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
                raise refused_edit(target, "the text cannot be edited to have this value")
        self._intended = intended

    def _make_round(self, changes: list[DocumentChange]) -> None:
        """Makes those changes of one reconciliation that can be made together."""
        # An alias is replaced with its value if its anchor is removed, or if nothing else gives it the wanted value.
        written_out: list[DocumentChange] = [
            Write(alias, construct(alias.holders[-1].node, self.tree.source))
            for alias in dangling_aliases(self.tree, changes)
        ]
        now = written_out + ([change for change in changes if not _is_of_alias(change)] or changes)
        if self._waiting or self._careful:
            for change in now:
                self._make(change)
            return
        # They come from one tree: only changes of the same collection can affect each other.
        made: dict[Route, list[DocumentChange]] = defaultdict(list)
        for change in now:
            others = made[change.target.route]
            if all(map(change.may_follow, others)) and self._add(change, self._intended):
                others.append(change)

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
        return replace(locate(self.tree, route), literals=not self._careful)

    def _make(self, change: DocumentChange) -> bool:
        """Adds a change to the waiting ones; False if one of them must be applied first. Raises EditRefused."""
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
        self._claimed.release(last.splices)
        if self._add(joined, last.before):
            return True
        self._add(last.change, last.before)
        return False

    def _add(self, change: DocumentChange, before: Any) -> bool:
        try:
            splices = change.splices()
        except TypeError as error:  # what JSON alone does not have: NaN, and keys that are not strings
            raise refused_edit(change.target, str(error)) from None
        if not self._claimed.claim(splices, change.target.route):
            return False
        self._waiting.append(_PendingChange(change, splices, before))
        self._intended = change.applied(before)
        return True

    def finish(self) -> None:
        """Applies the waiting changes. Raises EditRefused if the document then has other values than intended."""
        self.flush()
        if self._intended is not self._proven:
            prove_meaning(self.data, self._intended, self._applied)

    def flush(self, *, aliases_may_follow: bool = False) -> None:
        """Applies the waiting changes, reads the new text and checks it. Raises EditRefused.

        `aliases_may_follow`: the values of aliases of a changed anchor may differ from the intended ones for now.
        """
        if not self._waiting:
            return
        changes = self._applied = [waiting.change for waiting in self._waiting]
        splices = [splice for waiting in self._waiting for splice in waiting.splices]
        self._waiting, self._claimed, before = [], ClaimedSpans(), self.tree
        try:
            self.tree, self.data = self._read(apply_splices(before.source.text, splices))
        except ParseError as error:
            what = f"the edit would make the text invalid ({error.what})"
            raise not_proven(changes[-1].target, what) from None
        except ValueError as error:
            raise not_proven(changes[-1].target, f"the edit is not possible here ({error})") from None
        if aliases_may_follow and before.has_aliases:
            self._intended = self.data
        prove_meaning(self.data, self._intended, changes)
        self._proven = self._intended
        self.removed += prove_text(before, self.tree, splices, changes)


def _is_same_kind(change: Write) -> bool:
    """Whether a collection replaces one of the same kind. Then only what differs is changed."""
    node, value = change.target.node, change.value
    if not value:
        return False
    if isinstance(value, dict):
        return isinstance(node, Mapping)
    return isinstance(value, list) and isinstance(node, Sequence)


def _is_of_alias(change: DocumentChange) -> bool:
    return isinstance(change, Write) and isinstance(change.target.node, Alias)


def dangling_aliases(tree: Tree, changes: Collection[DocumentChange]) -> Iterator[Target]:
    """The aliases that stay while the changes remove their anchors, or move the anchors below them."""
    if not tree.has_aliases or tree.root is None:
        return
    gone = {id(node): node for change in changes for node in _gone(change)}
    anchored = {id(node) for top in gone.values() for node in walk(top) if node.anchor}
    for change in changes:
        if isinstance(change, Reorder):
            yield from _overtaking(change)
    if anchored:
        yield from _aliases(Target(tree, Route(), (Holder(tree.root),), ()), anchored, gone)


def _gone(change: DocumentChange) -> Iterator[Node]:
    node = change.target.node
    if isinstance(change, RemoveMembers):
        yield from (change.target.member(number).holders[-1].node for number in change.numbers)
        if isinstance(node, Mapping):
            yield from (node.entries[number].key for number in change.numbers)
    elif isinstance(change, Write) and isinstance(node, (Mapping, Sequence)):
        yield from (change.target.member(number).holders[-1].node for number in range(member_count(node)))


def _overtaking(change: Reorder) -> Iterator[Target]:
    """The aliases that would be above their anchors after the reordering."""
    items = [change.target.member(number) for number in range(len(change.order))]
    nodes = ((node, number) for number, item in enumerate(items) for node in walk(item.holders[-1].node))
    anchors = {id(node): number for node, number in nodes if node.anchor}
    for number, item in enumerate(items):
        for alias in _aliases(item, anchors, ()):
            assert isinstance(alias.node, Alias)
            if change.order.index(number) < change.order.index(anchors[id(alias.node.target)]):
                yield alias


def _aliases(target: Target, anchored: Collection[int], gone: Collection[int]) -> Iterator[Target]:
    node = target.holders[-1].node
    if isinstance(node, Alias):
        if id(node.target) in anchored:
            yield target
        return
    for number in range(member_count(node)):
        member = target.member(number)
        if id(member.holders[-1].node) not in gone:
            yield from _aliases(member, anchored, gone)


def not_proven(target: Target, what: str, remedy: str = "") -> NotProven:
    place = target.tree.position(target.route)
    return NotProven(what, remedy=remedy or "edit this place by hand", place=place)


def prove_meaning(data: Any, intended: Any, changes: SequenceOf[DocumentChange]) -> None:
    """Raises NotProven, at the change that caused it, if the values differ from the intended ones."""
    if not same(data, intended):
        route = first_difference(data, intended)
        culprit = _culprit(changes, route)
        raise not_proven(culprit, f"the edit would also change {route}", _shared_anchor(culprit))


def prove_text(
    before: Tree, after: Tree, splices: Iterable[Splice], changes: SequenceOf[DocumentChange]
) -> list[Comment]:
    """The comments that were removed with the replaced text.

    Raises NotProven if another comment was lost or created, and for a new duplicate key: the values may be right, but
    a strict reader would reject it.
    """
    target = changes[-1].target
    if before.rest and (after.rest != before.rest or not after.source.ends_line(after.extent.end)):
        raise not_proven(target, "the edit would change where the next document begins")
    if after.duplicates > before.duplicates:
        raise not_proven(target, "the edit would create a duplicate key")
    old, new = (Counter(comment.text for comment in tree.comments) for tree in (before, after))
    missing, removed = old - new, []
    for comment in _inside(before.comments, splices):
        if missing[comment.text]:
            missing[comment.text] -= 1
            removed.append(comment)
    for text in +missing:
        raise not_proven(target, f"the edit would lose the comment {shortened(text)!r}")
    for text in new - old:
        raise not_proven(target, f"the edit would create the comment {shortened(text)!r}")
    return removed


def _inside(comments: SequenceOf[Comment], splices: Iterable[Splice]) -> list[Comment]:
    starts = [comment.span.start for comment in comments]
    spans = [(bisect_left(starts, splice.start), bisect_left(starts, splice.end)) for splice in splices]
    return [comment for first, last in sorted(spans) for comment in comments[first:last]]


def _culprit(changes: SequenceOf[DocumentChange], route: Route) -> Target:
    """The change that leads to a difference; otherwise one that shares an anchor; otherwise the last one."""
    leading = [change.target for change in changes if change.target.route.leads_to(route)]
    anchored = [change.target for change in changes if any(holder.node.anchor for holder in change.target.holders)]
    return [changes[-1].target, *anchored[:1], *leading[-1:]][-1]


def _shared_anchor(target: Target) -> str:
    """The remedy if the target is inside an anchored value, which is then most likely used elsewhere."""
    anchors = [holder.node.anchor for holder in target.holders if holder.node.anchor]
    return (
        f"it shares the anchor &{anchors[-1]}: replace the aliases of that anchor with their value first"
        if anchors
        else ""
    )
