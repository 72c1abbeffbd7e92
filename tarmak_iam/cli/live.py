"""apply, rollback, verify: the live cluster, through kubectl."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tarmak_iam.admin_access import examine_admin
from tarmak_iam.cli.cluster_access import access_options, at_work, kubectl_of
from tarmak_iam.cli.console import did, format_option, note, print_json, print_line
from tarmak_iam.cli.notes import note_image
from tarmak_iam.cli.overrides import object_options, profile_option, role_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.verbosity import log_variables
from tarmak_iam.effects import effect_json
from tarmak_iam.emit import manifests
from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.hook.cluster.apply import apply as apply_to_cluster
from tarmak_iam.hook.cluster.changes import Action, Applied, ApplyFailed, Change
from tarmak_iam.hook.cluster.rollback import RollbackFailed
from tarmak_iam.hook.cluster.rollback import rollback as roll_back
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.cluster.state import STATE_NAME
from tarmak_iam.hook.gate import refuse_errors
from tarmak_iam.hook.login.verify import VERIFY_SECONDS, Verified
from tarmak_iam.hook.login.verify import verify as verify_login
from tarmak_iam.hook.tarmak.passing import stops_raised
from tarmak_iam.lint import Subjects

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig

__all__ = ["apply", "change_json", "rollback", "verify"]

_output_option = format_option("text", "json")
_wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until the DaemonSet runs on every master."
)
_timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=ROLLOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for that.",
)


@click.command(epilog="\b\nExamples:\n  tarmak-iam apply --dry-run=server\n  tarmak-iam apply")
@access_options
@object_options
@click.option("--dry-run", type=click.Choice(["client", "server"]), help="Change nothing; server: it judges too.")
@click.option("--no-check", is_flag=True, help="Even if `check` finds errors.")
@click.option("--force", is_flag=True, help="Take over what others made, and even if the last admin loses its way in.")
@_wait_option
@_timeout_option
@_output_option
@pass_session
def apply(
    session: Session,
    /,
    kubeconfig: Path | None,
    kube_context: str | None,
    dry_run: Literal["client", "server"] | None,
    no_check: bool,
    force: bool,
    wait: bool,
    timeout: float,
    output: str,
    **overrides: Any,
) -> None:
    """Bring what `manifests` shows to the cluster: server-side, by the field manager tarmak-iam.

    Only objects of our own are touched; those that are no longer made go last. What was there before is kept in
    tarmak-iam.state.json, beside the mappings, for `rollback`.
    """
    config = session.config()
    cluster = session.cluster(config)
    installation = session.installation_of(config, cluster, overrides)
    files = session.files(config, cluster)
    if not no_check:
        refuse_errors(cluster, Subjects(config, installation.mappings, installation, files.settings_document()))
    manifests(installation)  # told before tarmak is asked for a kubeconfig, which may take minutes: what cannot be made
    note_image(installation)
    try:
        with contextlib.nullcontext() if dry_run else at_work(config, cluster):
            done = apply_to_cluster(
                installation,
                kubectl_of(session, kubeconfig, kube_context),
                files.home / STATE_NAME,
                dry_run=dry_run,
                force=force,
                wait=timeout if wait else None,
                tell=note,
                within=files.within,
            )
    except ApplyFailed:
        note(installation.way_in)
        raise
    if done.changed and not dry_run:
        did("changed", f"the objects of {cluster.cluster_name}")
    _print_applied(done, dry_run, output)
    if dry_run:
        note("dry run: nothing was changed")
    elif done.state:
        note(f"what was there before is in {done.state}; `{installation.command('rollback')}` restores it")


def _print_applied(done: Applied, dry_run: str | None, output: str) -> None:
    if output == "json":
        shown = {"changed": done.changed, "dryRun": dry_run, "changes": [change_json(each) for each in done.changes]}
        state = str(done.state) if done.state else None
        effects = [effect_json(each) for each in done.effects]
        print_json({**shown, "effects": effects, "rolledOut": done.rolled_out, "state": state, "notes": [*done.notes]})
    else:
        _print_changes(done.changes)
        for effect in done.effects:
            print_line(effect.text)
    for text in done.notes:
        note(f"note: {text}")


@click.command(epilog="\b\nExample: tarmak-iam rollback")
@access_options
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"State to restore. Default: {STATE_NAME} of the cluster, from before the last apply.",
)
@click.option("--force", is_flag=True, help="Even what others have changed since.")
@_wait_option
@_timeout_option
@_output_option
@pass_session
def rollback(
    session: Session,
    kubeconfig: Path | None,
    kube_context: str | None,
    state: Path | None,
    force: bool,
    wait: bool,
    timeout: float,
    output: str,
) -> None:
    """Restore what the cluster had before the last apply: each object is put back, made again or removed.

    A second run finds nothing to do. The state before the last but one apply is in tarmak-iam.state.1.json.
    """
    config = session.config()
    cluster = session.cluster(config)
    files = session.files(config, cluster)
    try:
        with at_work(config, cluster):
            done = roll_back(
                kubectl_of(session, kubeconfig, kube_context),
                state or files.home / STATE_NAME,
                force=force,
                wait=timeout if wait else None,
                tell=note,
                within=None if state else files.within,
            )
    except RollbackFailed:
        note(_way_in(session, config, cluster))
        raise
    if done.changed:
        did("changed", f"the objects of {cluster.cluster_name}")
    if output == "json":
        changes = [change_json(each) for each in done.changes]
        print_json({"changed": done.changed, "changes": changes, "rolledOut": done.rolled_out})
    else:
        _print_changes(done.changes)
    if not done.changed:
        note("unchanged: the cluster is as it was before the last apply")
    elif any(_removes_the_authenticator(each) for each in done.changes):
        note(f"nobody can log in with IAM now; {_way_in(session, config, cluster)}")


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
@_output_option
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


def change_json(change: Change) -> dict[str, str]:
    return {
        "action": str(change.action),
        "kind": change.kind,
        "namespace": change.namespace,
        "name": change.name,
    }


def _print_changes(changes: Iterable[Change]) -> None:
    for change in changes:
        print_line(change.text)


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


def _removes_the_authenticator(change: Change) -> bool:
    """A plugin's DaemonSet lets nobody log in."""
    ours = ("DaemonSet", NAMESPACE, NAME)
    return change.action is Action.REMOVED and (change.kind, change.namespace, change.name) == ours


def _way_in(session: Session, config: TarmakConfig, cluster: Cluster) -> str:
    """Not the installation's, for which the mappings are read: they may be what has to be rolled back."""
    files = session.files(config, cluster)
    return examine_admin(files.home, command_line=files.command_line, within=files.within).advice
