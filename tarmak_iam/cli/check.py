"""check: every finding about tarmak.yaml, mappings and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.every_cluster import Outcome, Tell, all_clusters_option, exit_code, for_each, tally
from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.reporting import as_json, coloured, fail_on_option, is_failing, output_option, summed_up
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import SelectionError
from tarmak_iam.lint import Located, Report, Subjects
from tarmak_iam.lint import examine as run_rules

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig

__all__ = ["check"]


@click.command(epilog="\b\nExample: tarmak-iam check -o json --fail-on error")
@all_clusters_option
@output_option
@fail_on_option
@pass_session
@click.pass_context
def check(context: click.Context, session: Session, all_clusters: bool, output: str, fail_on: str) -> None:
    """Look for errors and lock-outs before they happen.

    tarmak.yaml is checked for all clusters, mappings and settings for the current one, or with --all-clusters for
    each. Exits with 0 if there is nothing to say, 1 for findings, 2 where a file cannot be read. A comment sets a
    finding of its line, or of the one below, aside: # tarmak-iam: ignore[IAM074] only our sandbox account
    """
    config = session.config()
    outcomes = _of_all(session, config) if all_clusters else []
    subjects = [each.value for each in outcomes if not each.error] if all_clusters else [_subjects(session, config)]
    report = run_rules(*(subjects or [Subjects(config)]))
    located = report.findings
    if output == "json":
        print_json([_as_json(each) for each in located])
    else:
        for each in located:
            click.echo(coloured(str(each), each.finding.severity))
        note(_summary(report, outcomes))
    code = max(exit_code(outcomes), int(is_failing((each.finding.severity for each in located), fail_on)))
    if code:
        context.exit(code)


def _of_all(session: Session, config: TarmakConfig) -> list[Outcome[Subjects]]:
    """Of every cluster that a name leads to; of the other entries there are findings."""

    def read(cluster: Cluster, _: Tell) -> Subjects:
        return Subjects.of_cluster(config, cluster, session.files(config, cluster))

    return list(for_each(config.selectable_clusters, read, "reading"))


def _subjects(session: Session, config: TarmakConfig) -> Subjects:
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
    return as_json(
        finding.id, finding.severity, located.place, finding.message, finding.remedy, path=path, cluster=located.cluster
    )


def _summary(report: Report, outcomes: Sequence[Outcome[Subjects]]) -> str:
    parts = [summed_up(each.finding.severity for each in report.findings)]
    if not report.findings and any(each.error for each in outcomes):
        parts = ["no findings elsewhere"]
    if report.suppressed:
        parts.append(f"{len(report.suppressed)} ignored by comments")
    if outcomes:
        found = {each.cluster for each in report.findings}
        parts.append(tally(outcomes, lambda each: "with findings" if _name(each) in found else "clean", "clean"))
    return ", ".join(parts)


def _name(subjects: Subjects) -> str | None:
    return subjects.installation.cluster_id if subjects.installation else None
