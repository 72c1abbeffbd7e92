"""What several rules say in the same words: the admin certificate, lines, a scalar as daemons read it."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.command_line import PLAIN
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry, Node, Scalar, dereference
from tarmak_iam.document.scalars import GoTime, ScalarError, resolve_v2, resolve_v2_later, resolve_v3
from tarmak_iam.document.splices import code_end, column
from tarmak_iam.findings import Finding
from tarmak_iam.identity.viper import weak_text
from tarmak_iam.installation.installation import Installation
from tarmak_iam.routes import Route

MAP = PLAIN.tarmak_iam("map")
"""How commands begin that rules name which see the mappings alone; `of_cluster` makes them the cluster's own."""

IMPORT = f"{MAP} import"

EXITS = "from v0.5.0 on the daemon exits at its start, and nobody gets access"
"""What an entry without a principal comes to (startup.json of the recordings); v0.4.0 logs and skips it."""


def of_cluster(finding: Finding, installation: Installation) -> Finding:
    """What a rule finds, with what was found of the cluster's admin certificate where somebody may lose access, and
    with the cluster's own command."""
    recovery = None if finding.recovery is None else installation.admin_access.text
    return replace(finding, recovery=recovery, remedy=finding.remedy.replace(MAP, installation.command("map")))


def early_end(document: Document) -> tuple[str, str] | None:
    """Why go-yaml stops in the middle of a file, and what to do; None where it reads all, or up to a marker."""
    if not document.ends_early or document.root is None or document.next_document is None:
        return None
    column, first = document.next_document.column or 0, document.place(document.root).column or 0
    if column < first:
        return "this line is indented less than the first key", "begin all top-level keys in the same column"
    return "the text before it is complete", "remove it, or put it before the closing bracket or quote"


def first_line(document: Document, node: Node) -> int:
    return document.place(node).line or 1


def last_line(document: Document, entry: Entry) -> int:
    """The line that its value ends in, without comments behind it."""
    end = max(code_end(document.source, entry.value) - 1, entry.key.start)
    return max(document.source.place(end).line or 1, first_line(document, entry.key))


def column_of(document: Document, node: Node) -> int:
    """From 0, as blanks before it are counted."""
    return column(document.source, node.start)


def is_first_on_line(document: Document, node: Node) -> bool:
    """Whether only blanks are before it."""
    source = document.source
    return not source.text[source.line_start(node.start) : node.start].strip(" ")


def lines_text(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


def node_at(document: Document, route: Route) -> Node | None:
    """What is written there, of an alias what it stands for."""
    node = document.node(route)
    return dereference(node) if node is not None else None


def scalar_by_release(document: Document, route: Route) -> tuple[str, str]:
    """A scalar as it is written, and what daemons make of it where that is something else."""
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
    return node.text, f"the daemon reads {' or '.join(kinds)}{', by its version' if len(kinds) > 1 else ''}"
