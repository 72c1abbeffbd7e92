"""The findings of `check` and `doctor`: the input of every output format of -o, and the
formats text, json and github."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli import console
from tarmak_iam.cli.console import is_terminal
from tarmak_iam.cli.options import all_of, option
from tarmak_iam.errors import Place, TarmakIamError, place_json
from tarmak_iam.findings import Finding, Severity
from tarmak_iam.text import MESSAGE, one_line

if TYPE_CHECKING:
    from tarmak_iam.doctor.checks import Check, Diagnosis
    from tarmak_iam.document import Document
    from tarmak_iam.lint.fixing import FixableFinding
    from tarmak_iam.lint.rule import Rule

_FORMATS = {
    "text": ("", "print_findings"),
    "json": ("", "print_findings_json"),
    "sarif": ("sarif", "print_sarif"),
    "github": ("", "print_annotations"),
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
    console.print_json(findings)


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


# These would end a property or the command for the runner; in a message only the first three do.
_ESCAPES = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"))


def print_annotations(report: CheckReport) -> None:
    """A line for each error and each finding that is not suppressed."""
    base = base_directory()
    for error in report.errors:
        console.print_command(_command(Severity.ERROR, error.place, "tarmak-iam", error.message, base))
    for result in report.unsuppressed:
        finding, fix = result.finding, result.fix
        command = "check --fix" if fix is None or fix.is_safe else "check --fix --unsafe-fixes"
        message = finding.text if fix is None else f"{finding.text} (`{command}` fixes it)"
        console.print_command(_command(finding.severity, result.place, finding.id, message, base))


def _command(severity: Severity, place: Place | None, title: str, message: str, base: Path) -> str:
    properties: dict[str, object] = {}
    if place is not None:
        file = path_below(base, place.filename) or os.path.abspath(place.filename)
        properties = {"file": file, "line": place.line, "col": place.column}
    properties["title"] = title
    listed = ",".join(f"{name}={_escaped(str(value), _ESCAPES)}" for name, value in properties.items() if value)
    return f"::{severity} {listed}::{_escaped(message, _ESCAPES[:3])}"


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for character, escape in escapes:
        text = text.replace(character, escape)
    return text


_CUT = "..."
_SHOWN = frozenset({"tarmak.yaml", "aws-iam-authenticator.yaml", "tarmak-iam.yaml"})
"""The only files of which lines are shown: others, such as a kubeconfig, may contain secrets. A link with one of these
names to such a file is not shown either."""


def excerpt(line: str, number: int, column: int, width: int) -> tuple[str, str]:
    """The line with its number, and a line with a mark below the column (in code points, from 1), in `width` cells of a
    terminal.

    Tabs become blanks, and control characters become escapes. A line that is too long is cut on both sides of the
    column.
    """
    cells, total = [], 0  # of each character its first cell, how it is shown, and how many cells that takes
    for character in line:
        text = character if character.isprintable() else repr(character)[1:-1]
        text = " " * (8 - total % 8) if character == "\t" else text
        cells.append((total, text, console.cell_width(text)))
        total += console.cell_width(text)
    at = cells[column - 1][0] if column <= len(cells) else total
    gutter = f" {number} | "
    room = max(width - len(gutter) - 1, 20)
    begin = 0 if total <= room else min(max(at - room // 2, 0), total - room)
    end = total if total <= room else begin + room
    before, after = _CUT if begin else "", _CUT if end < total else ""
    seen = [cell for cell in cells if cell[0] >= begin + len(before) and cell[0] + cell[2] <= end - len(after)]
    shown = "".join(text for _, text, _ in seen)
    blanks = len(before) + at - (seen[0][0] if seen else 0)
    return f"{gutter}{before}{shown.rstrip()}{after}", f"{' ' * (len(gutter) - 2)}| {' ' * blanks}^"


def print_excerpt(line: str, place: Place, colour: str, *, err: bool = False) -> None:
    """Only if the stream is a terminal, and the place has a line and a column."""
    if not is_terminal(sys.stderr if err else sys.stdout) or not line or place.line is None or place.column is None:
        return
    path = Path(place.filename)
    if os.path.basename(os.path.realpath(path)) not in {*_SHOWN, path.name}:  # a link to a file of another name
        return
    import shutil

    width = shutil.get_terminal_size().columns or 80  # Python 3.10 has 0 for a terminal that does not know
    shown, mark = excerpt(line, place.line, place.column, width)
    console.print_styled_line(shown, err=err)
    console.print_styled_line(mark.removesuffix("^") + click.style("^", fg=colour, bold=True), err=err)


def print_excerpt_of_error(place: Place | None) -> None:
    """The same on stderr, for an error: its file is read again, if it is one that may be shown."""
    if place is None or place.line is None or not is_terminal(sys.stderr):
        return
    from tarmak_iam.document.source import Source
    from tarmak_iam.files.boundary import Boundary
    from tarmak_iam.files.read import read_if_present

    path = Path(place.filename)
    boundary = None if path.name == "tarmak.yaml" else Boundary(path.parent.parent)
    with contextlib.suppress(TarmakIamError, OSError):
        if path.name in _SHOWN and path.is_file():
            text = (read_if_present(path, boundary) or b"").decode("utf-8", "replace")
            line = Source.decode(text, place.filename).line(place.line)
            print_excerpt(line, place, console.SEVERITY_COLOURS["error"], err=True)


def print_findings(report: CheckReport) -> None:
    """A line such as `file:1:2: error: message [ID]` for each, the severity coloured. `[fix]` is before the ID if
    `check --fix` fixes it. On a terminal with the source line; remedy and recovery access are lines of their own."""
    for result in report.unsuppressed:
        finding, text, more = result.finding, result.finding.text, list[str]()
        if is_terminal(sys.stdout):
            text, more = one_line(finding.message), [finding.remedy]
            if isinstance(finding, Finding) and finding.recovery:
                text, more = one_line(replace(finding, recovery=None).message), [*more, finding.recovery]
        mark = "" if result.fix is None else " [fix]" if result.fix.is_safe else " [unsafe fix]"
        line = f"{one_line(str(result.place))}: {finding.severity}: {text}{mark} [{finding.id}]"
        console.print_styled_line(console.with_coloured_severity(line))
        print_excerpt(report.line_of(result.place), result.place, console.SEVERITY_COLOURS[finding.severity])
        for sentence in filter(None, more):
            console.print_line(f"  {sentence}")
