"""Aliases that would be left without their anchor: their value has to be written out before that goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tarmak_iam.document.changes import Change, RemoveMembers, Write
from tarmak_iam.document.geometry import size
from tarmak_iam.document.nodes import Alias, Mapping, Node, Sequence, walk
from tarmak_iam.document.target import Holder, Target
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Route

__all__ = ["orphans"]


def orphans(tree: Tree, changes: Iterable[Change]) -> Iterator[Target]:
    """The aliases outside of what the changes take out whose anchors are inside of it."""
    gone = {id(node): node for change in changes for node in _gone(change)}
    anchored = {id(node) for top in gone.values() for node in walk(top) if node.anchor}
    if anchored and tree.root is not None:
        yield from _aliases(Target(tree, Route(), (Holder(tree.root),), ()), anchored, gone)


def _gone(change: Change) -> Iterator[Node]:
    node = change.target.node
    if isinstance(change, RemoveMembers):
        yield from (change.target.member(number).holders[-1].node for number in change.numbers)
    elif isinstance(change, Write) and isinstance(node, (Mapping, Sequence)):
        yield from (change.target.member(number).holders[-1].node for number in range(size(node)))


def _aliases(target: Target, anchored: Collection[int], gone: Collection[int]) -> Iterator[Target]:
    node = target.holders[-1].node
    if isinstance(node, Alias):
        if id(node.target) in anchored:
            yield target
        return
    for number in range(size(node)):
        member = target.member(number)
        if id(member.holders[-1].node) not in gone:
            yield from _aliases(member, anchored, gone)
