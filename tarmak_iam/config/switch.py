"""The edits of `awsIAMAuthenticatorInit`: on in a way that off can take back byte for byte."""

from __future__ import annotations

from tarmak_iam.config.cluster import Cluster
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Node, Sequence
from tarmak_iam.routes import Route

__all__ = ["switch_off", "switch_on", "switch_route", "take_out"]


def switch_route(cluster: Cluster) -> Route:
    """Where the switch is, or would be."""
    return Route.of((*cluster.route.plain, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit"))


def switch_on(document: Document, cluster: Cluster) -> Document:
    """The same document if it is on. Raises EditRefused."""
    return document if cluster.authenticator_init else document.set(switch_route(cluster), True)


def switch_off(document: Document, cluster: Cluster) -> Document:
    """The same document if it is off. Raises EditRefused."""
    if not cluster.authenticator_init:
        return document
    route = switch_route(cluster)
    comments = document.comments_beside(route)
    if any(comment.setting == "awsIAMAuthenticatorInit" for comment in comments):
        comments = tuple(comment for comment in comments if not comment.own_line)  # they are about that line
    if comments or not document.has(route):  # not has: it comes from a merge
        return document.set(route, False)
    return take_out(document, route)


def take_out(document: Document, route: Route) -> Document:
    """Without the entry at the route, and without the parents that are empty then; a cluster that holds nothing
    else stays, for the ones behind it would become others. Raises EditRefused."""
    removed = document.remove(route, prune=True)
    return removed if len(_clusters(removed)) == len(_clusters(document)) else document.remove(route)


def _clusters(document: Document) -> tuple[Node, ...]:
    node = document.node(("clusters",))
    return node.items if isinstance(node, Sequence) else ()
