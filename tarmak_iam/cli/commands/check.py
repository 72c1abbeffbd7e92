"""check: the findings about tarmak.yaml, mappings and settings: of one cluster, of all, or of the files given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.checked import Checked, Fixes, check_files, check_session
from tarmak_iam.cli.console import ExitCode, note
from tarmak_iam.cli.formats import (
    CheckReport,
    FindingResult,
    OfferedFix,
    RuleDescription,
    TextChange,
    errors_reported,
    findings_options,
    is_failing,
    print_report,
    severity_summary,
)
from tarmak_iam.cli.options import all_clusters_option, option, paths_argument
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import Place
from tarmak_iam.lint import Located, all_rules
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.document import Document
    from tarmak_iam.lint.fixing import FixableFinding


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(), callback=paths_argument)
@all_clusters_option
@findings_options
@option("--fix")
@option("--unsafe-fixes")
@option("--diff")
@pass_session
@click.pass_context
def check(
    context: click.Context,
    session: Session,
    files: tuple[Path, ...],
    all_clusters: bool,
    output: str,
    fail_on: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
) -> None:
    if files and (session.directory or session.cluster_name):
        raise click.UsageError("FILE selects directory and cluster itself; remove -c and --cluster", context)
    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes requires --fix or --diff", context)
    if diff and output != "text":
        raise click.UsageError(f"--diff prints a unified diff; remove -o {output}", context)
    fixes = Fixes(unsafe_fixes, diff, {}) if fix or diff else None
    with errors_reported(output):
        if files:
            checked = check_files(session, files, all_clusters=all_clusters, fixes=fixes)
        else:
            checked = check_session(session, all_clusters=all_clusters, fixes=fixes)
    for why in checked.why_unexamined:
        note(f"note: admin certificates were not checked: {why}")
    if not diff:
        print_report(output, _report(checked))
    _print_summary(checked, output, is_diff=diff)
    if checked.errors:
        context.exit(ExitCode.ERROR)
    if diff:
        context.exit(ExitCode.FINDINGS if checked.fixed or not checked.is_complete else ExitCode.OK)
    if is_failing((located.finding.severity for located in checked.findings), fail_on):
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
    if fixable := ", ".join(f"{count} with `{option}`" for count, option in counts if count):
        note(f"can be fixed: {fixable}")
    parts = [severity_summary(located.finding.severity for located in checked.findings)]
    if checked.errors and not checked.findings:
        parts = ["no findings in the other files" if checked.documents else "nothing could be checked"]
    counts = ((len(checked.suppressed), "suppressed by comments"), (checked.fixed, "fixed"))
    note(", ".join([*parts, *(f"{count} {what}" for count, what in counts if count)]) + checked.scope)


def _report(checked: Checked) -> CheckReport:
    fixes = {id(fixable.located): _offer(checked.documents[fixable.filename], fixable) for fixable in checked.fixable}
    results = [_result(located, fix=fixes.get(id(located))) for located in checked.findings]
    results += [_result(located, located.reason) for located in checked.suppressed]

    def line_of(place: Place) -> str:
        document = checked.documents.get(place.filename)
        return document.source.line(place.line) if document and place.line is not None else ""

    def rules() -> tuple[RuleDescription, ...]:
        from tarmak_iam.lint.rule import page_of

        ordered = sorted(all_rules(), key=lambda rule: rule.id)
        return tuple(RuleDescription(rule.id, rule.severity, rule.summary, page_of(rule.id)) for rule in ordered)

    return CheckReport(tuple(results), rules, checked.errors, line_of, checked.is_complete)


def _offer(document: Document, fixable: FixableFinding) -> OfferedFix:
    def changes() -> tuple[TextChange, ...] | None:
        from tarmak_iam.lint.fix import text_changes

        texts, changes = text_changes(document, fixable.fix), []
        for text in texts or ():
            (line, column), (end_line, end_column) = map(document.source.position, (text.start, text.end))
            change = {"file": document.filename, "line": line, "column": column}
            changes.append({**change, "endLine": end_line, "endColumn": end_column, "text": text.text})
        return None if texts is None else tuple(changes)

    return OfferedFix(fixable.fix.title, fixable.is_safe, changes)


def _result(located: Located, suppression: str | None = None, fix: OfferedFix | None = None) -> FindingResult:
    steps = located.finding.route.plain
    keys = tuple(step for step in steps if isinstance(step, str))
    # A key may be very long, and does not help to find the place then.
    path = [shortened(step) if isinstance(step, str) else step for step in steps]
    more = {"path": path, "cluster": None if located.cluster is None else shortened(located.cluster)}
    return FindingResult(located.finding, located.place, (located.cluster or "", *keys), suppression, more, fix)
