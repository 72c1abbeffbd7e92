"""The output formats of `check` and `doctor`, which -o names, and what --fail-on makes of findings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import click

from tarmak_iam.cli.formats import CheckReport
from tarmak_iam.cli.formats.github import print_annotations
from tarmak_iam.cli.formats.json import print_findings_json
from tarmak_iam.cli.formats.sarif import print_sarif
from tarmak_iam.cli.formats.text import print_findings
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """`has_errors`: an error that ends the command is part of the output too, so that whoever reads it has a whole
    answer."""

    print_report: Callable[[CheckReport], None]
    has_errors: bool = False


FORMATS = {
    "text": OutputFormat(print_findings),
    "json": OutputFormat(print_findings_json),
    "sarif": OutputFormat(print_sarif, has_errors=True),
    "github": OutputFormat(print_annotations, has_errors=True),
}

findings_output_option = click.option(
    "-o",
    "--output",
    type=click.Choice([*FORMATS]),
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


def is_failing(found: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them is of the severity that `--fail-on` names, or above."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in found)


@contextlib.contextmanager
def errors_reported(output: str) -> Iterator[None]:
    """An error in between goes on from here, after the formats that have it have printed it."""
    try:
        yield
    except TarmakIamError as error:
        if FORMATS[output].has_errors:
            FORMATS[output].print_report(CheckReport(errors=(error,)))
        raise
