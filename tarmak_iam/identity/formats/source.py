"""Other tools' files as plain values with the way back to file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.embedded import place_within
from tarmak_iam.document.nodes import Node, Scalar
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.go_case import equal_fold
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import one_line, shortened

__all__ = ["Part", "documents", "shown"]

_Placed = Callable[[Place], Place]


@dataclass(frozen=True, slots=True)
class Part:
    """A value somewhere in a file. `value` are plain values as yaml.v2 reads them."""

    value: Any
    document: Document = field(repr=False)
    route: Route = field(default_factory=Route)
    outer: _Placed | None = field(default=None, repr=False)
    """From a place in a text within a text to the one in the file; None for the file itself."""

    @property
    def place(self) -> Place:
        return self._place(self.document.position(self.route))

    @property
    def key_place(self) -> Place:
        return self._place(self.document.position(self.route, at_key=True))

    @property
    def node(self) -> Node | None:
        return self.document.node(self.route)

    @property
    def name(self) -> str:
        """The last step of the way here, as a key has it."""
        step = self.route.steps[-1] if self.route.steps else ""
        return step.text if isinstance(step, Key) else str(step)

    @property
    def raw(self) -> str:
        """A scalar as it is written, without quotes: `012` where the value is the number 10."""
        node = self.node
        return node.text if isinstance(node, Scalar) else str(self.value)

    @property
    def members(self) -> Iterator[Part]:
        """Of a mapping, else none; keys that are no text are left out of it."""
        for key, value in self.value.items() if isinstance(self.value, dict) else ():
            yield replace(self, value=value, route=self.route / str(key))

    @property
    def items(self) -> Iterator[Part]:
        """Of a list, else none."""
        for index, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield replace(self, value=value, route=self.route / index)

    def get(self, *path: str) -> Part | None:
        """The member behind a way of keys, in any case; None where it is missing or null."""
        part: Part | None = self
        for name in path:
            part = part._member(name) if part is not None else None
        return part

    def text(self, *path: str) -> str:
        """The text there; empty where there is none."""
        part = self.get(*path)
        return part.value if part is not None and isinstance(part.value, str) else ""

    def inner(self) -> Part:
        """The document within this text. Raises ParseError, with the place in the file itself."""

        def outer(place: Place) -> Place:
            return self._place(place_within(self.document, self.route, place))

        try:
            document = Document.parse(self.value, self.document.filename, json=None)
        except ParseError as error:
            place = outer(error.place) if error.place else self.place
            raise ParseError(error.what, remedy=error.remedy, place=place) from None
        return Part(document.data, document, outer=outer)

    def _member(self, name: str) -> Part | None:
        if not isinstance(self.value, dict):
            return None
        keys = [key for key in self.value if isinstance(key, str) and equal_fold(key, name)]
        key = name if name in keys else next(reversed(keys), None)
        value = None if key is None else self.value[key]
        return None if key is None or value is None else replace(self, value=value, route=self.route / key)

    def _place(self, place: Place) -> Place:
        return self.outer(place) if self.outer else place


def documents(data: bytes | str, filename: str) -> Iterator[Part]:
    """Every document of a file, empty ones left out. Raises ParseError."""
    for document in Document.parse_all(data, filename):
        if document.data is not None:
            yield Part(document.data, document)


def shown(value: Any) -> str:
    """A foreign value in a message: one line, and not too long."""
    return one_line(shortened(value, 60))
