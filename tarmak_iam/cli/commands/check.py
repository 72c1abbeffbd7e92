"""check: the findings about tarmak.yaml, mappings and settings: of one cluster, of all, or of the files given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from tarmak_iam.cli import formats, options
from tarmak_iam.cli.checked import Checked, Fixes, check_files, check_session
from tarmak_iam.cli.console import ExitCode, is_stated, note
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.lint import all_rules
from tarmak_iam.text import PLAIN, shortened


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(), callback=options.paths_argument)
@options.all_clusters_option
@options.trust_option
@formats.findings_options
@options.option("--fix")
@options.option("--unsafe-fixes")
@options.option("--diff")
@pass_session
def check(
    session: Session,
    /,
    files: tuple[Path, ...],
    all_clusters: bool,
    trust: tuple[Path, ...],
    output: str,
    fail_on: str,
    **flags: bool,
) -> None:
    context, diff = click.get_current_context(), flags["diff"]
    if files and (session.directory or session.cluster_name):
        raise click.UsageError("FILE selects directory and cluster itself; remove -c and --cluster", context)
    if flags["unsafe_fixes"] and not (flags["fix"] or diff):
        raise click.UsageError("--unsafe-fixes requires --fix or --diff", context)
    if diff and output != "text":
        raise click.UsageError(f"--diff prints a unified diff; remove -o {output}", context)
    fixes = Fixes(flags["unsafe_fixes"], diff, {}) if flags["fix"] or diff else None
    with formats.errors_reported(output):
        session = session.with_trust(trust)
        if files:
            checked = check_files(session, files, all_clusters=all_clusters, fixes=fixes)
        else:
            checked = check_session(session, all_clusters=all_clusters, fixes=fixes)
    for text in (*(f"admin certificates were not checked: {why}" for why in checked.why_unexamined), *checked.trust):
        note(f"note: {text}")
    if not diff:
        formats.print_report(output, _report(checked))
    _print_summary(checked, output, is_diff=diff)
    if checked.errors:
        context.exit(ExitCode.ERROR)
    if diff:
        context.exit(ExitCode.FINDINGS if checked.fixed or not checked.is_complete else ExitCode.OK)
    if formats.is_failing((located.finding.severity for located in checked.findings), fail_on):
        context.exit(ExitCode.FINDINGS)


def _print_summary(checked: Checked, output: str, *, is_diff: bool) -> None:
    unsafe = sum(not fixable.is_safe for fixable in checked.fixable)
    if is_diff:
        count = f"{checked.fixed} finding{'' if checked.fixed == 1 else 's'}" if checked.fixed else "nothing"
        note(f"{count} would be fixed{f', {unsafe} more with --unsafe-fixes' if unsafe else ''}")
        return
    if output == "json":
        return
    counts = ((len(checked.fixable) - unsafe, "--fix"), (unsafe, "--fix --unsafe-fixes"))
    if fixable := ", ".join(f"{count} with `{flags}`" for count, flags in counts if count):
        note(f"can be fixed: {fixable}")
    if output == "text" and checked.findings:
        note(f"more about a finding: `{PLAIN.tarmak_iam('explain', checked.findings[0].finding.id)}`")
    parts = [formats.severity_summary(located.finding.severity for located in checked.findings)]
    if checked.errors and not checked.findings:
        parts = ["no findings in the other files" if checked.documents else "nothing could be checked"]
    counts = ((len(checked.suppressed), "suppressed by comments"), (checked.fixed, "fixed"))
    note(", ".join([*parts, *(f"{count} {what}" for count, what in counts if count)]) + checked.scope)


def _report(checked: Checked) -> formats.CheckReport:
    fixes = {id(fixable.located): fixable for fixable in checked.fixable}
    results = list[formats.FindingResult]()
    for located in (*checked.findings, *checked.suppressed):
        steps, cluster = located.finding.route.plain, located.cluster
        # A key may be very long, and does not help to find the place then.
        path = [shortened(step) if isinstance(step, str) else step for step in steps]
        more = {"path": path, "cluster": None if cluster is None else shortened(cluster)}
        parts = (cluster or "", *(step for step in steps if isinstance(step, str)))
        reason = located.reason if len(results) >= len(checked.findings) else None
        fix = fixes.get(id(located))
        finding = located.finding
        finding = finding if is_stated(finding.recovery or "") else replace(finding, recovery=None)
        results.append(formats.FindingResult(finding, located.place, parts, reason, more, fix))
    return formats.CheckReport(tuple(results), all_rules(), checked.errors, checked.documents, checked.is_complete)
