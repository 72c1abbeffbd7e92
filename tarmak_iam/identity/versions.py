"""The authenticator's releases, and which of them has what: intervals over parallel release lines.

versions.json beside this file was read off the source of every release tag. v0.5 and v0.6 are parallel
lines and things come and go, so a feature is a set of intervals, never "since".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tarmak_iam.errors import ConfigError
from tarmak_iam.text import quoted

__all__ = [
    "NEWEST",
    "DaemonVersion",
    "Spans",
    "known_partitions",
    "read_spans",
    "releases",
    "server_keys",
    "server_partitions",
    "spans_text",
    "table_items",
]

_TAG = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class DaemonVersion:
    """A release; an image tag such as `v0.6.20-eks-1-30-7` or `v0.4.0-scratch` names one too."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> DaemonVersion:
        """Raises ConfigError for what names no release."""
        match = _TAG.match(text.strip())
        if not match:
            raise ConfigError(
                f"{quoted(text)} names no version of the authenticator", remedy="write a tag such as v0.6.20"
            )
        return cls(*(int(group) for group in match.groups()))

    @property
    def known(self) -> DaemonVersion:
        """The release whose behaviour is assumed: itself, else the last one known before it."""
        line = next((line for line in reversed(_LINES) if line[0] <= self), _LINES[0])
        return max(line[0], min(self, line[1]))

    def has(self, item: str) -> bool:
        """Whether it has an item of versions.json. Raises KeyError for an item that is not there."""
        return self.within(_table()[item])

    def within(self, spans: Spans) -> bool:
        """Whether it, or the last one known before it, is in one of the intervals."""
        version = self.known
        return any(first <= version <= last for first, last in spans)

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


_Interval = tuple[DaemonVersion, DaemonVersion]

Spans = tuple[_Interval, ...]
"""First and last release of each interval."""

NEWEST = DaemonVersion(0, 7, 18)
"""The newest release whose source was read."""

# First and last tag of each release line; v0.7.0 has no tag.
_LINES: tuple[_Interval, ...] = (
    (DaemonVersion(0, 1, 0), DaemonVersion(0, 4, 0)),
    (DaemonVersion(0, 5, 0), DaemonVersion(0, 5, 27)),
    (DaemonVersion(0, 6, 0), DaemonVersion(0, 6, 31)),
    (DaemonVersion(0, 7, 1), NEWEST),
)


@cache
def _table() -> dict[str, Spans]:
    text = resources.files(__package__).joinpath("versions.json").read_text(encoding="utf-8")
    table: dict[str, list[list[str]]] = json.loads(text)
    return {item: read_spans(spans) for item, spans in table.items()}


def read_spans(spans: list[list[str]]) -> Spans:
    """Intervals as they are written in versions.json."""
    parse = DaemonVersion.parse
    return tuple((parse(first), parse(last)) for first, last in spans)


def releases() -> tuple[DaemonVersion, ...]:
    """Every release from v0.4.0 on, which is the first one that Tarmak installs."""
    lines = ((_LINES[0][1], _LINES[0][1]), *_LINES[1:])
    return tuple(
        DaemonVersion(first.major, first.minor, patch)
        for first, last in lines
        for patch in range(first.patch, last.patch + 1)
    )


def spans_text(item: str) -> str:
    """The releases that have an item of versions.json, in words: `v0.6.0 to v0.6.1, v0.7.1 and later`."""
    return ", ".join(
        f"{first} and later" if last == NEWEST else f"{first} to {last}" if first < last else str(first)
        for first, last in _table()[item]
    )


def table_items() -> tuple[str, ...]:
    """Everything that versions.json tells of releases, as `has` and `spans_text` take it."""
    return tuple(_table())


def server_keys() -> tuple[str, ...]:
    """The keys that some release reads below `server:`, in the documented spelling."""
    prefix = "config key server."
    return tuple(item.removeprefix(prefix) for item in _table() if item.startswith(prefix))


_COMMERCIAL = ("aws", "aws-cn", "aws-us-gov")
# By the first release of each line whose AWS SDK (from v0.7.5 on: own list) has them; nothing was dropped.
_LATER_PARTITIONS = (
    (("aws-iso", "aws-iso-b"), (DaemonVersion(0, 5, 3), DaemonVersion(0, 6, 0), DaemonVersion(0, 7, 1))),
    (("aws-iso-e", "aws-iso-f"), (DaemonVersion(0, 5, 20), DaemonVersion(0, 6, 13), DaemonVersion(0, 7, 1))),
    (("aws-eusc",), (DaemonVersion(0, 7, 7),)),
)


def known_partitions(version: DaemonVersion) -> tuple[str, ...]:
    """The partitions that a release takes in an ARN."""
    version = version.known
    known: tuple[str, ...] = _COMMERCIAL
    for partitions, firsts in _LATER_PARTITIONS:
        if any(first.minor == version.minor and first <= version for first in firsts):
            known += partitions
    return known


def server_partitions(version: DaemonVersion) -> tuple[str, ...]:
    """The partitions that `server.partition` may be: v0.5.2 has the flag, but takes fewer in ARNs."""
    return known_partitions(max(version.known, DaemonVersion(0, 5, 3)))
