"""GitHub's workflow commands: an annotation of the workflow run for each finding."""

from __future__ import annotations

import os
from pathlib import Path

from tarmak_iam.cli.console import print_command
from tarmak_iam.cli.formats import CheckReport, base_directory, path_below
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity

# These would end a property or the command for the runner; in a message only the first three do.
_ESCAPES = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"))


def print_annotations(report: CheckReport) -> None:
    """A line for each error and each finding that is not suppressed."""
    base = base_directory()
    for error in report.errors:
        print_command(_command(Severity.ERROR, error.place, "tarmak-iam", error.message, base))
    for result in report.unsuppressed:
        finding, fix = result.finding, result.fix
        command = "check --fix" if fix is None or fix.is_safe else "check --fix --unsafe-fixes"
        message = finding.text if fix is None else f"{finding.text} (`{command}` fixes it)"
        print_command(_command(finding.severity, result.place, finding.id, message, base))


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
