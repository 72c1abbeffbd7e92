"""What is read from another tool's file: entries, and a line for everything that cannot be taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tarmak_iam.errors import Place
from tarmak_iam.go_case import fold
from tarmak_iam.identity.formats.source import Part, shown
from tarmak_iam.identity.groups import ADMINS
from tarmak_iam.identity.merging import Wanted
from tarmak_iam.text import capped

__all__ = ["LeftOut", "Read", "Shadowed", "admin_of", "read_mapping", "unknown_keys"]


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
    part: Part, arn_key: str, *also: str, username_key: str = "username", groups_key: str = "groups"
) -> Read:
    """An entry with an ARN, a username and groups, as a strict decoder takes it: texts are texts.

    `also` are further keys that the caller reads itself.
    """
    if not isinstance(part.value, dict):
        yield LeftOut(f"{shown(part.value)} is no mapping with {arn_key}, {username_key} and {groups_key}", part.place)
        return
    yield from unknown_keys(part, arn_key, username_key, groups_key, *also)
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


def unknown_keys(part: Part, *known: str) -> Iterator[LeftOut]:
    """A line for each key that is not known; keys match in any case."""
    names = {fold(name) for name in known}
    for member in part.members:
        if fold(member.name) not in names:
            yield LeftOut(f"the key {shown(member.name)} has no counterpart in the mappings", member.key_place)


def admin_of(part: Part, *keys: str) -> str:
    """Who an entry that is left out puts into system:masters, by the first of the keys that it has; empty if none."""
    groups = part.get("groups")
    written = groups.value if groups is not None else ()
    names = written.split(",") if isinstance(written, str) else written if isinstance(written, list) else ()
    if ADMINS not in [str(name).strip() for name in names]:
        return ""
    return next((shown(found.raw) for key in keys if (found := part.get(key)) is not None), "") or "an entry"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _of(part: Part, arn_key: str) -> str:
    return shown(part.text(arn_key)) or "an entry"
