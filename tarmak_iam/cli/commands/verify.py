"""verify: a test login, with AWS credentials or with the admin certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli import console, options
from tarmak_iam.cli.all_clusters import ReportProgress, clusters_of, finish_all, for_each
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line, record_done
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.admin import AdminVerified, verify_admin
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified, verify_login
from tarmak_iam.hook.tarmak.passthrough import stops_raised
from tarmak_iam.installation.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster

Login = Verified | TarmakIamError
"""The result of a test login, or why the API server did not answer."""


@click.command()
@options.option("--admin")
@options.all_clusters_option
@options.access_options
@options.login_options
@options.seconds_option("How long to wait for the API server, and to try again while the login fails.", VERIFY_SECONDS)
@options.format_option("text", "json")
@pass_session
def verify(session: Session, /, admin: bool, all_clusters: bool, timeout: float, output: str, **overrides: Any) -> None:
    if admin and (all_clusters or any(overrides.values())):
        what = "--admin logs in with the admin certificate: use it without --role, --profile and --all-clusters"
        raise click.UsageError(what)
    if all_clusters:
        _verify_all(session, timeout, output, overrides)
        return
    installation = session.installation(overrides)
    kubectl = kubectl_of(session, installation.cluster_id, seconds=timeout)
    if admin:
        _finish_admin(verify_admin(installation, kubectl), output)
        return
    login = try_login(installation, kubectl, seconds=timeout)
    if output == "json" and (shown := login_json(login)) is not None:
        print_json(shown)
    finish_login(login, installation, session.access, is_text=output == "text")


def _finish_admin(verified: AdminVerified, output: str) -> None:
    if output == "json":
        login = verified.login
        shown = {"ok": verified.ok, "what": verified.what, "remedy": verified.remedy or None}
        print_json(shown | {"username": login.username or None, "method": login.method} if login else shown)
    elif verified.ok:
        print_line(verified.what)
    if verified.path is not None:
        record_done("wrote", verified.path)
        note(f"wrote {verified.path}")
    if not verified.ok:
        note(f"{verified.what}; {verified.remedy}" if verified.remedy else verified.what)
        click.get_current_context().exit(ExitCode.FINDINGS)


def _verify_all(session: Session, seconds: float, output: str, overrides: dict[str, Any]) -> None:
    if session.access:
        raise click.UsageError("--all-clusters cannot be combined with --kubeconfig or --context")
    config, outcomes = session.config(), []
    words = {ExitCode.OK: "verified", ExitCode.FINDINGS: "login failed", ExitCode.NOT_VERIFIED: "not verified"}

    def log_in(cluster: Cluster, tell: ReportProgress) -> tuple[Verified, Installation]:
        installation = session.installation_of(config, cluster, overrides)
        kubectl = kubectl_of(session, cluster.cluster_name, tell, seconds=seconds)
        with stops_raised():
            return verify_login(installation, kubectl, seconds=seconds, tell=tell), installation

    for outcome in for_each(clusters_of(config, session.environment), log_in, "logging in to"):
        login, code = None, ExitCode.ERROR
        if not outcome.error:
            login, installation = outcome.value
            note(f"{outcome.name}:") if output == "json" else print_line(f"{outcome.name}:")
            code = _print_login(login, installation, (), is_text=output == "text")
        outcomes.append(outcome._replace(value=(login_json(login), words.get(code))))
    codes = {word: code for code, word in words.items()}
    finish_all(outcomes, lambda made: made[0], output, lambda made: made[1], words[ExitCode.OK], codes)


def try_login(installation: Installation, kubectl: Kubectl, *, seconds: float = VERIFY_SECONDS) -> Login:
    console.log_variables(prefixes=["AWS_"])
    try:
        with stops_raised():  # so that no token is left in a file
            return verify_login(installation, kubectl, seconds=seconds, tell=note)
    except TarmakIamError as error:
        return error


def finish_login(login: Login, installation: Installation, access: tuple[str, ...], *, is_text: bool) -> None:
    """Prints the result, and what to do; exits with its code, or raises why it could not be tried."""
    if isinstance(login, TarmakIamError):
        raise login
    code = _print_login(login, installation, access, is_text=is_text)
    if not login.ok:
        click.get_current_context().exit(code)


def _print_login(login: Verified, installation: Installation, access: tuple[str, ...], *, is_text: bool) -> ExitCode:
    for line in login.diagnosis if is_text else ():
        print_line(line)
    if login.ok:
        return ExitCode.OK
    if login.outcome is LoginOutcome.FAILED:
        note("error: verification failed", login.recovery_hint)
        return ExitCode.FINDINGS
    command = installation.command("verify", *login.options, *access)
    remedy = f"; run `{command}` to log in as that role" if login.options else ""
    note(f"warning: not verified: {login.why}{remedy}")
    return ExitCode.NOT_VERIFIED


def login_json(login: Login | None) -> dict[str, Any] | None:
    """None for a login that was not tried, or could not be tried."""
    if not isinstance(login, Verified):
        return None
    expected, got = login.expected, login.got
    return {
        "ok": login.ok,
        "outcome": login.outcome.value,
        "caller": login.identity.arn if login.identity else None,
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
