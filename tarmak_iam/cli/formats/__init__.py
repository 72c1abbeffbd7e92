"""What `check` and `doctor` report, as every output format takes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Severity


@dataclass(frozen=True, slots=True)
class FindingResult:
    """`text` is on one line. `fingerprint_parts` stay the same when lines are put in above; `suppression` is the reason
    in the comment that suppresses the finding, None where none does."""

    id: str
    severity: Severity
    place: Place
    text: str
    fingerprint_parts: tuple[str, ...] = ()
    suppression: str | None = None


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """What a rule is about; `page` is Markdown, empty where there is none, and `url` leads to it."""

    id: str
    severity: Severity
    summary: str
    page: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that there is to tell: what was found, by which rules, and what could not be looked at."""

    results: tuple[FindingResult, ...]
    rules: tuple[RuleDescription, ...]
    errors: tuple[TarmakIamError, ...] = ()


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
