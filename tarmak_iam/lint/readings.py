"""What the daemons make of a scalar: their configuration library changed its YAML twice."""

from __future__ import annotations

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar, dereference
from tarmak_iam.document.scalars import GoTime, ScalarError, resolve_v2, resolve_v2_later, resolve_v3
from tarmak_iam.identity.viper import weak_text
from tarmak_iam.routes import Route

__all__ = ["readings"]


def readings(document: Document, route: Route) -> tuple[str, str]:
    """A scalar as it is written, and what daemons make of it where that is something else."""
    node = document.node(route)
    node = dereference(node) if node is not None else None
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
