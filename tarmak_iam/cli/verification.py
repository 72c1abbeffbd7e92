"""What a login that was tried comes to on the command line: text, JSON, exit code, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tarmak_iam.cli.console import note, print_line
from tarmak_iam.cli.exit_codes import NOT_VERIFIED
from tarmak_iam.cli.verbosity import log_variables
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.outcome import Outcome
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified, verify
from tarmak_iam.hook.tarmak.passing import stops_raised
from tarmak_iam.installation import Installation

__all__ = ["Command", "Login", "code_of", "end_with", "login_json", "try_login"]

Login = Verified | TarmakIamError
"""What it came to, or why the API server could not be asked."""

Command = Callable[..., str]
"""Makes a command line of ours, of its words and values."""


def try_login(installation: Installation, kubectl: Kubectl, *, seconds: float = VERIFY_SECONDS) -> Login:
    log_variables(prefixes=["AWS_"])
    try:
        with stops_raised():  # so that a token does not stay behind in a file
            return verify(installation, kubectl, seconds=seconds, tell=note)
    except TarmakIamError as error:
        return error


def end_with(login: Login, command: Command, *, is_text: bool) -> None:
    """Prints what was found, as text if so wished, and ends with the exit code. Raises what a login came to that could
    not be tried."""
    if isinstance(login, TarmakIamError):
        raise login
    for line in login.account if is_text else ():
        print_line(line)
    if not login.ok:
        note(_next_step(login, command))
        click.get_current_context().exit(code_of(login))


def code_of(found: Verified) -> int:
    if found.outcome is Outcome.VERIFIED:
        return 0
    return 1 if found.outcome is Outcome.FAILED else NOT_VERIFIED


def _next_step(found: Verified, command: Command) -> str:
    """Why it is not verified, and what to type."""
    if found.outcome is Outcome.FAILED:
        return f"verification failed; {found.way_in}"
    way = f"; `{command('verify', *found.options)}` logs in as that role" if found.options else ""
    return f"not verified: {found.why}{way}"


def login_json(login: Login | None) -> dict[str, Any] | None:
    """None for a login that was not tried, or could not be."""
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
        "account": list(login.account),
        "why": login.why,
        "verifyAs": [each.text for each in login.candidates],
        "tokenFrom": login.maker,
        "method": login.method,
    }
