"""The output formats of `check` and `doctor` that -o selects, and the severities of --fail-on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import click

from tarmak_iam.cli.formats import CheckReport
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity
from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """`has_errors`: an error that ends the command is part of the output too, so that the output alone is complete."""

    print_report: Callable[[CheckReport], None]
    has_errors: bool = False


def _print_text(report: CheckReport) -> None:
    from tarmak_iam.cli.formats.text import print_findings

    print_findings(report)


def _print_json(report: CheckReport) -> None:
    from tarmak_iam.cli.formats.json import print_findings_json

    print_findings_json(report)


def _print_sarif(report: CheckReport) -> None:
    from tarmak_iam.cli.formats.sarif import print_sarif

    print_sarif(report)


def _print_annotations(report: CheckReport) -> None:
    from tarmak_iam.cli.formats.github import print_annotations

    print_annotations(report)


FORMATS = {
    "text": OutputFormat(_print_text),
    "json": OutputFormat(_print_json),
    "sarif": OutputFormat(_print_sarif, has_errors=True),
    "github": OutputFormat(_print_annotations, has_errors=True),
}

findings_output_option = click.option(
    "-o",
    "--output",
    type=click.Choice([*FORMATS]),
    default="text",
    show_default=True,
    help="Output format; sarif: SARIF 2.1.0 for code scanning; github: annotations of a workflow run.",
)

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="warning",
    show_default=True,
    help="Lowest severity that makes the command exit with 1.",
)


def is_failing(found: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them has at least the severity of `--fail-on`."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in found)


@contextlib.contextmanager
def errors_reported(output: str) -> Iterator[None]:
    """An error inside is printed by the formats that contain errors, and raised again."""
    try:
        yield
    except TarmakIamError as error:
        if FORMATS[output].has_errors:
            FORMATS[output].print_report(CheckReport(errors=(error,)))
        raise
