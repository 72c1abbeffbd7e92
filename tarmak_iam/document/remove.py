"""Splices that take an entry or item out of a document."""

from __future__ import annotations

from typing import Any

from tarmak_iam.document.flow import remove_member
from tarmak_iam.document.geometry import behind, blanks_before, code_end, entry_start, item_start, starts_line
from tarmak_iam.document.nodes import Mapping, Sequence
from tarmak_iam.document.source import Source
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.write import write

__all__ = ["remove", "shorten"]


def shorten(target: Target) -> Target:
    """The highest of the target's parents that its removal would leave empty (never the root)."""
    while len(target.holders) > 2 and _size(target, -2) == 1:
        route, holders = target.route.parent, target.holders[:-1]
        target = Target(target.tree, route, holders, ())
    return target


def remove(target: Target) -> list[Splice]:
    """Takes the target (it exists and is not the root) out of its parent; a parent left empty is {} or []."""
    tree, holder = target.tree, target.holders[-1]
    parent = target.holders[-2].node
    if isinstance(parent, Mapping):
        _refuse_duplicate(target, parent)
    if _size(target, -2) == 1:
        emptied: Any = {} if isinstance(parent, Mapping) else []
        return write(Target(tree, target.route.parent, target.holders[:-1], ()), emptied)
    assert isinstance(parent, (Mapping, Sequence))
    number = holder.index if isinstance(parent, Sequence) else parent.entries.index(holder.entry)
    assert number is not None
    if parent.flow:
        return remove_member(tree, parent, number)
    return _from_block(tree, parent, number)


def _refuse_duplicate(target: Target, parent: Mapping) -> None:
    """Without the last of two equal keys the one before it would count, which nobody means by a removal."""
    entry = target.holders[-1].entry
    lines = [
        str(target.tree.source.position(other.key.span.start)[0])
        for other in parent.entries
        if entry is not None and other.text == entry.text
    ]
    if len(lines) > 1 and entry is not None:
        refuse(
            target.tree,
            entry.key,
            f"the key '{entry.text}' is there {len(lines)} times (lines {', '.join(lines)})",
            "remove all but one by hand first",
        )


def _size(target: Target, at: int) -> int:
    node = target.holders[at].node
    if isinstance(node, Mapping):
        return len(node.entries)
    return len(node.items) if isinstance(node, Sequence) else 0


def _from_block(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Splice]:
    source = tree.source
    starts = _starts(source, parent)
    start = starts[number]
    node = parent.entries[number].value if isinstance(parent, Mapping) else parent.items[number]
    below = behind(source, node)
    if starts_line(source, start):
        return [_lines(source, source.line_start(start), below)]
    # The first one of a mapping or list that begins behind a dash: the next one moves up to its place,
    # or down to its own line if comments stand between them.
    following = starts[number + 1]
    if not source.text[below : source.line_start(following)].strip():
        return [Splice(start, following, "")]
    end = code_end(source, node)
    return [Splice(blanks_before(source, start), source.line_end(end), "")]


def _starts(source: Source, parent: Mapping | Sequence) -> list[int]:
    if isinstance(parent, Mapping):
        return [entry_start(source, entry) for entry in parent.entries]
    return [item_start(source, parent, number) for number in range(len(parent.items))]


def _lines(source: Source, start: int, end: int) -> Splice:
    """Whole lines; if they end a file without line end, the one before them goes, so that it stays so."""
    if end == len(source.text) and end > start and source.text[end - 1] not in "\r\n" and start:
        newline = source.newline_near(start - 1)
        return Splice(start - len(newline), end, "")
    return Splice(start, end, "")
