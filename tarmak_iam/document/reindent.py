"""Parts of the text at another indentation, and nodes on one line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, Span, content_start, walk
from tarmak_iam.document.render import is_safe_in_flow, quote
from tarmak_iam.document.splices import Splice, apply_splices
from tarmak_iam.document.tree import Tree


def reindented(
    tree: Tree, span: Span, by: int, nodes: Iterable[Node], patches: Iterable[Splice] = (), *, first_too: bool = False
) -> str:
    """A part of the text, with its lines indented by `by` more blanks: those after the first one, or all of them.

    `nodes` are the nodes in it, and `patches` are other changes inside of it, which may join lines.
    """
    inside = sorted(patch for patch in patches if span.start <= patch.start and patch.end <= span.end)
    covered = [Span(patch.start, patch.end) for patch in inside]
    shifts = [shift for shift in _shifts(tree, span, by, nodes, first_too) if not _is_covered(shift.start, covered)]
    moved = [each.moved(-span.start) for each in (*inside, *shifts)]
    return apply_splices(tree.source.text[span.start : span.end], moved)


def _is_covered(at: int, spans: list[Span]) -> bool:
    number = bisect_right(spans, (at, at)) - 1
    return number >= 0 and spans[number].start < at < spans[number].end


def _shifts(tree: Tree, span: Span, by: int, nodes: Iterable[Node], first_too: bool) -> Iterable[Splice]:
    """The change of each line's indentation. Of a line that has only blanks it is changed in a block scalar, where the
    blanks may be text, and wherever it gets smaller; an empty line stays empty."""
    source, scalars = tree.source, [each for node in nodes for each in walk(node) if isinstance(each, Scalar)]
    literals = [Span(each.start, each.end) for each in scalars if each.is_block]
    at = span.start if first_too else source.next_line(span.start)
    while at < span.end:
        line = source.text[at : source.line_end(at)]
        blanks = len(line) - len(line.lstrip(" "))
        if line.strip() or by < 0 or (line and _is_covered(at, literals)):
            yield Splice(at, at, " " * by) if by > 0 else Splice(at, at + min(-by, blanks), "")
        at = source.next_line(at)


def least_indentation(tree: Tree, span: Span) -> int | None:
    """The smallest indentation of the lines after the first one that are not blank; None if there is none."""
    source, found, at = tree.source, list[int](), tree.source.next_line(span.start)
    while at < span.end:
        line = source.text[at : source.line_end(at)]
        if line.strip():
            found.append(len(line) - len(line.lstrip(" ")))
        at = source.next_line(at)
    return min(found, default=None)


def in_one_line(tree: Tree, node: Node) -> str:
    """A node in flow style. Its scalars keep their text as far as they can: not in block scalars, on several lines, or
    where a plain scalar would not be one in a flow collection."""
    if isinstance(node, Alias):
        return f"*{node.name}"
    text, start = tree.source.text, content_start(tree.source.text, node)
    own = text[node.start : start].split("#", 1)[0].split()[: (node.anchor is not None) + (node.tag is not None)]
    return " ".join([*own, _content(tree, node, start)])


def _content(tree: Tree, node: Scalar | Mapping | Sequence, start: int) -> str:
    if isinstance(node, Sequence):
        return "[" + ", ".join(in_one_line(tree, item) for item in node.items) + "]"
    if isinstance(node, Mapping):
        pairs = ((in_one_line(tree, entry.key), in_one_line(tree, entry.value)) for entry in node.entries)
        return "{" + ", ".join(f"{key}{' ' if key[0] == '*' else ''}: {value}" for key, value in pairs) + "}"
    text = tree.source.text[start : node.end]
    if node.style == "plain":
        return (text if is_safe_in_flow(text) else quote(node.text)) or "null"
    return quote(node.text) if node.is_block or "\n" in text or "\r" in text else text


def is_like_in_one_line(old: Node, new: Node) -> bool:
    """Whether a node is another one that `in_one_line` wrote."""
    pairs = [(old, new)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right) or left.anchor != right.anchor or left.tag != right.tag:
            return False
        if isinstance(left, Alias) and isinstance(right, Alias) and left.name != right.name:
            return False
        if isinstance(left, Scalar) and isinstance(right, Scalar) and not _is_like_scalar(left, right):
            return False
        inside, others = _children(left), _children(right)
        if len(inside) != len(others):
            return False
        pairs += zip(inside, others, strict=True)
    return True


def _children(node: Node) -> list[Node]:
    if isinstance(node, Mapping):
        return [each for entry in node.entries for each in (entry.key, entry.value)]
    return list(node.items) if isinstance(node, Sequence) else []


def _is_like_scalar(old: Scalar, new: Scalar) -> bool:
    if old.style == "plain" and not old.text:
        return new.style == "plain" and new.text in ("", "null")
    return new.text == old.text and new.style in (old.style, "double")
