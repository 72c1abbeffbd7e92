"""verify: a login for real, compared with what `whois` says."""

from __future__ import annotations

from pathlib import Path

import click

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.live_cluster import finish_login, login_json, try_login
from tarmak_iam.cli.options import access_options, format_option, given_access, profile_option, role_option
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.hook.login.verify import VERIFY_SECONDS


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
    help="How long to wait for the API server, and to try again while the login fails.",
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
    """Verify a login: make a token with your AWS credentials, ask the API server whose it is, and compare with whois.

    Only a login as somebody whom a mapping names verifies anything. Where you are not mapped and refused, or have no
    AWS credentials, nothing is known: exit code 4, and whom to log in as. Exit code 1 means that the login failed.

    The token is made by aws-iam-authenticator where that is on the PATH, else by ourselves. The kubeconfig is the
    admin's, which asks what keeps you out.
    """
    installation = session.installation({"role": role, "profile": profile})
    login = try_login(installation, kubectl_of(session, kubeconfig, kube_context, seconds=timeout), seconds=timeout)
    if output == "json" and (shown := login_json(login)) is not None:
        print_json(shown)
    access = given_access(kubeconfig, kube_context)
    finish_login(login, lambda words, *values: installation.command(words, *values, *access), is_text=output == "text")
