"""What the commands that find something share: their options, a line a finding, the sum, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity

__all__ = ["as_json", "coloured", "fail_on_option", "is_failing", "output_option", "summed_up"]

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}

output_option = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="warning",
    show_default=True,
    help="Exit with 1 for findings of this severity or above.",
)


def coloured(line: str, severity: Severity) -> str:
    """A line such as `file:1:2: error: message [ID]`, its severity in the colour of it."""
    return line.replace(f": {severity}: ", f": {click.style(str(severity), fg=_COLOURS[severity])}: ", 1)


def as_json(id: str, severity: Severity, place: Place, message: str, remedy: str, **more: Any) -> dict[str, Any]:  # noqa: A002
    """A finding as every command gives it with `-o json`; `more` stands before the message."""
    return {
        "id": id,
        "severity": str(severity),
        "file": place.filename,
        "line": place.line,
        "column": place.column,
        **more,
        "message": message,
        "remedy": remedy,
    }


def summed_up(found: Iterable[Severity]) -> str:
    """`2 errors, 1 warning`, or that there are none."""
    severities = list(found)
    counts = [(str(severity), severities.count(severity)) for severity in Severity]
    parts = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts if count]
    return ", ".join(parts) or "nothing to complain about"


def is_failing(found: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them is of the severity that `--fail-on` names, or above."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in found)
