"""check: every finding about tarmak.yaml, mappings and settings."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tarmak_iam.cli.checking import Checked, check_chosen, check_every, check_files
from tarmak_iam.cli.cluster_argument import cluster_remedy
from tarmak_iam.cli.console import note, print_json
from tarmak_iam.cli.directories import named_files
from tarmak_iam.cli.every_cluster import all_clusters_option
from tarmak_iam.cli.project import page_address
from tarmak_iam.cli.reporting import (
    as_json,
    errors_told,
    fail_on_option,
    is_failing,
    output_option,
    print_finding,
    print_verdict,
)
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.told import RuleText, Told, Verdict
from tarmak_iam.command_line import CommandLine
from tarmak_iam.config.locate import CONFIG_NAME, directory_option
from tarmak_iam.lint import Located, all_rules
from tarmak_iam.text import shortened

__all__ = ["check"]


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam check -o json --fail-on error\n"
    "  tarmak-iam check --all-clusters -o sarif > tarmak-iam.sarif\n"
    "  tarmak-iam check tarmak.yaml dev-cluster/aws-iam-authenticator.yaml"
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(), callback=named_files)
@all_clusters_option
@output_option
@fail_on_option
@pass_session
@click.pass_context
def check(
    context: click.Context, session: Session, files: tuple[Path, ...], all_clusters: bool, output: str, fail_on: str
) -> None:
    """Look for errors and lock-outs before they happen.

    tarmak.yaml is checked for all clusters, mappings and settings for the current one, or with --all-clusters for
    each. A FILE stands for what it belongs to: a tarmak.yaml for all its clusters, mappings and settings for their
    cluster; mappings without a tarmak.yaml are checked by themselves.

    Exits with 0 if there is nothing to say, 1 for findings, 2 where a file cannot be read. A comment sets findings
    aside, on their line or above their entry, list or file: # tarmak-iam: ignore[IAM074] only our sandbox account
    """
    if files and (session.directory or session.cluster_name):
        remedy = cluster_remedy(context, map(str, files)) or "leave -c and --current-cluster out"
        raise click.UsageError(f"a FILE says which directory and cluster: {remedy}", context)
    with errors_told(output):
        if files:
            checked = check_files(
                files,
                all_clusters=all_clusters,
                follow_links=session.follow_links,
                remedy=lambda path: _cluster_of(path, context),
            )
        else:
            checked = check_every(session) if all_clusters else check_chosen(session)
    _print(checked, output)
    if checked.errors:
        context.exit(2)
    if is_failing((each.finding.severity for each in checked.findings), fail_on):
        context.exit(1)


def _cluster_of(path: Path, context: click.Context) -> str:
    """What somebody meant by a cluster's name, or by its directory beside a tarmak.yaml; empty for neither."""
    directory = path.parent
    if path.is_dir() and (directory / CONFIG_NAME).is_file():
        line = CommandLine(directory_option(directory, os.environ), path.name)
        return f"did you mean `{line.tarmak_iam('check')}`?"
    return cluster_remedy(context, [str(path)])


def _print(checked: Checked, output: str) -> None:
    for why in checked.unexamined:
        note(f"note: admin certificates were not examined: {why}")
    if output == "json":
        print_json([_as_json(each) for each in checked.findings])
        return
    if output == "text":
        for each in checked.findings:
            print_finding(str(each), each.place, each.finding.severity, checked.line(each.place))
    else:
        told = [_told(each) for each in checked.findings] + [_told(each, each.reason) for each in checked.suppressed]
        print_verdict(output, Verdict(tuple(told), _rules(), checked.errors), checked.line)
    note(checked.summary)


def _told(located: Located, reason: str | None = None) -> Told:
    finding = located.finding
    keys = tuple(step for step in finding.route.plain if isinstance(step, str))
    return Told(finding.id, finding.severity, located.place, finding.text, (located.cluster or "", *keys), reason)


def _rules() -> tuple[RuleText, ...]:
    from tarmak_iam.lint.pages import page_of

    return tuple(
        RuleText(
            each.id,
            each.severity,
            each.summary,
            page_of(each.id),
            page_address(f"docs/rules/{each.id}.md") if page_of(each.id) else "",
        )
        for each in sorted(all_rules(), key=lambda rule: rule.id)
    )


def _as_json(located: Located) -> dict[str, object]:
    finding, path = located.finding, [_shown(step) for step in located.finding.route.plain]
    return as_json(
        finding.id,
        finding.severity,
        located.place,
        finding.message,
        finding.remedy,
        path=path,
        cluster=None if located.cluster is None else shortened(located.cluster),
    )


def _shown(step: str | int) -> str | int:
    """A key that is a paragraph is no help to anybody who looks for the place."""
    return shortened(step) if isinstance(step, str) else step
