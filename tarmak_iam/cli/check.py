"""check: every finding about tarmak.yaml, mappings and settings."""

from __future__ import annotations

import click

from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import Severity
from tarmak_iam.lint import Located, Report, Subjects
from tarmak_iam.lint import examine as run_rules

__all__ = ["check"]


@click.command(epilog="\b\nExample: tarmak-iam check -o json --fail-on error")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="warning",
    show_default=True,
    help="Exit with 1 for findings of this severity or above.",
)
@pass_session
@click.pass_context
def check(context: click.Context, session: Session, output: str, fail_on: str) -> None:
    """Look for errors and lock-outs before they happen.

    tarmak.yaml is checked for all clusters, mappings and settings for the current one. Exits with 0 if
    there is nothing to say, 1 for findings, 2 where a file cannot be read. A comment sets a finding of its
    line, or of the one below, aside: # tarmak-iam: ignore[IAM074] only our sandbox account
    """
    report = run_rules(_subjects(session))
    located = report.findings
    if output == "json":
        print_json([_as_json(each) for each in located])
    else:
        for each in located:
            click.echo(_coloured(each))
        note(_summary(report))
    failing = [Severity.ERROR] if fail_on == "error" else list(Severity)
    if any(each.finding.severity in failing for each in located):
        context.exit(1)


def _subjects(session: Session) -> Subjects:
    config = session.config()
    try:
        cluster = session.cluster(config)
    except SelectionError as error:
        if session.cluster_name:
            raise
        note(f"mappings and settings are not checked: {error.message}")
        return Subjects(config)
    return Subjects.of_cluster(config, cluster, session.files(config, cluster))


def _coloured(located: Located) -> str:
    severity = str(located.finding.severity)
    colour = "red" if located.finding.severity is Severity.ERROR else "yellow"
    return str(located).replace(f": {severity}: ", f": {click.style(severity, fg=colour)}: ", 1)


def _as_json(located: Located) -> dict[str, object]:
    finding, place = located.finding, located.place
    return {
        "id": finding.id,
        "severity": str(finding.severity),
        "file": place.filename,
        "line": place.line,
        "column": place.column,
        "path": list(finding.route.plain),
        "message": finding.message,
        "remedy": finding.remedy,
    }


def _summary(report: Report) -> str:
    located = report.findings
    counts = [(str(severity), sum(each.finding.severity is severity for each in located)) for severity in Severity]
    parts = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts if count]
    ignored = f"{len(report.suppressed)} ignored by comments" if report.suppressed else ""
    return ", ".join([*(parts or ["nothing to complain about"]), *filter(None, [ignored])])
