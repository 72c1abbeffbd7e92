"""The aliases that would lose their anchors."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tarmak_iam.document.edits import DocumentChange, RemoveMembers, Reorder, Write
from tarmak_iam.document.nodes import Alias, Mapping, Node, Sequence, walk
from tarmak_iam.document.splices import member_count
from tarmak_iam.document.target import Holder, Target
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Route


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
