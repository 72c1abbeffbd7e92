"""map list, add, remove: the mappings file of a cluster."""

from __future__ import annotations

import click

from tarmak_iam.cli.completing import principals
from tarmak_iam.cli.console import format_option, note, print_json, print_line
from tarmak_iam.cli.editing import edits_cluster_files
from tarmak_iam.cli.lazy import CommandGroup
from tarmak_iam.cli.mapping_change import Change, Options, change_options, strip_path_option
from tarmak_iam.cli.mapping_formats import convert, import_
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.guards import principal_refusal
from tarmak_iam.identity.mappings import Listed, Wanted
from tarmak_iam.identity.reach import misfit
from tarmak_iam.text import one_line

__all__ = ["mappings"]


@click.group(
    name="map",
    cls=CommandGroup,
    also={"ls": "list", "rm": "remove", "delete": "remove", "show": "list"},
    epilog="\b\nExamples:\n"
    "  tarmak-iam map list\n"
    "  tarmak-iam map add arn:aws:iam::111122223333:role/Admin \\\n"
    "      --username admin --group system:masters",
)
def mappings() -> None:
    """Who may log in to the current cluster, and as whom.

    The mappings are in <dir>/<cluster>/aws-iam-authenticator.yaml, in the authenticator's own format.
    """


@mappings.command(name="list", short_help="List the entries.", epilog="\b\nExample: tarmak-iam map list -o json")
@format_option("text", "json")
@pass_session
def list_(session: Session, output: str) -> None:
    """List the entries, in the order in which the authenticator asks them."""
    found = session.cluster_files().mappings()
    entries = found.entries if found else ()
    if output == "json":
        print_json([_as_json(entry) for entry in entries])
    for entry in entries if output == "text" else ():
        cells = (entry.kind, entry.principal or "-", entry.username, ",".join(entry.groups))
        print_line("\t".join(map(one_line, cells)).rstrip())
    if not entries:
        note("there are no mappings: nobody can log in with IAM")


def _as_json(entry: Listed) -> dict[str, object]:
    shown: dict[str, object] = {
        "kind": entry.kind,
        "arn": entry.arn,
        "username": entry.username,
        "groups": list(entry.groups),
    }
    also = {"sso": entry.sso, "userid": entry.user_id}
    return {**shown, **{key: value for key, value in also.items() if value}}


@mappings.command(
    short_help="Map a role, a user, an SSO permission set or an account.",
    epilog="\b\nExamples:\n"
    "  tarmak-iam map add arn:aws:iam::111122223333:role/Admin \\\n"
    "      --username admin --group system:masters\n"
    "  tarmak-iam map add sso:111122223333/Developer \\\n"
    "      --username 'dev:{{SessionName}}' --group dev",
)
@click.argument("principal", metavar="ARN", shell_complete=principals)
@click.option(
    "--username", default="", metavar="NAME", help="Name in Kubernetes; templates such as {{SessionName}} are allowed."
)
@click.option(
    "--group",
    "groups",
    metavar="GROUP",
    multiple=True,
    help="Group in Kubernetes; may be given several times. Without it an existing entry keeps its groups.",
)
@strip_path_option
@change_options
@pass_session
@edits_cluster_files
def add(
    session: Session,
    principal: str,
    username: str,
    groups: tuple[str, ...],
    strip_path: bool,
    me: str | None,
    force: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Map the ARN of a role or user, an SSO permission set as sso:ACCOUNT/NAME, or a whole account by its twelve
    digits.

    An entry for the same principal is brought up to date; the file is made if there is none. What `check` finds wrong
    with it is told.
    """
    change = Change.of(session)
    wanted = Wanted(principal, username, groups or None)
    after, (outcome,) = change.start.merge([wanted], strip_path=strip_path, refuse=principal_refusal(change.before))
    if outcome.error is not None:
        raise outcome.error
    for text in outcome.notes:
        note(f"note: {text}")
    unchanged = f"{outcome.principal} is mapped like that"
    change.finish(after, Options(me, force, dry_run, output), unchanged=unchanged, with_findings=True)


@mappings.command(
    short_help="Take the entry of an ARN, permission set or account out.",
    epilog="\b\nExample: tarmak-iam map remove arn:aws:iam::111122223333:user/Alice",
)
@click.argument("principal", metavar="ARN", shell_complete=principals)
@change_options
@pass_session
@edits_cluster_files
def remove(session: Session, principal: str, me: str | None, force: bool, dry_run: bool, output: str) -> None:
    """Take every entry of an ARN, of sso:ACCOUNT/NAME or of an account out."""
    change = Change.of(session)
    after = change.start.remove(principal)
    options = Options(me, force, dry_run, output)
    change.finish(after, options, unchanged=f"nothing maps {principal}{_near(change, principal)}", mending=True)


def _near(change: Change, principal: str) -> str:
    """The entry that was probably meant, as where a role's path was given."""
    found = misfit(principal)
    meant = found.instead if found else None
    return f", but {meant} is mapped" if meant and change.start.matching(meant) else ""


mappings.add_command(import_)
mappings.add_command(convert)
