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
    """Raises TarmakIamError."""
    from tarmak_iam.hook.access import Access
    from tarmak_iam.hook.processes import Programs

    return Access(Programs(dict(os.environ)), kubeconfig, context, tarmak_options(session)).kubectl(tell=note)


def tarmak_options(session: Session) -> tuple[str, ...]:
    """The session's own choice of directory and cluster, as Tarmak takes it."""
    options: tuple[str, ...] = ()
    if session.directory is not None:
        options += ("--config-directory", str(session.directory))
    if session.cluster_name is not None:
        options += ("--current-cluster", session.cluster_name)
    return options
