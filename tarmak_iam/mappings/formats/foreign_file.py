"""The file of another tool: its plain values and their places, its entries as mappings, and what cannot be mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tarmak_iam.aws.go_case import equal_fold, fold
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.identity.cluster_objects import place_within
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.merging import Wanted
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import capped, one_line, shortened

_Placed = Callable[[Place], Place]


@dataclass(frozen=True, slots=True)
class FilePart:
    """A value in a file. `value` is plain data as yaml.v2 reads it."""

    value: Any
    document: Document = field(repr=False)
    route: Route = field(default_factory=Route)
    outer: _Placed | None = field(default=None, repr=False)
    """Converts a place in an embedded document to the place in the file; None for the file itself."""

    @property
    def place(self) -> Place:
        return self._place(self.document.position(self.route))

    @property
    def key_place(self) -> Place:
        return self._place(self.document.position(self.route, at_key=True))

    @property
    def name(self) -> str:
        """The last step of the route, as text."""
        step = self.route.steps[-1] if self.route.steps else ""
        return step.text if isinstance(step, Key) else str(step)

    @property
    def raw(self) -> str:
        """A scalar as it is written, without quotes: `012`, although the value is the number 10."""
        node = self.document.node(self.route)
        return node.text if isinstance(node, Scalar) else str(self.value)

    @property
    def members(self) -> Iterator[FilePart]:
        """The members of a YAML mapping, none for other values."""
        for key, value in self.value.items() if isinstance(self.value, dict) else ():
            yield replace(self, value=value, route=self.route / str(key))

    @property
    def items(self) -> Iterator[FilePart]:
        """The items of a list, none for other values."""
        for index, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield replace(self, value=value, route=self.route / index)

    def get(self, *path: str) -> FilePart | None:
        """The member at a path of keys, ignoring case; None if it is missing or null."""
        part = self
        for name in path:
            members = part.value if isinstance(part.value, dict) else {}
            keys = [key for key in members if isinstance(key, str) and equal_fold(key, name)]
            key = name if name in keys else next(reversed(keys), None)
            if key is None or members[key] is None:
                return None
            part = replace(part, value=members[key], route=part.route / key)
        return part

    def text(self, *path: str) -> str:
        """The string at a path of keys; empty if there is none."""
        part = self.get(*path)
        return part.value if part is not None and isinstance(part.value, str) else ""

    def inner(self) -> FilePart:
        """The document in this string. Raises ParseError, with the place in the file itself."""

        def outer(place: Place) -> Place:
            return self._place(place_within(self.document, self.route, place))

        try:
            document = Document.parse(self.value, self.document.filename, json=None)
        except ParseError as error:
            place = outer(error.place) if error.place else self.place
            raise ParseError(error.what, remedy=error.remedy, place=place) from None
        return FilePart(document.data, document, outer=outer)

    def _place(self, place: Place) -> Place:
        return self.outer(place) if self.outer else place


def shown(value: Any) -> str:
    """A value of the file in a message: on one line, shortened."""
    return one_line(shortened(value, 60))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a file that is left out; `what` says which part, and why. `admin`: the principal that it maps to
    system:masters, as messages name it; empty if there is none. `is_shadowed`: whether another entry overrides it, so
    that no access is lost without it."""

    what: str
    place: Place | None = None
    admin: str = ""
    is_shadowed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", capped(self.what))

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


Read = Iterator[Wanted | LeftOut]
"""In order: of two entries for one principal the later one is used."""


def read_mapping(
    part: FilePart, arn_key: str, *also: str, username_key: str = "username", groups_key: str = "groups"
) -> Read:
    """An entry with an ARN, a username and groups, as a strict decoder reads it: strings must be strings. `also` are
    other keys that are read elsewhere."""
    if not isinstance(part.value, dict):
        what = f"{shown(part.value)} is not a YAML mapping with {arn_key}, {username_key} and {groups_key}"
        yield LeftOut(what, part.place)
        return
    yield from left_out_keys(part, arn_key, username_key, groups_key, *also)
    name, admin = shown(part.text(arn_key)) or "an entry", admin_of(part, arn_key)
    for key in (arn_key, username_key):
        text = part.get(key)
        if text is not None and not isinstance(text.value, str):
            yield LeftOut(f"{name}: {key} must be a string; put it in quotes", text.place, admin)
            return
    arn, groups = part.text(arn_key), part.get(groups_key)
    if not arn:
        yield LeftOut(f"an entry without {arn_key} never matches", part.place, admin)
        return
    listed = groups.value if groups is not None else []
    if not isinstance(listed, list) or not all(isinstance(group, str) for group in listed):
        yield LeftOut(f"{name}: {groups_key} must be a list of strings", (groups or part).place, admin)
        return
    yield Wanted(arn, part.text(username_key), tuple(listed), place=part.place)


def left_out_keys(part: FilePart, *known: str) -> Iterator[LeftOut]:
    """A line for each unknown key; keys match ignoring case."""
    names = {fold(name) for name in known}
    for member in part.members:
        if fold(member.name) not in names:
            yield LeftOut(f"the key {shown(member.name)} has no equivalent in the mappings", member.key_place)


def admin_of(part: FilePart, *keys: str) -> str:
    """The principal that an entry maps to system:masters, by the first of these keys that it has; empty if none."""
    groups = part.get("groups")
    written = groups.value if groups is not None else ()
    names = written.split(",") if isinstance(written, str) else written if isinstance(written, list) else ()
    if ADMINS not in [str(name).strip() for name in names]:
        return ""
    return next((shown(member.raw) for key in keys if (member := part.get(key)) is not None), "") or "an entry"
