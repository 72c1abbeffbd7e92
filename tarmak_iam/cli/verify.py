"""verify: a login for real, compared with what `whois` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.cluster_access import access_options, kubectl_of
from tarmak_iam.cli.console import format_option, note, print_json, print_line
from tarmak_iam.cli.overrides import profile_option, role_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.verbosity import log_variables
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified
from tarmak_iam.hook.login.verify import verify as verify_login
from tarmak_iam.hook.tarmak.passing import stops_raised

__all__ = ["verify"]


@click.command(epilog="\b\nExample: AWS_PROFILE=admin tarmak-iam verify")
@access_options
@role_option
@profile_option
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=VERIFY_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on asking while the answer is not as foretold.",
)
@format_option("text", "json")
@pass_session
def verify(
    session: Session,
    kubeconfig: Path | None,
    kube_context: str | None,
    role: str | None,
    profile: str | None,
    timeout: float,
    output: str,
) -> None:
    """Prove a login: make a token with your AWS credentials, ask the API server whose it is, and compare with whois.

    The token is made by aws-iam-authenticator where that is on the PATH, else by ourselves. The kubeconfig is the
    admin's, which asks what keeps you out. Exits with 1 where the answer is not as foretold.
    """
    installation = session.installation({"role": role, "profile": profile})
    log_variables(prefixes=["AWS_"])
    kubectl = kubectl_of(session, kubeconfig, kube_context)
    with stops_raised():  # so that a token does not stay behind in a file
        found = verify_login(installation, kubectl, seconds=timeout, tell=note)
    if output == "json":
        print_json(_verified_json(found))
    else:
        for line in found.account:
            print_line(line)
    if not found.ok:
        note(f"not proven; {found.way_in}")
        click.get_current_context().exit(1)


def _verified_json(found: Verified) -> dict[str, Any]:
    expected, got, identity = found.expected, found.got, found.identity
    return {
        "ok": found.ok,
        "caller": identity.arn if identity else None,
        "expected": expected
        and {
            "authenticated": expected.authenticated,
            "username": expected.username,
            "groups": expected.groups or [],
            "reason": expected.reason,
        },
        "got": got and {"username": got.username, "groups": list(got.groups)},
        "account": list(found.account),
        "tokenFrom": found.maker,
        "method": found.method,
    }
