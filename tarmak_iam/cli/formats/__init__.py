"""The findings of `check` and `doctor`, as the input of every output format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Finding, Severity
from tarmak_iam.text import MESSAGE

if TYPE_CHECKING:
    from tarmak_iam.doctor.checks import Diagnosis


_LONGEST_LINE = 200


TextChange = dict[str, Any]
"""As in JSON: what replaces the text of a file from `line` and `column` to `endLine` and `endColumn`, in code points
from 1."""


class OfferedFix(NamedTuple):
    """What `check --fix` would do about a finding. `title` is one sentence, and `changes` computes what changes in the
    file: None if the fix cannot be made. A fix that is not safe changes access, or what Tarmak uses, and requires
    --unsafe-fixes."""

    title: str
    is_safe: bool
    changes: Callable[[], tuple[TextChange, ...] | None]

    @property
    def shown_changes(self) -> tuple[TextChange, ...] | None:
        """The changes; none of them if they write so much text that a report would quote the file."""
        changes = self.changes()
        lines = [line for change in changes or () for line in change["text"].splitlines()]
        is_long = any(len(line) > _LONGEST_LINE for line in lines) or sum(map(len, lines)) > MESSAGE
        return () if is_long else changes


class FindingResult(NamedTuple):
    """`fingerprint_parts` do not change when lines are inserted above. `suppression` is the reason in the comment that
    suppresses the finding, None if it is not suppressed. `more` is added to the JSON, and `fix` is offered."""

    finding: Finding | Diagnosis
    place: Place
    fingerprint_parts: tuple[str, ...] = ()
    suppression: str | None = None
    more: Mapping[str, object] = {}
    fix: OfferedFix | None = None


class RuleDescription(NamedTuple):
    """A rule. `page` is its documentation in Markdown, empty if there is none."""

    id: str
    severity: Severity
    summary: str
    page: str = ""


class CheckReport(NamedTuple):
    """The findings, the rules, and the errors for what could not be checked. `line_of` returns the source line at a
    place, empty if it must not be shown. `is_complete`: whether nothing was left out for a reason that is a finding."""

    results: tuple[FindingResult, ...] = ()
    rules: Callable[[], tuple[RuleDescription, ...]] = tuple
    errors: tuple[TarmakIamError, ...] = ()
    line_of: Callable[[Place], str] = lambda _: ""
    is_complete: bool = True

    @property
    def unsuppressed(self) -> Iterator[FindingResult]:
        return (result for result in self.results if result.suppression is None)


class BaseDirectory(NamedTuple):
    """The directory that file names are relative to."""

    directory: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], *, in_repository: bool = False) -> BaseDirectory:
        """Where a GitHub workflow has checked out the repository, else the root of the repository that the working
        directory is in, if that is asked for, else the working directory."""
        here = Path.cwd()
        if workspace := environ.get("GITHUB_WORKSPACE"):
            return cls(Path(workspace))
        directories = (here, *here.parents) if in_repository else ()
        return cls(next((directory for directory in directories if (directory / ".git").exists()), here))

    def below(self, filename: str) -> str | None:
        """The path relative to it, with slashes; None for a file outside of it."""
        for real in (os.path.abspath, os.path.realpath):
            path = os.path.relpath(real(filename), real(self.directory))
            if path.split(os.sep, 1)[0] != os.pardir:
                return path.replace(os.sep, "/")
        return None

    def uri(self, filename: str) -> tuple[str, bool]:
        """As a URI, and whether that is relative to it: a file elsewhere has an absolute one."""
        below = self.below(filename)
        if below is None:
            return f"file://{quote(os.fsencode(os.path.abspath(filename)))}", False
        return quote(os.fsencode(below)), True
