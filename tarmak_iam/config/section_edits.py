"""Edits of `awsIAMAuthenticatorInit`, and the edits that remove keys with the parents that are empty then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf

from tarmak_iam.config.cluster import Cluster
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Document, Remove
from tarmak_iam.document.nodes import Alias, Mapping, dereference
from tarmak_iam.routes import Route
from tarmak_iam.text import CommandLine

_COMMENTED_OUT = re.compile(r"#+[ \t]*([\"']?)awsIAMAuthenticatorInit\1[ \t]*:(?:[ \t]|\Z)")


def authenticator_init_route(cluster: Cluster) -> Route:
    """The route of `awsIAMAuthenticatorInit`, whether it is set or not."""
    return Route.of((*cluster.route.plain, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit"))


def enable_authenticator_init(document: Document, cluster: Cluster, command_line: CommandLine) -> Document:
    """Turns `awsIAMAuthenticatorInit` on. Returns the same document if it is on. Raises EditRefused."""
    if cluster.authenticator_init:
        return document
    route = authenticator_init_route(cluster)
    check_spelling(document, route, command_line)
    return document.set(route, True)


def disable_authenticator_init(document: Document, cluster: Cluster) -> Document:
    """Turns `awsIAMAuthenticatorInit` off. Returns the same document if it is off. Raises EditRefused."""
    if not cluster.authenticator_init:
        return document
    route = authenticator_init_route(cluster)
    comments = document.comments_of(route)
    if any(_COMMENTED_OUT.match(comment.text) for comment in comments):
        comments = tuple(comment for comment in comments if not comment.own_line)  # they are about that line
    if comments or not document.has(route):  # not has: the value comes from a merge key
        return document.set(route, False)
    return document.edit(*removals(document, [route]))


def reads_differently(document: Document, route: Route) -> bool:
    """Whether the value at the route is written there, without an alias, and other readers of YAML read it differently:
    then it is written anew although it is set."""
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
