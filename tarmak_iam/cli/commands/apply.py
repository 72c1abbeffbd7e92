"""apply, verify: what `manifests` shows is applied to the live cluster with kubectl, and a login is tried."""

from __future__ import annotations

from typing import Any, Literal

import click

from tarmak_iam.access.diff import effect_json
from tarmak_iam.cli.console import ExitCode, log_variables, note, print_json, print_line, record_done
from tarmak_iam.cli.installation_notes import note_image
from tarmak_iam.cli.options import (
    access_options,
    all_of,
    format_option,
    login_options,
    object_options,
    option,
    seconds_option,
)
from tarmak_iam.cli.session import Session, exclusive_access, kubectl_of, pass_session
from tarmak_iam.emit import manifests
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, ObjectChange
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS, StalePod
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified, verify_login
from tarmak_iam.hook.preflight import refuse_errors
from tarmak_iam.hook.tarmak.passthrough import stops_raised
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects

wait_options = all_of(
    option(
        "--wait/--no-wait",
        "Wait until the DaemonSet runs on every master, then restart pods with another configuration one by one.",
        default=True,
    ),
    seconds_option("How long to wait for the rollout, and then again for the restarts.", ROLLOUT_SECONDS),
)


Login = Verified | TarmakIamError
"""The result of a test login, or why the API server could not be asked."""


def change_json(change: ObjectChange) -> dict[str, str]:
    return {"action": str(change.action), "kind": change.kind, "namespace": change.namespace, "name": change.name}


def stale_pod_json(stale: StalePod) -> dict[str, str]:
    ref = stale.pod.ref
    return {"namespace": ref.namespace, "name": ref.name, "node": stale.pod.node, "reason": stale.reason}


@click.command(epilog="\b\nExamples:\n  tarmak-iam apply --dry-run=server\n  tarmak-iam apply --verify")
@access_options
@object_options
@option(
    "--dry-run",
    "Change nothing. client (the default value) only reads; server: the API server checks the objects.",
    type=click.Choice(["client", "server"]),
    is_flag=False,
    flag_value="client",
)
@option("--no-check", "Apply even if `check` finds errors.")
@option("--force", "Overwrite objects and fields that others manage; apply even if the last admin loses access.")
@wait_options
@option("--verify", "Then verify a login, as `verify` does; exit code 4 if you are not mapped.", "verifies")
@login_options
@format_option("text", "json")
@pass_session
def apply(
    session: Session,
    /,
    dry_run: Literal["client", "server"] | None,
    no_check: bool,
    force: bool,
    wait: bool,
    timeout: float,
    verifies: bool,
    output: str,
    **overrides: Any,
) -> None:
    """Apply what `manifests` shows to the cluster.

    The objects are applied server-side, with the field manager tarmak-iam. Only objects that are managed by tarmak-iam
    are changed; those that are no longer generated are removed last. The previous objects are saved in
    tarmak-iam.state.json, next to the mappings, for `rollback`. Then pods that do not run the cluster's configuration
    are restarted one by one, even if `apply` changed nothing. With --no-wait a pod that is ready is restarted only if
    it is the only one.

    That the objects are applied does not mean that a login works: --verify logs in, as --role if that is specified.
    """
    if verifies and dry_run:
        raise click.UsageError("--verify cannot be combined with --dry-run, which applies nothing")
    given = [name for name in ("role", "profile") if overrides[name] is not None]
    if given and not verifies:
        raise click.UsageError(f"--{given[0]} is for the login of --verify: add --verify")
    config, cluster, files = session.selected()
    installation = session.installation_of(config, cluster, overrides)
    if not no_check:
        refuse_errors(cluster, Subjects(config, installation.mappings, installation, files.settings_document()))
    manifests(installation)  # report errors in the objects before asking tarmak, which may take minutes
    note_image(installation)
    try:
        with exclusive_access(session, config, cluster, dry_run=dry_run is not None) as kubectl:
            done = apply_to_cluster(
                installation,
                kubectl,
                files.home / STATE_NAME,
                dry_run=dry_run,
                force=force,
                wait=timeout if wait else None,
                tell=note,
                within=files.within,
            )
    except ApplyFailed:
        note(installation.recovery_hint)
        raise
    if done.changed and not dry_run:
        record_done("changed", f"the objects of {cluster.cluster_name}")
    login = _print_applied(installation, done, output, dry_run, kubectl if verifies else None)
    for text in done.notes:
        note(f"note: {text}")
    if dry_run:
        note("dry run: nothing was changed")
        return
    if done.state:
        restore = installation.command("rollback")
        note(f"the previous objects are saved in {done.state}; run `{restore}` to restore them")
    state = "applied" if done.changed else "unchanged"
    if login is None:
        note(f"{state}, not verified; run `{installation.command('verify', *session.access)}` to verify a login")
    else:
        finish_login(login, installation, session.access, is_text=output == "text")
        note(f"{state} and verified")


def _print_applied(
    installation: Installation, done: Applied, output: str, dry_run: str | None, kubectl: Kubectl | None
) -> Login | None:
    """Tries a login with the `kubectl`, if any, and returns it. As text, what was applied is printed before."""
    if output == "text":
        for change in done.changes:
            print_line(change.text)
        for effect in done.effects:
            print_line(effect.text)
    login = None if kubectl is None else _try_login(installation, kubectl)
    if output == "json":
        print_json(
            {
                "changed": done.changed,
                "dryRun": dry_run,
                "changes": [change_json(change) for change in done.changes],
                "effects": [effect_json(effect) for effect in done.effects],
                "rolledOut": done.rolled_out,
                "restartedPods": [stale_pod_json(pod) for pod in done.restarted],
                "state": str(done.state) if done.state else None,
                "notes": [*done.notes],
                "verified": _login_json(login),
            }
        )
    return login


@click.command(epilog="\b\nExample: AWS_PROFILE=admin tarmak-iam verify")
@access_options
@login_options
@seconds_option("How long to wait for the API server, and to try again while the login fails.", VERIFY_SECONDS)
@format_option("text", "json")
@pass_session
def verify(session: Session, /, timeout: float, output: str, **overrides: Any) -> None:
    """Log in with your AWS credentials, and compare the result with `whois`.

    A token is created with your AWS credentials, and the API server is asked for its identity. Only a login as a mapped
    principal verifies anything. If you are not mapped and the API server rejects you, or if you have no AWS
    credentials, the exit code is 4, and the output says as whom to log in. Exit code 1 means that the login failed.

    aws-iam-authenticator creates the token if it is on the PATH, otherwise tarmak-iam does. The admin's kubeconfig is
    used to ask the API server, also for the reason of a rejection.
    """
    installation = session.installation(overrides)
    kubectl = kubectl_of(session, installation.cluster_id, seconds=timeout)
    login = _try_login(installation, kubectl, seconds=timeout)
    if output == "json" and (shown := _login_json(login)) is not None:
        print_json(shown)
    finish_login(login, installation, session.access, is_text=output == "text")


def _try_login(installation: Installation, kubectl: Kubectl, *, seconds: float = VERIFY_SECONDS) -> Login:
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


def _login_json(login: Login | None) -> dict[str, Any] | None:
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
