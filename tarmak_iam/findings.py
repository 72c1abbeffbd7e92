"""A finding: a problem in a file that `check` reports, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from tarmak_iam.errors import Place
from tarmak_iam.routes import Route
from tarmak_iam.text import TextEnum, capped, one_line

__all__ = ["At", "Finding", "Severity", "Subject"]


class Severity(TextEnum):
    """An error locks users out, gives access that was not intended, or never works. A warning is a likely mistake, or
    a risk to consider."""

    ERROR = "error"
    WARNING = "warning"


class Subject(TextEnum):
    """The file that a finding is about: one of a cluster's three."""

    CONFIG = "tarmak.yaml"
    MAPPINGS = "aws-iam-authenticator.yaml"
    SETTINGS = "tarmak-iam.yaml"


class At(Enum):
    """The part of a route's node that a finding points to."""

    VALUE = "value"
    KEY = "key"
    NEXT_DOCUMENT = "next document"
    """The document after the one that the route is in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem in one file.

    `id` is the rule's stable ID (`IAM012`). `what` says what is wrong, `remedy` what to do about it. `route` leads to
    the node in the `subject` file, and `at` says which part of the node is meant. `place` is set only for something
    that no route leads to, such as a comment.
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
    """The state of the recovery access, if a principal may lose access; otherwise None."""
    detail: str = ""
    """The part of the message after `recovery`."""
    hides_entries: bool = False
    """Whether no principal in that part of the mappings file gains access."""
    consequence: str = ""
    """What another finding adds, which is not reported because of this one."""
    fix: object = field(default=None, compare=False, repr=False)
    """A `Fix` of `tarmak_iam.lint.fix`, or a function that returns one, called only to fix the finding; else None."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", capped(self.what))
        object.__setattr__(self, "remedy", capped(self.remedy))

    @property
    def message(self) -> str:
        """`what`, `consequence`, `recovery` and `detail`, separated by semicolons."""
        return capped("; ".join(filter(None, (self.what, self.consequence, self.recovery, self.detail))))

    @property
    def text(self) -> str:
        """Message and remedy on one line."""
        return one_line(f"{self.message}; {self.remedy}" if self.remedy else self.message)
