"""Shared by apply, diff, rollback and verify: options for waiting, changes of objects, stale pods, and the login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.console import log_variables, note, print_line
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import SECONDS
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.history import ObjectChange
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified, verify_login
from tarmak_iam.hook.tarmak.passthrough import stops_raised
from tarmak_iam.installation.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.rollout import StalePod


wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until the DaemonSet runs on every master, then restart pods with another configuration one by one.",
)

timeout_option = click.option(
    "--timeout",
    type=SECONDS,
    default=ROLLOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the rollout, and then again for the restarts.",
)


def change_json(change: ObjectChange) -> dict[str, str]:
    return {
        "action": str(change.action),
        "kind": change.kind,
        "namespace": change.namespace,
        "name": change.name,
    }


def stale_pod_json(each: StalePod) -> dict[str, str]:
    return {
        "namespace": each.pod.ref.namespace,
        "name": each.pod.ref.name,
        "node": each.pod.node,
        "reason": each.reason,
    }


def print_changes(changes: Iterable[ObjectChange]) -> None:
    for change in changes:
        print_line(change.text)


Login = Verified | TarmakIamError
"""The result of a test login, or why the API server could not be asked."""

CommandText = Callable[..., str]
"""Returns a tarmak-iam command line, from its words and values."""


def try_login(installation: Installation, kubectl: Kubectl, *, seconds: float = VERIFY_SECONDS) -> Login:
    log_variables(prefixes=["AWS_"])
    try:
        with stops_raised():  # so that no token is left in a file
            return verify_login(installation, kubectl, seconds=seconds, tell=note)
    except TarmakIamError as error:
        return error


def login_exit_code(found: Verified) -> ExitCode:
    if found.outcome is LoginOutcome.VERIFIED:
        return ExitCode.OK
    return ExitCode.FINDINGS if found.outcome is LoginOutcome.FAILED else ExitCode.NOT_VERIFIED


def finish_login(login: Login, command: CommandText, *, is_text: bool) -> None:
    """Prints the result, as text if `is_text`, and exits with its exit code. Raises the error of a login that could not
    be tried."""
    if isinstance(login, TarmakIamError):
        raise login
    for line in login.diagnosis if is_text else ():
        print_line(line)
    if not login.ok:
        note(_next_step(login, command))
        click.get_current_context().exit(login_exit_code(login))


def _next_step(found: Verified, command: CommandText) -> str:
    """Why the login is not verified, and which command to run."""
    if found.outcome is LoginOutcome.FAILED:
        return f"verification failed; {found.recovery_hint}"
    remedy = f"; run `{command('verify', *found.options)}` to log in as that role" if found.options else ""
    return f"not verified: {found.why}{remedy}"


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
        "verifyAs": [each.text for each in login.candidates],
        "tokenFrom": login.maker,
        "method": login.method,
    }
