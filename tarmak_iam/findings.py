"""A finding: something in a file that a person should know, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tarmak_iam.errors import Place
from tarmak_iam.routes import Route
from tarmak_iam.text import TextEnum, capped, one_line

__all__ = ["At", "Finding", "Severity", "Subject"]


class Severity(TextEnum):
    """An error locks somebody out, lets somebody in who was not meant, or never works; a warning is a likely
    mistake, or a risk to weigh."""

    ERROR = "error"
    WARNING = "warning"


class Subject(TextEnum):
    """Which of a cluster's three files a finding is about."""

    CONFIG = "tarmak.yaml"
    MAPPINGS = "aws-iam-authenticator.yaml"
    SETTINGS = "tarmak-iam.yaml"


class At(Enum):
    """What of a route's node a finding points to."""

    VALUE = "value"
    KEY = "key"
    NEXT_DOCUMENT = "next document"
    """The document behind the one that the route is in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`route` leads to the node in the `subject` file, `at` says what of it is meant.

    `id` is stable (`IAM012`); `what` says what is wrong, `remedy` what to do about it. `place` is only for
    what no route leads to, such as a comment.
    """

    id: str
    severity: Severity
    subject: Subject
    route: Route
    what: str
    remedy: str = ""
    at: At = At.VALUE
    place: Place | None = None
    recovery: str | None = None
    """What was found of the admin certificate, where somebody may lose access; None where nobody does."""
    detail: str = ""
    """What follows `recovery` in the message."""
    hides_entries: bool = False
    """Whether nobody gets access whom that part of the mappings names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", capped(self.what))
        object.__setattr__(self, "remedy", capped(self.remedy))

    @property
    def message(self) -> str:
        """What is wrong, with the way back."""
        return capped("; ".join(filter(None, (self.what, self.recovery, self.detail))))

    @property
    def text(self) -> str:
        """Message and remedy on one line."""
        return one_line(f"{self.message}; {self.remedy}" if self.remedy else self.message)
