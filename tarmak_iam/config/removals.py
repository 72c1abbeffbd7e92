"""Edits that remove keys with the parents that are empty then; and which values are written again though they are set.

Commands that edit nothing but one key need no more of the edits of any key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf

from tarmak_iam.document import Document, Remove
from tarmak_iam.document.nodes import Alias, Mapping, dereference
from tarmak_iam.routes import Route


def reads_differently(document: Document, route: Route) -> bool:
    """Whether the value at the route is written there, without an alias, and other YAML parsers read it differently:
    then it is written again although it is set."""
    is_alias = isinstance(document.node(route), Alias)
    return not is_alias and document.has(route) and bool(document.other_readings(route))


def removals(document: Document, routes: Iterable[Route], written: SequenceOf[Route] = ()) -> Iterator[Remove]:
    """The edits that remove what is at these routes, the last items of lists first, with the parents that are empty
    then. An item of a list that would be empty stays, because the items after it would get other indices; and so does
    an empty list: it has another meaning than a missing one. `written` are the routes of what is added or set."""
    removed: set[int] = set()
    for route in sorted(
        routes, key=lambda route: [step if isinstance(step, int) else 0 for step in route], reverse=True
    ):
        top = route
        while not isinstance(top.steps[-1], int):
            removed.add(id(document.entry(top)))
            above, node = top.parent, document.node(top.parent)
            parent = None if node is None else dereference(node)
            is_empty = isinstance(parent, Mapping) and all(id(entry) in removed for entry in parent.entries)
            if not above.steps or not is_empty or any(map(above.leads_to, written)):
                break
            top = above
        yield Remove(route, prune=not isinstance(top.steps[-1], int))
