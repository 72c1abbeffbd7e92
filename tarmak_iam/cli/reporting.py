"""What the commands that find something share: their options, a line a finding, the sum, and the exit code."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from tarmak_iam.cli.annotations import workflow_commands
from tarmak_iam.cli.colour import SEVERITIES, marked
from tarmak_iam.cli.console import print_command, print_json, print_line
from tarmak_iam.cli.excerpt import print_excerpt
from tarmak_iam.cli.project import address
from tarmak_iam.cli.sarif import sarif_log
from tarmak_iam.cli.told import Base, Verdict
from tarmak_iam.errors import Place, TarmakIamError, place_json
from tarmak_iam.findings import Severity

__all__ = [
    "as_json",
    "errors_told",
    "fail_on_option",
    "is_failing",
    "output_option",
    "print_finding",
    "print_verdict",
    "summed_up",
]

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="sarif is SARIF 2.1.0, for code scanning; github are annotations of a workflow's run.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="warning",
    show_default=True,
    help="Exit with 1 for findings of this severity or above.",
)


def print_finding(line: str, place: Place, severity: Severity, source: str = "") -> None:
    """A line such as `file:1:2: error: message [ID]`, its severity in the colour of it; on a terminal with the line of
    the source, where that is given."""
    print_line(marked(line))
    print_excerpt(source, place, SEVERITIES[severity])


def as_json(id: str, severity: Severity, place: Place, message: str, remedy: str, **more: Any) -> dict[str, Any]:  # noqa: A002
    """A finding as every command gives it with `-o json`; `more` stands before the message."""
    return {
        "id": id,
        "severity": str(severity),
        **place_json(place),
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


def print_verdict(output: str, verdict: Verdict, line_of: Callable[[Place], str]) -> None:
    """For programs of others: as `sarif`, or as `github` has it."""
    if output == "sarif":
        print_json(sarif_log(verdict, Base.of_repository(os.environ), line_of, address()))
    else:
        for line in workflow_commands(verdict, Base.of_workspace(os.environ)):
            print_command(line)


@contextlib.contextmanager
def errors_told(output: str) -> Iterator[None]:
    """An error in between is part of what `sarif` and `github` say, so that whoever reads it has a whole answer; and
    it goes on from here."""
    try:
        yield
    except TarmakIamError as error:
        if output in ("sarif", "github"):
            print_verdict(output, Verdict((), (), (error,)), lambda _: "")
        raise
