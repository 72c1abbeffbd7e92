"""The findings of `check` and `doctor`: the input of every output format of -o, and the format json."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.options import all_of, option
from tarmak_iam.errors import Place, TarmakIamError, place_json
from tarmak_iam.findings import Finding, Severity
from tarmak_iam.text import MESSAGE

if TYPE_CHECKING:
    from tarmak_iam.doctor.diagnosis import Check, Diagnosis
    from tarmak_iam.document import Document
    from tarmak_iam.lint.fixing import FixableFinding
    from tarmak_iam.lint.rule import Rule

_FORMATS = {
    "text": ("text", "print_findings"),
    "json": ("", "print_findings_json"),
    "sarif": ("sarif", "print_sarif"),
    "github": ("github", "print_annotations"),
}
"""The value of -o -> a module of this package, and its function that prints a report."""

_WITH_ERRORS = ("sarif", "github")
"""An error that ends the command is part of these outputs too, so that the output alone is complete."""

findings_options = all_of(
    option("-o --output", type=click.Choice([*_FORMATS]), default="text"),
    option("--fail-on", type=click.Choice(["error", "warning"]), default="warning"),
)

_LONGEST_LINE = 200


class FindingResult(NamedTuple):
    """`fingerprint_parts` do not change when lines are inserted above. `suppression` is the reason in the comment that
    suppresses the finding, None if it is not suppressed. `more` is added to the JSON; `fix` is what --fix would do."""

    finding: Finding | Diagnosis
    place: Place
    fingerprint_parts: tuple[str, ...] = ()
    suppression: str | None = None
    more: Mapping[str, object] = {}
    fix: FixableFinding | None = None


class CheckReport(NamedTuple):
    """The findings, the rules, the errors for what could not be checked, and the documents of the files by name, if
    their lines may be shown. `is_complete`: whether nothing was left out for a reason that is a finding."""

    results: tuple[FindingResult, ...] = ()
    rules: Iterable[Rule | Check] = ()
    errors: tuple[TarmakIamError, ...] = ()
    documents: Mapping[str, Document] = {}
    is_complete: bool = True

    def line_of(self, place: Place) -> str:
        """The source line at a place, empty if it must not be shown."""
        document = self.documents.get(place.filename)
        return document.source.line(place.line) if document and place.line is not None else ""

    def changes_of(self, fixable: FixableFinding) -> list[dict[str, Any]] | None:
        """As in JSON: what replaces the text from `line` and `column` to `endLine` and `endColumn`, in code points from
        1. None if the fix cannot be made; empty if it writes so much text that a report would quote the file."""
        from tarmak_iam.lint.fix import text_changes

        document, changes = self.documents[fixable.filename], []
        texts = text_changes(document, fixable.fix)
        for text in texts or ():
            (line, column), (end_line, end_column) = map(document.source.position, (text.start, text.end))
            change = {"file": document.filename, "line": line, "column": column}
            changes.append({**change, "endLine": end_line, "endColumn": end_column, "text": text.text})
        lines = [line for text in texts or () for line in text.text.splitlines()]
        is_long = any(len(line) > _LONGEST_LINE for line in lines) or sum(map(len, lines)) > MESSAGE
        return None if texts is None else [] if is_long else changes

    @property
    def unsuppressed(self) -> Iterator[FindingResult]:
        return (result for result in self.results if result.suppression is None)


def print_report(output: str, report: CheckReport) -> None:
    module, function = _FORMATS[output]
    getattr(import_module(f"{__name__}.{module}".removesuffix(".")), function)(report)


@contextlib.contextmanager
def errors_reported(output: str) -> Iterator[None]:
    """An error inside is printed by the formats that contain errors, and raised again."""
    try:
        yield
    except TarmakIamError as error:
        if output in _WITH_ERRORS:
            print_report(output, CheckReport(errors=(error,)))
        raise


def is_failing(severities: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them has at least the severity of `--fail-on`."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in severities)


def severity_summary(severities: Iterable[Severity]) -> str:
    """`2 errors, 1 warning`, or `no findings`."""
    severities = list(severities)
    counts = [(str(severity), severities.count(severity)) for severity in Severity]
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts if count) or "no findings"


def print_findings_json(report: CheckReport) -> None:
    """A list. `fix` is null if the finding cannot be fixed, and has no edits if they are too long for a report."""
    findings = []
    for result in report.unsuppressed:
        finding, fix = result.finding, result.fix
        item = {"id": finding.id, "severity": str(finding.severity), **place_json(result.place), **result.more}
        item |= {"message": finding.message, "remedy": finding.remedy}
        if isinstance(finding, Finding):
            item["fix"] = None
            if fix is not None and (changes := report.changes_of(fix)) is not None:
                item["fix"] = {"title": fix.fix.title, "safe": fix.is_safe, "edits": changes}
        findings.append(item)
    print_json(findings)


def base_directory(*, in_repository: bool = False) -> Path:
    """That file names are relative to: a GitHub workspace, the root of the repository, or the working directory."""
    here = Path.cwd()
    if workspace := os.environ.get("GITHUB_WORKSPACE"):
        return Path(workspace)
    directories = (here, *here.parents) if in_repository else ()
    return next((directory for directory in directories if (directory / ".git").exists()), here)


def path_below(base: Path, filename: str) -> str | None:
    """The path relative to the directory, with slashes; None for a file outside of it."""
    for real in (os.path.abspath, os.path.realpath):
        path = os.path.relpath(real(filename), real(base))
        if path.split(os.sep, 1)[0] != os.pardir:
            return path.replace(os.sep, "/")
    return None
