"""check: every finding about tarmak.yaml, mappings and settings."""

from __future__ import annotations

import click

from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.reporting import as_json, coloured, fail_on_option, is_failing, output_option, summed_up
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import SelectionError
from tarmak_iam.lint import Located, Report, Subjects
from tarmak_iam.lint import examine as run_rules

__all__ = ["check"]


@click.command(epilog="\b\nExample: tarmak-iam check -o json --fail-on error")
@output_option
@fail_on_option
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
            click.echo(coloured(str(each), each.finding.severity))
        note(_summary(report))
    if is_failing((each.finding.severity for each in located), fail_on):
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


def _as_json(located: Located) -> dict[str, object]:
    finding, path = located.finding, list(located.finding.route.plain)
    return as_json(finding.id, finding.severity, located.place, finding.message, finding.remedy, path=path)


def _summary(report: Report) -> str:
    found = summed_up(each.finding.severity for each in report.findings)
    return f"{found}, {len(report.suppressed)} ignored by comments" if report.suppressed else found
