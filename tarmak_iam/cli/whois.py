"""whois: who an IAM caller becomes."""

from __future__ import annotations

import click

from tarmak_iam.cli.output import print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity import Answer
from tarmak_iam.identity.caller import identity_of

__all__ = ["whois"]


@click.command(epilog="\b\nExample: tarmak-iam whois arn:aws:iam::111122223333:role/Admin")
@click.argument("arn")
@click.option(
    "--session", "session_name", default="SESSION", show_default=True, help="Role session name, where the ARN has none."
)
@click.option("--user-id", default="", help="Unique id of the principal, as in AIDA... or AROA...")
@click.option("--access-key-id", default="", help="Access key id that the caller signs with.")
@click.option("--daemon-version", metavar="VERSION", help="Version of the authenticator, as in v0.6.20.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def whois(
    session: Session,
    arn: str,
    session_name: str,
    user_id: str,
    access_key_id: str,
    daemon_version: str | None,
    output: str,
) -> None:
    """Who the caller with this ARN becomes in the current cluster, by which entry, or why nobody.

    The answer is the one that the authenticator of the settings' version would give. A role's ARN stands
    for a session of that role.
    """
    installation = session.installation({"daemonVersion": daemon_version})
    if installation.mappings is None:
        raise ConfigError(
            f"{installation.cluster_id} has no mappings, so nobody becomes anybody",
            remedy="map someone first: tarmak-iam map add ARN --username NAME --group GROUP",
        )
    identity = identity_of(arn, session_name, user_id, access_key_id)
    answer = installation.authenticator().whois(identity)
    if output == "json":
        print_json(_as_json(answer, knows_caller=bool(user_id)))
    else:
        _print_text(answer)
    if not answer.started:
        click.get_current_context().exit(2)


def _print_text(answer: Answer) -> None:
    where = f" ({answer.place})" if answer.place else ""
    if answer.authenticated:
        click.echo(f"username: {answer.username}")
        click.echo(f"groups:   {', '.join(answer.groups or ()) or '-'}")
        click.echo(f"because:  {answer.reason}{where}")
    elif answer.started:
        click.echo(f"nobody:   {answer.reason}{where}")
    else:
        click.echo(f"nobody:   the authenticator would not start: {answer.reason}{where}")
    for other in answer.alternatives:
        click.echo(f"or:       {other.username}, groups {', '.join(other.groups or ()) or '-'}: {other.reason}")
    for text in answer.notes:
        click.echo(f"note:     {text}")


def _as_json(answer: Answer, *, knows_caller: bool) -> dict[str, object]:
    """Without --user-id the uid and the extra values would be made up, so they are left out."""
    place = answer.place
    known: dict[str, object] = {"uid": answer.uid, "extra": answer.extra or {}} if knows_caller else {}
    return {
        "started": answer.started,
        "authenticated": answer.authenticated,
        "username": answer.username,
        "groups": answer.groups or [],
        **known,
        "reason": answer.reason,
        "file": place.filename if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "alternatives": [_as_json(other, knows_caller=knows_caller) for other in answer.alternatives],
        "notes": list(answer.notes),
    }
