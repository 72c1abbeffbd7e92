"""The findings of doctor, and its checks, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.text import capped, one_line

EXPIRES_WITHIN = 30
"""How many days before a certificate expires doctor reports it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding. `id` is stable (`WEB020`); `message` says what is wrong, `remedy` what to do. Neither contains any
    part of a key."""

    id: str
    severity: Severity
    place: Place
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", capped(self.message))
        object.__setattr__(self, "remedy", capped(self.remedy))

    @property
    def text(self) -> str:
        """Message and remedy on one line."""
        return one_line(f"{self.message}; {self.remedy}" if self.remedy else self.message)

    def __str__(self) -> str:
        return f"{one_line(str(self.place))}: {self.severity}: {self.text} [{self.id}]"


Problems = Iterator[tuple[str, Place, str, str]]
"""ID of the check, place, message and remedy of each finding."""


@dataclass(frozen=True, slots=True)
class Check:
    """`summary` is one sentence that says what is wrong if the check has a finding."""

    id: str
    severity: Severity
    summary: str
