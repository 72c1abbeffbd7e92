"""Entries that run together in one mapping, because the dash between them is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.document.layout import column, dash_of
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Sequence, dereference, walk
from tarmak_iam.lint.key_names import IDENTITIES, arn_in, root_struct, spelled
from tarmak_iam.lint.layout import column_of
from tarmak_iam.text import shortened

__all__ = ["IDENTITY", "RunTogether", "is_in_flow_list", "is_item", "kind_of_key", "run_together", "with_dash"]

IDENTITY = "identity"
"""What an entry has once, whether by an ARN or by sso."""
_LISTS = ("mapRoles", "mapUsers")


@dataclass(frozen=True, slots=True)
class RunTogether:
    """The entries that one mapping holds, each as its keys in file order; `exact`: whether a key is there twice in the
    same spelling."""

    entries: tuple[tuple[NodeEntry, ...], ...]
    is_exact: bool

    def name(self, index: int) -> str:
        """What a message calls one of them."""
        return next((shortened(arn) for each in self.entries[index] if (arn := arn_in(each.value))), "the first entry")


def run_together(holder: Mapping, where: str) -> RunTogether | None:
    """None where the keys of a mapping are those of one entry, or where nothing says where the next one begins.

    `where` is the list that has the mapping.
    """
    if where not in _LISTS:
        return None
    entries: list[list[NodeEntry]] = [[]]
    seen: set[str] = set()
    texts: set[str] = set()
    is_exact = False
    for entry in holder.entries:
        if entry.text is None or entry.is_merge:
            return None
        is_exact = is_exact or entry.text in texts
        texts.add(entry.text)
        kind = kind_of_key(entry, where)
        if kind in seen:
            entries.append([])
            seen = set()
        seen.add(kind)
        entries[-1].append(entry)
    kinds = [{kind_of_key(each, where) for each in entry} for entry in entries]
    complete = all(IDENTITY in each and each & {"username", "groups"} for each in kinds)
    return RunTogether(tuple(map(tuple, entries)), is_exact) if len(entries) > 1 and complete else None


def kind_of_key(entry: NodeEntry, where: str) -> str:
    """What of an entry a key gives; two ways to say who it is about are one."""
    known = spelled(root_struct()["server"][where], entry.text or "")
    if known in IDENTITIES or (known is None and arn_in(entry.value)):
        return IDENTITY
    return known or entry.text or ""


def with_dash(document: Document, holder: Mapping, first: NodeEntry) -> str:
    """How the line of an entry's first key has to begin for a new item of the list; empty in flow style, where no dash
    is missing."""
    if holder.flow:
        return ""
    own, dash = column_of(document, first.key), _dash_column(document, holder)
    return f"{' ' * dash}-{' ' * (own - dash - 1)}{first.text}:" if dash < own else ""


def is_item(document: Document, holder: Mapping) -> bool:
    """Whether the mapping is an item of a list, and not the list's own value."""
    return _list_of(document, holder) is not None


def is_in_flow_list(document: Document, holder: Mapping) -> bool:
    parent = _list_of(document, holder)
    return parent is not None and parent.flow


def _dash_column(document: Document, holder: Mapping) -> int:
    """Of the list that has the mapping, else of the one that its keys are to become."""
    parent = _list_of(document, holder)
    if parent is not None:
        return column(document.source, dash_of(document.source, parent))
    own = column_of(document, holder.entries[0].key)
    above = (
        column_of(document, entry.key)
        for node in _nodes(document)
        for entry in (node.entries if isinstance(node, Mapping) else ())
        if dereference(entry.value) is holder
    )
    return max(own - 2, next(above, 0))


def _list_of(document: Document, holder: Mapping) -> Sequence | None:
    lists = (node for node in _nodes(document) if isinstance(node, Sequence))
    return next((node for node in lists if any(dereference(item) is holder for item in node.items)), None)


def _nodes(document: Document) -> Iterator[Node]:
    return walk(document.root) if document.root is not None else iter(())
