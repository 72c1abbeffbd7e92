"""verify: a real login, compared with the answer of `whois`."""

from __future__ import annotations

import click

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.live_cluster import finish_login, login_json, try_login
from tarmak_iam.cli.options import SECONDS, access_options, format_option, option, profile_option, role_option
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.hook.login.verify import VERIFY_SECONDS


@click.command(epilog="\b\nExample: AWS_PROFILE=admin tarmak-iam verify")
@access_options
@role_option
@profile_option
@option(
    "--timeout SECONDS",
    "How long to wait for the API server, and to try again while the login fails.",
    type=SECONDS,
    default=VERIFY_SECONDS,
)
@format_option("text", "json")
@pass_session
def verify(session: Session, role: str | None, profile: str | None, timeout: float, output: str) -> None:
    """Log in with your AWS credentials, and compare the result with `whois`.

    A token is created with your AWS credentials, and the API server is asked for its identity. Only a login as a mapped
    principal verifies anything. If you are not mapped and the API server rejects you, or if you have no AWS
    credentials, the exit code is 4, and the output says as whom to log in. Exit code 1 means that the login failed.

    aws-iam-authenticator creates the token if it is on the PATH, otherwise tarmak-iam does. The admin's kubeconfig is
    used to ask the API server, also for the reason of a rejection.
    """
    installation = session.installation({"role": role, "profile": profile})
    kubectl = kubectl_of(session, installation.cluster_id, seconds=timeout)
    login = try_login(installation, kubectl, seconds=timeout)
    if output == "json" and (shown := login_json(login)) is not None:
        print_json(shown)
    finish_login(login, installation, session.access, is_text=output == "text")
