"""Objects of a cluster from files: output of `kubectl get -o yaml`, manifests, lists of either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar, own_text_start
from tarmak_iam.errors import Place
from tarmak_iam.routes import Path, Route


class ClusterObject(NamedTuple):
    """An object at `route` in its document. The items of a List are separate objects, and so is the List."""

    document: Document
    route: Route
    data: AnyMapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", ""))

    @property
    def name(self) -> str:
        return str(self.field("metadata").get("name", ""))

    @property
    def namespace(self) -> str:
        """Empty if the file does not set it."""
        return str(self.field("metadata").get("namespace") or "")

    def field(self, name: str) -> AnyMapping[str, Any]:
        """A mapping such as `spec`; empty if there is none."""
        value = self.data.get(name)
        return value if isinstance(value, dict) else {}

    def place(self, path: Path = ()) -> Place:
        return self.document.position(Route((*self.route.steps, *Route.of(path).steps)))


def cluster_objects(text: str, filename: str) -> Iterator[ClusterObject]:
    """Raises ParseError. What is not a Kubernetes object (no `kind`) is skipped."""
    for document in Document.parse_all(text, filename):
        yield from objects_in(document)


def objects_in(document: Document) -> Iterator[ClusterObject]:
    """The objects of one document."""
    pending: list[tuple[Route, Any]] = [(Route(), document.data)]
    while pending:
        route, data = pending.pop()
        if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
            continue
        yield ClusterObject(document, route, data)
        items = data.get("items")
        if data["kind"].endswith("List") and isinstance(items, list):
            # `kubectl get --raw` omits the kind of the items.
            kind = {"kind": data["kind"].removesuffix("List")}
            named = [{**kind, **item} if isinstance(item, dict) else item for item in items]
            pending += [(route / "items" / index, item) for index, item in enumerate(named)][::-1]


_INDENTATION = re.compile(r"^( *)[ \t]*(?=\S)", re.MULTILINE)
"""That of the first line that is not blank."""


def place_within(document: Document, path: Path | Route, inner: Place) -> Place:
    """The place in the file of `inner`, a place within the string at a path.

    Only the lines of a literal block scalar are lines of the file. For any other string the result is the place where
    the string begins.
    """
    node, text = document.node(path), document.text
    begin = document.source.place(node.start if node else 0)
    if not isinstance(node, Scalar) or node.style != "literal":
        return begin
    header_end = own_text_start(text, node)
    written, content = _INDENTATION.search(text, header_end, node.end), _INDENTATION.search(node.text)
    indentation = len(written[1]) - len(content[1]) if written and content else 0
    line = document.source.position(header_end)[0] + (inner.line or 1)
    return begin._replace(line=line, column=None if inner.column is None else inner.column + indentation)
