"""The output formats of `check` and `doctor` that -o selects, and the severities of --fail-on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from importlib import import_module

import click

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import CheckReport
from tarmak_iam.cli.options import option
from tarmak_iam.errors import TarmakIamError, place_json
from tarmak_iam.findings import Finding, Severity

_FORMATS = {
    "text": ("text", "print_findings"),
    "json": ("output", "print_findings_json"),
    "sarif": ("sarif", "print_sarif"),
    "github": ("github", "print_annotations"),
}
"""The value of -o -> a module of this package, and its function that prints a report."""

_WITH_ERRORS = ("sarif", "github")
"""An error that ends the command is part of these outputs too, so that the output alone is complete."""

findings_output_option = option(
    "-o --output",
    "Output format; sarif: SARIF 2.1.0 for code scanning; github: annotations of a workflow run.",
    type=click.Choice([*_FORMATS]),
    default="text",
)

fail_on_option = option(
    "--fail-on",
    "Lowest severity that makes the command exit with 1.",
    type=click.Choice(["error", "warning"]),
    default="warning",
)


def print_report(output: str, report: CheckReport) -> None:
    module, function = _FORMATS[output]
    getattr(import_module(f"tarmak_iam.cli.formats.{module}"), function)(report)


def is_failing(severities: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them has at least the severity of `--fail-on`."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in severities)


@contextlib.contextmanager
def errors_reported(output: str) -> Iterator[None]:
    """An error inside is printed by the formats that contain errors, and raised again."""
    try:
        yield
    except TarmakIamError as error:
        if output in _WITH_ERRORS:
            print_report(output, CheckReport(errors=(error,)))
        raise


def print_findings_json(report: CheckReport) -> None:
    """A list. `fix` is null if the finding cannot be fixed, and has no edits if they are too long for a report."""
    findings = []
    for result in report.unsuppressed:
        finding, fix = result.finding, result.fix
        item = {"id": finding.id, "severity": str(finding.severity), **place_json(result.place), **result.more}
        item |= {"message": finding.message, "remedy": finding.remedy}
        if isinstance(finding, Finding):
            item["fix"] = None
            if fix is not None and (changes := fix.shown_changes) is not None:
                item["fix"] = {"title": fix.title, "safe": fix.is_safe, "edits": changes}
        findings.append(item)
    print_json(findings)
