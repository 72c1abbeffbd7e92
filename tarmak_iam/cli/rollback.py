"""rollback: what the cluster had before an apply, restored through kubectl."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tarmak_iam.admin_access import examine_admin
from tarmak_iam.cli.changes import change_json, print_changes, timeout_option, wait_option
from tarmak_iam.cli.cluster_access import access_options, at_work, kubectl_of
from tarmak_iam.cli.console import did, format_option, note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.hook.cluster.changes import Action, Change
from tarmak_iam.hook.cluster.rollback import RollbackFailed
from tarmak_iam.hook.cluster.rollback import rollback as roll_back
from tarmak_iam.hook.cluster.state import STATE_NAME

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig

__all__ = ["rollback"]


@click.command(epilog="\b\nExample: tarmak-iam rollback")
@access_options
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"State to restore. Default: {STATE_NAME} of the cluster, from before the last apply.",
)
@click.option("--force", is_flag=True, help="Even what others have changed since.")
@wait_option
@timeout_option
@format_option("text", "json")
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
        print_changes(done.changes)
    if not done.changed:
        note("unchanged: the cluster is as it was before the last apply")
    elif any(_removes_the_authenticator(each) for each in done.changes):
        note(f"nobody can log in with IAM now; {_way_in(session, config, cluster)}")


def _removes_the_authenticator(change: Change) -> bool:
    """A plugin's DaemonSet lets nobody log in."""
    ours = ("DaemonSet", NAMESPACE, NAME)
    return change.action is Action.REMOVED and (change.kind, change.namespace, change.name) == ours


def _way_in(session: Session, config: TarmakConfig, cluster: Cluster) -> str:
    """Not the installation's, for which the mappings are read: they may be what has to be rolled back."""
    files = session.files(config, cluster)
    return examine_admin(files.home, command_line=files.command_line, within=files.within).advice
