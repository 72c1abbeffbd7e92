"""map list, add, remove: the mappings file of a cluster."""

from __future__ import annotations

import shlex

import click

from tarmak_iam.cli.completing import principals
from tarmak_iam.cli.console import format_option, note, print_json, print_line
from tarmak_iam.cli.editing import edits_cluster_files
from tarmak_iam.cli.lazy import CommandGroup
from tarmak_iam.cli.mapping_change import Change, Options, change_options, strip_path_option
from tarmak_iam.cli.mapping_formats import convert, import_
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import ConfigError
from tarmak_iam.guards import principal_refusal
from tarmak_iam.identity.closest_principal import closest_principal
from tarmak_iam.identity.groups import joined_groups
from tarmak_iam.identity.mappings import Listed, Mappings, Wanted
from tarmak_iam.identity.principals import check_principal
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


def separate_groups(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Each group once. Raises UsageError for several in one --group."""
    for text in value:
        parts = joined_groups(text)
        if parts is not None:
            flags = " ".join(f"--group {shlex.quote(part)}" for part in parts) or "--group GROUP"
            what = "has a comma" if "," in text else "is several"
            raise click.UsageError(f"--group takes one group, and '{text}' {what}; write {flags}")
    return tuple(dict.fromkeys(value))


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
    "--username",
    metavar="NAME",
    help="Name in Kubernetes; templates such as {{SessionName}} are allowed. Without it an existing entry keeps its "
    "username; a new role or user needs one.",
)
@click.option(
    "--group",
    "groups",
    metavar="GROUP",
    multiple=True,
    callback=separate_groups,
    help="Group in Kubernetes; may be given several times. An existing entry keeps its groups and gets these too.",
)
@click.option(
    "--replace-groups",
    is_flag=True,
    help="An existing entry gets only the groups of --group; without any --group it loses all of its groups.",
)
@strip_path_option
@change_options
@pass_session
@edits_cluster_files
def add(
    session: Session,
    principal: str,
    username: str | None,
    groups: tuple[str, ...],
    replace_groups: bool,
    strip_path: bool,
    me: str | None,
    force: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Map the ARN of a role or user, an SSO permission set as sso:ACCOUNT/NAME, or a whole account by its twelve
    digits.

    An existing entry for the same principal is updated; the file is made if there is none. An error that `check` finds
    in the new entry refuses it, unless --force is given; a warning is printed.
    """
    change = Change.of(session)
    chosen = groups if groups or replace_groups else None
    wanted = Wanted(principal, username, chosen, adds_groups=not replace_groups)
    after, (outcome,) = change.start.merge([wanted], strip_path=strip_path, refuse=principal_refusal(change.before))
    if outcome.error is not None:
        raise outcome.error
    for text in outcome.notes:
        note(f"note: {text}")
    unchanged = f"{outcome.principal} is mapped like that"
    options = Options(me, force, dry_run, output)
    change.finish(after, options, unchanged=unchanged, with_findings=True, refuse_errors=True)


@mappings.command(
    short_help="Take the entry of an ARN, permission set or account out.",
    epilog="\b\nExample: tarmak-iam map remove arn:aws:iam::111122223333:user/Alice",
)
@click.argument("principal", metavar="ARN", shell_complete=principals)
@click.option("--if-exists", is_flag=True, help="Exit with 0 where it is not mapped.")
@change_options
@pass_session
@edits_cluster_files
def remove(
    session: Session, principal: str, if_exists: bool, me: str | None, force: bool, dry_run: bool, output: str
) -> None:
    """Take every entry of an ARN, of sso:ACCOUNT/NAME or of an account out.

    Exits with 1 where it is not mapped, unless --if-exists is given.
    """
    change = Change.of(session)
    after = change.start.remove(principal)
    if after is not change.start:
        change.finish(after, Options(me, force, dry_run, output), unchanged="", mending=True)
        return
    missing = _not_mapped(principal, change.start)
    note(f"unchanged: {missing}" if if_exists else f"error: {missing}")
    if output == "json":
        print_json({"changed": False, "effects": []})
    if not if_exists:
        click.get_current_context().exit(1)


def _not_mapped(principal: str, mappings: Mappings) -> str:
    """Raises ConfigError for what is no ARN, account or permission set."""
    meant = closest_principal(principal, [entry.principal for entry in mappings.entries])
    try:
        check_principal(principal)
    except ConfigError as error:
        remedy = f"did you mean {meant}?" if meant else error.remedy
        raise ConfigError(error.what, remedy=remedy, place=error.place) from None
    return f"{principal} is not mapped{f'; did you mean {meant}?' if meant else ''}"


mappings.add_command(import_)
mappings.add_command(convert)
