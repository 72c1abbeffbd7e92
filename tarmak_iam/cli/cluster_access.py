"""Options of the commands that work on the live cluster, and the kubectl that they come to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.console import note
from tarmak_iam.cli.session import Session
from tarmak_iam.cli.verbosity import log_variables

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.hook.lock import ClusterLock

__all__ = ["access_options", "at_work", "given_access", "kubectl_of", "tarmak_options"]

_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The admin's kubeconfig, if it is not what `tarmak clusters kubeconfig` names.",
    ),
    click.option("--context", "kube_context", metavar="NAME", help="Context of the kubeconfig."),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--kubeconfig and --context, as `kubeconfig` and `kube_context`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_access(kubeconfig: Path | None, context: str | None) -> tuple[str, ...]:
    """The words of --kubeconfig and --context as they were given, for a command that is suggested."""
    words = () if kubeconfig is None else ("--kubeconfig", str(kubeconfig))
    return words if context is None else (*words, "--context", context)


def kubectl_of(
    session: Session,
    kubeconfig: Path | None,
    context: str | None,
    tell: Callable[[str], None] = note,
    *,
    lock: ClusterLock | None = None,
) -> Kubectl:
    """`tell` hears of what is waited for; `lock` is that of a command that writes. Raises TarmakIamError."""
    from tarmak_iam.hook.access import Access
    from tarmak_iam.hook.processes import Programs

    log_variables("KUBECONFIG")
    access = Access(Programs(dict(os.environ)), kubeconfig, context, tarmak_options(session), lock=lock)
    return access.kubectl(tell=tell)


@contextlib.contextmanager
def at_work(config: TarmakConfig, cluster: Cluster) -> Iterator[ClusterLock]:
    """Keeps other runs from the cluster meanwhile, and has SIGTERM end it as Ctrl-C does: what was done is told.
    Raises ToolError where another run is at work."""
    from tarmak_iam.hook.lock import cluster_lock, lock_path
    from tarmak_iam.hook.tarmak.passing import stops_raised

    assert config.path is not None  # it is loaded from a file
    with stops_raised(), cluster_lock(lock_path(config.path.parent, cluster.cluster_name)) as lock:
        if lock.problem is not None:
            note(f"warning: {lock.problem}")
        yield lock


def tarmak_options(session: Session) -> tuple[str, ...]:
    """The session's own choice of directory and cluster, as Tarmak takes it."""
    options: tuple[str, ...] = ()
    if session.directory is not None:
        options += ("--config-directory", str(session.directory))
    if session.cluster_name is not None:
        options += ("--current-cluster", session.cluster_name)
    return options
