"""What `check` and `doctor` report, as every output format takes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Finding, Severity

if TYPE_CHECKING:
    from tarmak_iam.doctor.diagnosis import Diagnosis


@dataclass(frozen=True, slots=True)
class FindingResult:
    """`fingerprint_parts` stay the same when lines are put in above; `suppression` is the reason in the comment that
    suppresses the finding, None where none does; `more` is for JSON."""

    finding: Finding | Diagnosis
    place: Place
    fingerprint_parts: tuple[str, ...] = ()
    suppression: str | None = None
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """What a rule is about; `page` is Markdown, empty where there is none, and `path` that of a page in the repository,
    empty too."""

    id: str
    severity: Severity
    summary: str
    page: str = ""
    path: str = ""


def _no_rules() -> tuple[RuleDescription, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found, by which rules, and what could not be looked at. `line_of` gives the text at a place, empty where
    nobody is to see it."""

    results: tuple[FindingResult, ...] = ()
    rules: Callable[[], tuple[RuleDescription, ...]] = _no_rules
    errors: tuple[TarmakIamError, ...] = ()
    line_of: Callable[[Place], str] = lambda _: ""

    @property
    def unsuppressed(self) -> Iterator[FindingResult]:
        return (each for each in self.results if each.suppression is None)


@dataclass(frozen=True, slots=True)
class BaseDirectory:
    """The directory that others know the files from: where a repository begins, or the working directory."""

    directory: Path = field(default_factory=Path.cwd)

    @classmethod
    def of_workspace(cls, environ: Mapping[str, str]) -> BaseDirectory:
        """Where GitHub has checked the repository out, else the working directory."""
        workspace = environ.get("GITHUB_WORKSPACE")
        return cls(Path(workspace)) if workspace else cls()

    @classmethod
    def of_repository(cls, environ: Mapping[str, str]) -> BaseDirectory:
        """Where GitHub has checked the repository out, else the one that the working directory is in, else that."""
        if environ.get("GITHUB_WORKSPACE"):
            return cls.of_workspace(environ)
        here = Path.cwd()
        return cls(next((each for each in (here, *here.parents) if (each / ".git").exists()), here))

    def below(self, filename: str) -> str | None:
        """The path from there, with slashes; None for a file that is not below it."""
        for real in (os.path.abspath, os.path.realpath):
            path = os.path.relpath(real(filename), real(self.directory))
            if path.split(os.sep, 1)[0] != os.pardir:
                return path.replace(os.sep, "/")
        return None

    def display_path(self, filename: str) -> str:
        """From there where it is below it, else absolute."""
        return self.below(filename) or os.path.abspath(filename)

    def uri(self, filename: str) -> tuple[str, bool]:
        """As a URI, and whether that is one from there: it is absolute for files elsewhere."""
        below = self.below(filename)
        if below is None:
            return f"file://{quote(os.fsencode(os.path.abspath(filename)))}", False
        return quote(os.fsencode(below)), True
