"""The proof of an edit, of which docs/editing.md has what it proves. It knows nothing of kinds of edits: only the text
before, the text after, and the intended values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from tarmak_iam.document.nodes import PROPERTY, Alias, Node, Scalar, Span, walk
from tarmak_iam.document.plain_values import first_difference, same
from tarmak_iam.document.shared import named_uses, shared_remedy
from tarmak_iam.document.splices import Splice, apply_splices, splice_order
from tarmak_iam.document.target import Target, refused
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, ParseError
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened


class Change(NamedTuple):
    """What an edit makes of a tree: the change of its text, and its plain values then. `target` is what the edit is
    about, for messages. `moved` are nodes whose text is written at another place, too."""

    target: Target
    splices: list[Splice]
    intended: Any
    moved: tuple[Node, ...] = ()
    created: Route | None = None
    """The first of the missing parents that are created, or what is created there."""


class NotProven(EditRefused):
    """An edit gave a wrong result."""


class Piece(NamedTuple):
    """An anchor, a tag, an alias, or the content of a scalar that has some."""

    start: int
    end: int
    what: tuple[str, ...]


def new_text(change: Change) -> str:
    """The text after a change. Raises NotProven if two parts of the change are in each other's way."""
    try:
        return apply_splices(change.target.tree.source.text, change.splices)
    except ValueError:
        raise _not_proven(change.target, "two parts of this edit change the same text") from None


def invalid_text(change: Change, error: ParseError) -> NotProven:
    """The refusal of a change whose text cannot be read."""
    tree = change.target.tree
    for node in walk(tree.root) if tree.has_aliases and tree.root is not None else ():
        if isinstance(node, Alias) and any(splice.start <= node.target.start < splice.end for splice in change.splices):
            line, home = (tree.source.position(at)[0] for at in (node.start, node.target.start))
            what = f"the alias *{node.name} (line {line}) would lose its anchor (line {home})"
            return _not_proven(change.target, what, "replace the alias with its value first")
    remedy = "replace the alias with its value first" if tree.has_aliases and "anchor" in error.what else ""
    return _not_proven(change.target, f"the edit would make the text invalid ({error.what})", remedy)


def prove(change: Change, after: Tree, data: Any) -> list[Comment]:
    """The comments that went with the replaced text. `after`, `data`: tree and values then. Raises NotProven."""
    target, before = change.target, change.target.tree
    if not same(data, change.intended):
        route = first_difference(data, change.intended)
        what = named_uses(before, change.intended, data) if before.has_aliases else ""
        raise _not_proven(target, f"the edit would also change {what or route}", shared_remedy(target))
    if before.rest and (after.rest != before.rest or not after.source.ends_line(after.extent.end)):
        raise _not_proven(target, "the edit would change where the next document begins")
    if after.duplicates > before.duplicates:
        raise _not_proven(target, "the edit would create a duplicate key")
    _compare_pieces(change, after)
    return _removed_comments(change, after)


def _removed_comments(change: Change, after: Tree) -> list[Comment]:
    before = change.target.tree
    texts = [[comment.text for comment in tree.comments] for tree in (before, after)]
    if texts[0] == texts[1]:
        return []
    old, new = map(Counter, texts)
    missing, removed = old - new, []
    for splice in sorted(change.splices, key=splice_order) if missing else ():
        for comment in before.comments_in(splice.start, splice.end):
            if missing[comment.text]:
                missing[comment.text] -= 1
                removed.append(comment)
    for text in +missing:
        raise _not_proven(change.target, f"the edit would lose the comment {shortened(text)!r}")
    for text in new - old:
        raise _not_proven(change.target, f"the edit would create the comment {shortened(text)!r}")
    return removed


def _compare_pieces(change: Change, after: Tree) -> None:
    """Raises NotProven if what is outside of the splices is not as it was, or what moved is not at its new place. The
    values may be right: `on` and `true` are the same to yaml.v2, and it ignores the tag `!secret`."""
    replaced, written, shift = [], [], 0
    for splice in sorted(change.splices, key=splice_order):
        start = splice.start + shift
        replaced.append(Span(splice.start, splice.end))
        written.append(Span(start, start + len(splice.text)))
        shift += len(splice.text) - (splice.end - splice.start)
    source = change.target.tree.source
    old, _ = _divided(_pieces(source.text, change.target.tree.root), replaced)
    outside, inside = _divided(_pieces(after.source.text, after.root), written)
    for piece, other in zip_longest(old, outside):
        if piece is None or other is None or piece.what != other.what:
            line = source.position(piece.start)[0] if piece else after.source.position(other.start)[0]
            raise _not_proven(change.target, f"the edit would also change how line {line} is written")
    new = "".join([repr(piece.what) for piece in inside]) if change.moved else ""
    for node in change.moved:
        if "".join([repr(piece.what) for piece in _pieces(source.text, node)]) not in new:
            raise _not_proven(change.target, "the edit would change how the value is written")


def _pieces(text: str, root: Node | None) -> Iterator[Piece]:
    """The pieces of a node and of all in it, in file order. Null without a text is none."""
    for node in walk(root) if root is not None else ():
        at = node.start
        for _ in range((node.anchor is not None) + (node.tag is not None)):
            match = PROPERTY.match(text, at)
            if match is not None:
                yield Piece(match.start(1), match.end(1), (match[1],))
                at = match.end()
        if type(node) is Alias:
            yield Piece(at, node.end, ("*", node.name))
        elif type(node) is Scalar and at < node.end:
            end = len(text[at : node.end].rstrip()) + at if node.is_block else node.end
            yield Piece(at, end, (node.text, node.style))


def _divided(pieces: Iterable[Piece], spans: list[Span]) -> tuple[list[Piece], list[Piece]]:
    """The pieces that have no text in common with the spans, and those that have; all of them are in order."""
    outside, inside, left = list[Piece](), list[Piece](), [*reversed(spans)]
    for piece in pieces:
        while left and left[-1].end <= piece.start:
            left.pop()
        (inside if left and left[-1].start < piece.end else outside).append(piece)
    return outside, inside


def _not_proven(target: Target, what: str, remedy: str = "") -> NotProven:
    refusal = refused(target, what, remedy)
    return NotProven(refusal.what, remedy=refusal.remedy, place=refusal.place)
