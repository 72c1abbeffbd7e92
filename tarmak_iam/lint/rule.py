"""What a rule is: a function of the part of an installation that its scope names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.installation import Installation
from tarmak_iam.routes import Path, Route

__all__ = ["Rule", "Scope", "Subjects"]


class Scope(str, Enum):
    """What a rule looks at, and so what must be there for it to run."""

    DOCUMENT = "document"
    CONFIG = "config"
    MAPPINGS = "mappings"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True)
class Subjects:
    """What there is to check; a rule whose scope is None does not run."""

    document: Document | None = None
    config: TarmakConfig | None = None
    mappings: Mappings | None = None
    installation: Installation | None = None

    def of(self, scope: Scope) -> Any:
        return getattr(self, scope.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` yields the findings of one subject; `summary` says in a sentence what it looks for."""

    id: str
    severity: Severity
    scope: Scope
    summary: str
    check: Callable[[Rule, Any], Iterator[Finding]] = field(repr=False)

    def finding(
        self, subject: Subject, route: Path | Route, message: str, remedy: str = "", *, at_key: bool = False
    ) -> Finding:
        return Finding(self.id, self.severity, subject, Route.of(route), message, remedy, at_key)
