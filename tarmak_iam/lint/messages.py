"""Wording that several rules share: recovery access, lines, a scalar as each release reads it."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Node, Scalar, dereference
from tarmak_iam.document.scalars import GoTime, ScalarError, resolve_v2, resolve_v2_later, resolve_v3
from tarmak_iam.findings import Finding
from tarmak_iam.identity.viper import weak_text
from tarmak_iam.installation.installation import Installation
from tarmak_iam.routes import Route
from tarmak_iam.text import PLAIN

MAP = PLAIN.tarmak_iam("map")
"""The start of commands in rules that see only the mappings; `of_cluster` replaces it with the cluster's command."""

IMPORT = f"{MAP} import"
EXITS = "authenticator v0.5.0 and later does not start, and IAM login is not possible"
"""The consequence of an entry without a principal (startup.json of the recordings); v0.4.0 logs and skips it."""


def of_cluster(finding: Finding, installation: Installation) -> Finding:
    """The finding with the state of the cluster's admin certificate, if access may be lost, and with the cluster's
    command in the remedy."""
    recovery = None if finding.recovery is None else installation.admin_access.text
    return replace(finding, recovery=recovery, remedy=finding.remedy.replace(MAP, installation.command("map")))


def early_end(document: Document) -> tuple[str, str] | None:
    """Why go-yaml stops in the middle of a file, and what to do; None if it reads the whole file, or up to a marker."""
    if not document.ends_early or document.root is None or document.next_document is None:
        return None
    column, first = document.next_document.column or 0, document.place(document.root).column or 0
    if column < first:
        return "this line is indented less than the first key", "begin all top-level keys in the same column"
    return "the document is already complete", "remove it, or move it before the closing bracket or quote"


def first_line(document: Document, node: Node) -> int:
    return document.place(node).line or 1


def node_at(document: Document, route: Route) -> Node | None:
    """The node at a route; for an alias, its target."""
    node = document.node(route)
    return dereference(node) if node is not None else None


def scalar_by_release(document: Document, route: Route) -> tuple[str, str]:
    """A plain scalar as it is written, and how releases read it if that differs; empty strings for other nodes."""
    node = node_at(document, route)
    if not isinstance(node, Scalar) or node.style != "plain":
        return "", ""
    read = []
    for resolve in (resolve_v2, resolve_v2_later, resolve_v3):
        try:
            value = resolve(node)
        except ScalarError:
            continue
        if value is None:
            return node.text, ""
        read.append("a date" if isinstance(value, GoTime) else repr(weak_text(value, "", route)))
    kinds = list(dict.fromkeys(read))
    if kinds == [repr(node.text)]:
        return node.text, ""
    which = ", depending on its release" if len(kinds) > 1 else ""
    return node.text, f"the authenticator reads {' or '.join(kinds)}{which}"
