"""The proof of an edit: the new text means what was intended, and lost nothing that it was not meant to lose."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tarmak_iam.document.changes import Change
from tarmak_iam.document.construct import same
from tarmak_iam.document.intent import first_difference
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

__all__ = ["NotProven", "not_proven", "prove_meaning", "prove_text"]


class NotProven(EditRefused):
    """An edit that was made and turned out wrong: made with more care it may come out right."""


def not_proven(target: Target, what: str, remedy: str = "") -> NotProven:
    place = target.tree.position(target.route)
    return NotProven(what, remedy=remedy or "change this place by hand", place=place)


def prove_meaning(data: Any, intended: Any, changes: Sequence[Change]) -> None:
    """Raises NotProven where the values are others than intended, at the change that is to blame."""
    if not same(data, intended):
        route = first_difference(data, intended)
        culprit = _culprit(changes, route)
        raise not_proven(culprit, f"the edit would change {route} too", _shared_anchor(culprit))


def prove_text(before: Tree, after: Tree, splices: Iterable[Splice], changes: Sequence[Change]) -> list[Comment]:
    """The comments that went with what was replaced. Raises NotProven for others that went or came, and for keys
    that are there twice now: their meaning may be right, but a strict reader would refuse them."""
    target = changes[-1].target
    if before.rest and (after.rest != before.rest or not after.source.ends_line(after.extent.end)):
        raise not_proven(target, "the edit would change where the next document begins")
    if after.duplicates > before.duplicates:
        raise not_proven(target, "the edit would write a key twice")
    old, new = (Counter(comment.text for comment in tree.comments) for tree in (before, after))
    missing, removed = old - new, []
    for comment in _inside(before.comments, splices):
        if missing[comment.text]:
            missing[comment.text] -= 1
            removed.append(comment)
    for text in +missing:
        raise not_proven(target, f"the edit would lose the comment {shortened(text)!r}")
    for text in new - old:
        raise not_proven(target, f"the edit would make a comment of {shortened(text)!r}")
    return removed


def _inside(comments: Sequence[Comment], splices: Iterable[Splice]) -> list[Comment]:
    starts = [comment.span.start for comment in comments]
    spans = [(bisect_left(starts, splice.start), bisect_left(starts, splice.end)) for splice in splices]
    return [comment for first, last in sorted(spans) for comment in comments[first:last]]


def _culprit(changes: Sequence[Change], route: Route) -> Target:
    """The change that leads to a difference, else one that shares an anchor, else the last."""
    leading = [change.target for change in changes if change.target.route.leads_to(route)]
    anchored = [change.target for change in changes if any(holder.node.anchor for holder in change.target.holders)]
    return [changes[-1].target, *anchored[:1], *leading[-1:]][-1]


def _shared_anchor(target: Target) -> str:
    """What to do where the target lies inside an anchored value, which is then most likely used elsewhere."""
    anchors = [holder.node.anchor for holder in target.holders if holder.node.anchor]
    return f"it shares the anchor &{anchors[-1]}: write the value out where it is used" if anchors else ""
