"""The proof of an edit: the new text has the intended values, and everything else is as it was."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf
from typing import Any

from tarmak_iam.document.anchors import IN_PYTHON, changed_uses, named
from tarmak_iam.document.edits import DocumentChange
from tarmak_iam.document.node_proof import node_written_anew
from tarmak_iam.document.plain_values import first_difference, same
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.target import Target
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened


class NotProven(EditRefused):
    """An edit gave a wrong result. It may succeed without literal blocks, or with smaller changes."""


def not_proven(target: Target, what: str, remedy: str = "") -> NotProven:
    place = target.tree.position(target.route)
    return NotProven(what, remedy=remedy or "edit this place by hand", place=place)


def prove_meaning(data: Any, intended: Any, changes: SequenceOf[DocumentChange]) -> None:
    """Raises NotProven, at the change that caused it, if the values differ from the intended ones."""
    if not same(data, intended):
        route = first_difference(data, intended)
        culprit = _culprit(changes, route)
        uses = tuple(changed_uses(culprit.tree, intended, data)) if culprit.tree.has_aliases else ()
        what = named(culprit.tree, uses) or str(route)
        raise not_proven(culprit, f"the edit would also change {what}", _shared_anchor(culprit))


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


def prove_nodes(before: Tree, after: Tree, changes: SequenceOf[DocumentChange]) -> None:
    """Raises NotProven if the text, style, tag or anchor of a node is another one, and no change is about that node.
    The values may be right: `on` and `true` are the same to yaml.v2, and it ignores the tag `!secret`."""
    route = node_written_anew(before.root, after.root, changes)
    if route is not None:
        raise not_proven(_culprit(changes, route), f"the edit would also change how {route} is written")


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
        f"they share the anchor &{anchors[-1]}: replace its aliases with their value first, or change all of them "
        f"together {IN_PYTHON}"
        if anchors
        else ""
    )
