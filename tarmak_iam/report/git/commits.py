"""What a commit says: its files, its parents, who made it and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

__all__ = ["Commit", "Description"]

_HEADER = re.compile(
    rb"tree (?P<tree>[0-9a-f]{40,64})\n(?P<parents>(?:parent [0-9a-f]{40,64}\n)*)"
    rb"author (?P<author>.*)\ncommitter (?P<committer>.*)\n"
)
_PERSON = re.compile(rb"(?P<name>[^<\n]*)<.*> *(?P<seconds>-?\d{1,20}) (?P<zone>[+-]\d{4,8})")
_ENCODING = re.compile(rb"^encoding (\S{1,40})$", re.MULTILINE)
_NAME_BYTES = 1000
"""Of a name or a summary that is kept: longer ones are nobody's."""


@dataclass(frozen=True, slots=True)
class Commit:
    """`time`: the committer's, in seconds; 0 where there is none that can be read."""

    name: bytes
    tree: bytes
    parents: tuple[bytes, ...]
    time: int

    @classmethod
    def of(cls, name: bytes, data: bytes) -> Commit | None:
        """None for data that is not a commit's."""
        header = _HEADER.match(data)
        if header is None:
            return None
        person = _PERSON.fullmatch(header["committer"])
        parents = tuple(header["parents"].split()[1::2])
        return cls(name, header["tree"], parents, int(person["seconds"]) if person else 0)


@dataclass(frozen=True, slots=True)
class Description:
    """Times are in ISO 8601, with the zone of whoever made the commit; empty where there is no such time."""

    author: str
    authored: str
    committed: str
    summary: str

    @classmethod
    def of(cls, data: bytes) -> Description:
        head, _, message = data.partition(b"\n\n")
        header = _HEADER.match(head + b"\n")
        author, committer = (_PERSON.fullmatch(header[key]) if header else None for key in ("author", "committer"))
        named = _ENCODING.search(head)
        encoding = named[1].decode("ascii", "replace") if named else "utf-8"
        name = author["name"].removesuffix(b" ") if author else b""
        first_line = message.lstrip(b"\n").partition(b"\n")[0]
        return cls(_decoded(name, encoding), _date(author), _date(committer), _decoded(first_line, encoding))


def _decoded(text: bytes, encoding: str) -> str:
    text = text[:_NAME_BYTES]
    try:
        return text.decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError):
        return text.decode("utf-8", "replace")


def _date(person: re.Match[bytes] | None) -> str:
    if person is None:
        return ""
    zone = person["zone"]
    try:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return datetime.fromtimestamp(
            int(person["seconds"]), timezone(-offset if zone[:1] == b"-" else offset)
        ).isoformat()
    except (OverflowError, ValueError, OSError):
        return ""
