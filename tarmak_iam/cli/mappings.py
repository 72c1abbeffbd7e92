"""map list, add, remove: the mappings file of a cluster."""

from __future__ import annotations

from collections.abc import Callable

import click

from tarmak_iam.cli.edit import dry_run_option, finish_edit
from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.identity.mappings import Listed, Mappings

__all__ = ["mappings"]


@click.group(name="map")
def mappings() -> None:
    """Who may log in to the current cluster, and as whom.

    The mappings are in <dir>/<cluster>/aws-iam-authenticator.yaml, in the authenticator's own format.
    """


@mappings.command(name="list", short_help="List the entries.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def list_(session: Session, output: str) -> None:
    """List the entries, in the order in which the authenticator asks them."""
    found = session.cluster_files().mappings()
    entries = found.entries if found else ()
    if output == "json":
        print_json([_as_json(entry) for entry in entries])
    for entry in entries if output == "text" else ():
        click.echo("\t".join((entry.kind, _principal(entry), entry.username, ",".join(entry.groups))).rstrip())
    if not entries:
        note("there are no mappings: nobody can log in with IAM")


def _principal(entry: Listed) -> str:
    return entry.arn or (f"sso:{entry.sso}" if entry.sso else "-")


def _as_json(entry: Listed) -> dict[str, object]:
    shown: dict[str, object] = {
        "kind": entry.kind,
        "arn": entry.arn,
        "username": entry.username,
        "groups": list(entry.groups),
    }
    return {**shown, "sso": entry.sso} if entry.sso else shown


@mappings.command(
    short_help="Map a role, a user or an account.",
    epilog="\b\nExample:\n  tarmak-iam map add arn:aws:iam::111122223333:role/Admin --username admin --group dev",
)
@click.argument("arn")
@click.option("--username", default="", help="Name in Kubernetes; templates such as {{SessionName}} are allowed.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    help="Group in Kubernetes; may be given several times. Without it an existing entry keeps its groups.",
)
@dry_run_option
@pass_session
def add(session: Session, arn: str, username: str, groups: tuple[str, ...], dry_run: bool) -> None:
    """Map the ARN of a role or user (or a whole account, by its twelve digits).

    An entry for the same ARN is brought up to date; the file is made if there is none.
    """
    _edit(session, dry_run, lambda found: found.add(arn, username, groups or None), f"{arn} is mapped like that")


@mappings.command(epilog="\b\nExample: tarmak-iam map remove arn:aws:iam::111122223333:user/Alice")
@click.argument("arn")
@dry_run_option
@pass_session
def remove(session: Session, arn: str, dry_run: bool) -> None:
    """Take the entry of an ARN or account out."""
    _edit(session, dry_run, lambda found: found.remove(arn), f"nothing maps {arn}")


def _edit(session: Session, dry_run: bool, edit: Callable[[Mappings], Mappings], unchanged: str) -> None:
    files = session.cluster_files()
    path = files.mappings_path
    before = files.mappings()
    start = before or Mappings.create(files.cluster_name, str(path))
    after = edit(start)
    if after is start:
        note(f"unchanged: {unchanged}")
        return
    old, new = before.document if before else None, after.document
    finish_edit(old, new, lambda: files.write(path, new, old), dry_run=dry_run, done=f"wrote {path}")
