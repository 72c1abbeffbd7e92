"""Shared by apply, diff, rollback and verify: options for waiting, changes of objects, stale pods, and the login."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.console import log_variables, note, print_line
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import SECONDS, option
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.results import ObjectChange
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified, verify_login
from tarmak_iam.hook.tarmak.passthrough import stops_raised
from tarmak_iam.installation.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.pods import StalePod


wait_option = option(
    "--wait/--no-wait",
    "Wait until the DaemonSet runs on every master, then restart pods with another configuration one by one.",
    default=True,
)

timeout_option = option(
    "--timeout SECONDS",
    "How long to wait for the rollout, and then again for the restarts.",
    type=SECONDS,
    default=ROLLOUT_SECONDS,
)


def change_json(change: ObjectChange) -> dict[str, str]:
    return {"action": str(change.action), "kind": change.kind, "namespace": change.namespace, "name": change.name}


def stale_pod_json(stale: StalePod) -> dict[str, str]:
    ref = stale.pod.ref
    return {"namespace": ref.namespace, "name": ref.name, "node": stale.pod.node, "reason": stale.reason}


def print_changes(changes: Iterable[ObjectChange]) -> None:
    for change in changes:
        print_line(change.text)


Login = Verified | TarmakIamError
"""The result of a test login, or why the API server could not be asked."""


def try_login(installation: Installation, kubectl: Kubectl, *, seconds: float = VERIFY_SECONDS) -> Login:
    log_variables(prefixes=["AWS_"])
    try:
        with stops_raised():  # so that no token is left in a file
            return verify_login(installation, kubectl, seconds=seconds, tell=note)
    except TarmakIamError as error:
        return error


def finish_login(login: Login, installation: Installation, access: tuple[str, ...], *, is_text: bool) -> None:
    """Prints the result, as text if `is_text`, and exits with its exit code; of a login that is not verified also why,
    and which command to run, with the options `access`. Raises the error of a login that could not be tried."""
    if isinstance(login, TarmakIamError):
        raise login
    for line in login.diagnosis if is_text else ():
        print_line(line)
    if login.ok:
        return
    if login.outcome is LoginOutcome.FAILED:
        note(f"verification failed; {login.recovery_hint}")
        code = ExitCode.FINDINGS
    else:
        command = installation.command("verify", *login.options, *access)
        remedy = f"; run `{command}` to log in as that role" if login.options else ""
        note(f"not verified: {login.why}{remedy}")
        code = ExitCode.OK if login.outcome is LoginOutcome.VERIFIED else ExitCode.NOT_VERIFIED
    click.get_current_context().exit(code)


def login_json(login: Login | None) -> dict[str, Any] | None:
    """None for a login that was not tried, or could not be tried."""
    if not isinstance(login, Verified):
        return None
    expected, got, identity = login.expected, login.got, login.identity
    return {
        "ok": login.ok,
        "outcome": login.outcome.value,
        "caller": identity.arn if identity else None,
        "expected": expected
        and {
            "authenticated": expected.authenticated,
            "username": expected.username,
            "groups": expected.groups or [],
            "reason": expected.reason,
        },
        "got": got and {"username": got.username, "groups": list(got.groups)},
        "account": list(login.diagnosis),
        "why": login.why,
        "verifyAs": [candidate.text for candidate in login.candidates],
        "tokenFrom": login.maker,
        "method": login.method,
    }
