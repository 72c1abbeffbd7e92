"""Options of the commands that work on the live cluster, and the kubectl that they come to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.output import note
from tarmak_iam.cli.session import Session

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.kubectl import Kubectl

__all__ = ["access_options", "kubectl_of", "tarmak_options"]

_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The admin's kubeconfig. Default: what `tarmak clusters kubeconfig` names.",
    ),
    click.option("--context", "kube_context", metavar="NAME", help="Context of the kubeconfig."),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--kubeconfig and --context, as `kubeconfig` and `kube_context`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def kubectl_of(session: Session, kubeconfig: Path | None, context: str | None) -> Kubectl:
    """With a context alone, kubectl's own choice of a file counts. Raises TarmakIamError."""
    from tarmak_iam.errors import FileError, Place
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.hook.processes import Programs
    from tarmak_iam.hook.tarmak.kubeconfig import cluster_kubeconfig

    programs = Programs(dict(os.environ))
    if kubeconfig is None and context is None:
        note("asking tarmak for the cluster's kubeconfig")
        kubeconfig = cluster_kubeconfig(programs, tarmak_options(session))
    elif kubeconfig is not None and not kubeconfig.is_file():
        # kubectl would take a missing file for an empty one, and ask localhost:8080.
        raise FileError("there is no such kubeconfig", remedy="check the path", place=Place(str(kubeconfig)))
    return Kubectl(programs, kubeconfig, context, tell=note)


def tarmak_options(session: Session) -> tuple[str, ...]:
    """The session's own choice of directory and cluster, as Tarmak takes it."""
    options: tuple[str, ...] = ()
    if session.directory is not None:
        options += ("--config-directory", str(session.directory))
    if session.cluster_name is not None:
        options += ("--current-cluster", session.cluster_name)
    return options
