"""doctor: an offline check of the webhook's files."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.completion import directories
from tarmak_iam.cli.console import note
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.formats import CheckReport, FindingResult, RuleDescription
from tarmak_iam.cli.formats.output import (
    errors_reported,
    fail_on_option,
    findings_output_option,
    is_failing,
    print_report,
)
from tarmak_iam.cli.formats.text import severity_summary
from tarmak_iam.cli.installation_notes import note_incomplete
from tarmak_iam.cli.options import directory_argument, option
from tarmak_iam.cli.session import Session, pass_session, recovery_hint_of
from tarmak_iam.doctor.checks import EXPIRES_WITHIN
from tarmak_iam.errors import FileError, Place, TarmakIamError
from tarmak_iam.findings import Severity

if TYPE_CHECKING:
    from tarmak_iam.installation.installation import Installation


@click.command(
    epilog="\b\nExamples:\n  tarmak-iam doctor webhook\n  sudo tarmak-iam doctor / --root             # on a master"
)
@click.argument("directory", metavar="DIR", type=click.Path(), callback=directory_argument, shell_complete=directories)
@option("--root", "DIR is the root directory of a master, or of a copy of its files. Default: detected.", "is_master")
@option(
    "--expires-within DAYS",
    "Warn about a certificate that expires within this number of days.",
    type=click.IntRange(min=0),
    default=EXPIRES_WITHIN,
)
@findings_output_option
@fail_on_option
@pass_session
@click.pass_context
def doctor(
    context: click.Context,
    session: Session,
    directory: Path,
    is_master: bool,
    expires_within: int,
    output: str,
    fail_on: str,
) -> None:
    """Check the webhook's files: a directory written by `webhook` or `render`, or a copy of a master's files.

    Reads only files, and connects to nothing. If a cluster is selected, the files are also compared with its
    tarmak.yaml. Exits with 0 if there are no findings, 1 if there are, and 2 if there are no files to check.
    docs/doctor.md explains each ID.
    """
    from tarmak_iam.doctor import CHECKS, examine_tree, read_tree

    with errors_reported(output):
        installation, why_not = _installation(session)
        webhook_file = installation.webhook_file if installation else None
        tree = read_tree(directory, is_master=is_master or None, webhook_file=webhook_file)
        now = datetime.now(timezone.utc)
        report = examine_tree(tree, now=now, expires_within=expires_within, installation=installation)
        if not report.saw_anything:
            raise FileError(
                "this directory has no files of the authenticator",
                remedy="specify a directory with cert.pem, with a master's files, or with manifests",
                place=Place(str(directory)),
            )
    rules = tuple(RuleDescription(check.id, check.severity, check.summary) for check in CHECKS)
    # Without the lines of the files: they may contain a key.
    results = tuple(FindingResult(diagnosis, diagnosis.place) for diagnosis in report.diagnoses)
    print_report(output, CheckReport(results, lambda: rules))
    note_incomplete(directory)
    note(severity_summary(diagnosis.severity for diagnosis in report.diagnoses))
    note(f"checked: {', '.join(report.seen) or 'nothing'}")
    if report.unseen:
        note(f"not found: {', '.join(report.unseen)}")
    if why_not:
        note(f"not compared with tarmak.yaml: {why_not}")
    if any(diagnosis.severity is Severity.ERROR for diagnosis in report.diagnoses):
        note(recovery_hint_of(installation))
    if is_failing((diagnosis.severity for diagnosis in report.diagnoses), fail_on):
        context.exit(ExitCode.FINDINGS)


def _installation(session: Session) -> tuple[Installation | None, str]:
    """The selected cluster, or why there is none. Raises TarmakIamError if a specified cluster cannot be read."""
    try:
        installation = session.installation_if_chosen()
    except TarmakIamError as error:
        if session.is_named:
            raise
        return None, str(error)
    return installation, "" if installation else "no cluster is selected"
