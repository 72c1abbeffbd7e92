"""Another tool's file as plain values with their places, an entry of it as it should be mapped, and what cannot be
taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.document import place_within
from tarmak_iam.document.go_case import equal_fold, fold
from tarmak_iam.document.nodes import Node, Scalar
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.merging import Wanted
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import capped, one_line, shortened

_Placed = Callable[[Place], Place]


@dataclass(frozen=True, slots=True)
class FilePart:
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
    def members(self) -> Iterator[FilePart]:
        """Of a mapping, else none; keys that are no text are left out of it."""
        for key, value in self.value.items() if isinstance(self.value, dict) else ():
            yield replace(self, value=value, route=self.route / str(key))

    @property
    def items(self) -> Iterator[FilePart]:
        """Of a list, else none."""
        for index, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield replace(self, value=value, route=self.route / index)

    def get(self, *path: str) -> FilePart | None:
        """The member behind a way of keys, in any case; None where it is missing or null."""
        part: FilePart | None = self
        for name in path:
            part = part._member(name) if part is not None else None
        return part

    def text(self, *path: str) -> str:
        """The text there; empty where there is none."""
        part = self.get(*path)
        return part.value if part is not None and isinstance(part.value, str) else ""

    def inner(self) -> FilePart:
        """The document within this text. Raises ParseError, with the place in the file itself."""

        def outer(place: Place) -> Place:
            return self._place(place_within(self.document, self.route, place))

        try:
            document = Document.parse(self.value, self.document.filename, json=None)
        except ParseError as error:
            place = outer(error.place) if error.place else self.place
            raise ParseError(error.what, remedy=error.remedy, place=place) from None
        return FilePart(document.data, document, outer=outer)

    def _member(self, name: str) -> FilePart | None:
        if not isinstance(self.value, dict):
            return None
        keys = [key for key in self.value if isinstance(key, str) and equal_fold(key, name)]
        key = name if name in keys else next(reversed(keys), None)
        value = None if key is None else self.value[key]
        return None if key is None or value is None else replace(self, value=value, route=self.route / key)

    def _place(self, place: Place) -> Place:
        return self.outer(place) if self.outer else place


def file_documents(data: bytes | str, filename: str) -> Iterator[FilePart]:
    """Every document of a file, empty ones left out. Raises ParseError."""
    for document in Document.parse_all(data, filename):
        if document.data is not None:
            yield FilePart(document.data, document)


def shown(value: Any) -> str:
    """A foreign value in a message: one line, and not too long."""
    return one_line(shortened(value, 60))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a file that does not come along; `what` says what, and why. `admin`: who was in system:masters by
    it, as a message calls them; empty for nobody."""

    what: str
    place: Place | None = None
    admin: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", capped(self.what))

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


@dataclass(frozen=True, slots=True)
class Shadowed(LeftOut):
    """An entry that another one decides for: nobody misses it."""


Read = Iterator[Wanted | LeftOut]
"""In the order in which the later of two entries for one principal counts."""


def read_mapping(
    part: FilePart, arn_key: str, *also: str, username_key: str = "username", groups_key: str = "groups"
) -> Read:
    """An entry with an ARN, a username and groups, as a strict decoder takes it: texts are texts.

    `also` are further keys that the caller reads itself.
    """
    if not isinstance(part.value, dict):
        yield LeftOut(f"{shown(part.value)} is no mapping with {arn_key}, {username_key} and {groups_key}", part.place)
        return
    yield from left_out_keys(part, arn_key, username_key, groups_key, *also)
    for key in (arn_key, username_key):
        found = part.get(key)
        if found is not None and not isinstance(found.value, str):
            what = f"{_of(part, arn_key)}: {key} must be a text, put it in quotes"
            yield LeftOut(what, found.place, admin_of(part, arn_key))
            return
    arn = part.text(arn_key)
    if not arn:
        yield LeftOut(f"an entry without {arn_key} maps nobody", part.place, admin_of(part, arn_key))
        return
    groups = part.get(groups_key)
    if groups is not None and not _is_texts(groups.value):
        what = f"{_of(part, arn_key)}: {groups_key} must be a list of texts"
        yield LeftOut(what, groups.place, admin_of(part, arn_key))
        return
    yield Wanted(arn, part.text(username_key), tuple(groups.value) if groups else (), place=part.place)


def left_out_keys(part: FilePart, *known: str) -> Iterator[LeftOut]:
    """A line for each key that is not known; keys match in any case."""
    names = {fold(name) for name in known}
    for member in part.members:
        if fold(member.name) not in names:
            yield LeftOut(f"the key {shown(member.name)} has no counterpart in the mappings", member.key_place)


def admin_of(part: FilePart, *keys: str) -> str:
    """Who an entry that is left out puts into system:masters, by the first of the keys that it has; empty if none."""
    groups = part.get("groups")
    written = groups.value if groups is not None else ()
    names = written.split(",") if isinstance(written, str) else written if isinstance(written, list) else ()
    if ADMINS not in [str(name).strip() for name in names]:
        return ""
    return next((shown(found.raw) for key in keys if (found := part.get(key)) is not None), "") or "an entry"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _of(part: FilePart, arn_key: str) -> str:
    return shown(part.text(arn_key)) or "an entry"
