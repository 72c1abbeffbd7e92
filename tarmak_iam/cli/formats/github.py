"""GitHub's workflow commands: an annotation of the workflow run for each finding."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tarmak_iam.cli.console import print_command
from tarmak_iam.cli.formats import BaseDirectory, CheckReport, fix_command
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity

# These would end a property or the command for the runner; in a message only the first three do.
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))


def print_annotations(report: CheckReport) -> None:
    for line in _annotations(report, BaseDirectory.of_workspace(os.environ)):
        print_command(line)


def _annotations(report: CheckReport, base: BaseDirectory) -> Iterator[str]:
    """A line for each error and each finding that is not suppressed."""
    for error in report.errors:
        yield _command(Severity.ERROR, error.place, "tarmak-iam", error.message, base)
    for each in report.unsuppressed:
        finding = each.finding
        message = finding.text if each.fix is None else f"{finding.text} (`{fix_command(each.fix)}` fixes it)"
        yield _command(finding.severity, each.place, finding.id, message, base)


def _command(severity: Severity, place: Place | None, title: str, message: str, base: BaseDirectory) -> str:
    properties: dict[str, object] = {}
    if place is not None:
        properties = {"file": base.display_path(place.filename), "line": place.line, "col": place.column}
    properties["title"] = title
    listed = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in properties.items() if value)
    return f"::{severity} {listed}::{_escaped(message, _DATA)}"


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for character, escape in escapes:
        text = text.replace(character, escape)
    return text
