"""kube-controller-manager and kube-scheduler: what a DaemonSet's status says is theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e import components
from tests.e2e.control_plane import LONG, ControlPlane
from tests.e2e.processes import running

__all__ = ["controllers"]

_CONTROLLERS = (
    "daemonset-controller",
    "garbage-collector-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "taint-eviction-controller",
)


@contextmanager
def controllers(plane: ControlPlane) -> Iterator[None]:
    """A node that says nothing is unknown after 15 seconds, instead of 40."""
    directory = plane.directory
    access = [f"--kubeconfig={directory / 'admin.kubeconfig'}", "--leader-elect=false", "--secure-port=0"]
    manager: list[str] = [
        str(components.program("kube-controller-manager")),
        *access,
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--root-ca-file={directory / 'kubernetes.pem'}",
        f"--service-account-private-key-file={directory / 'service-accounts.key'}",
        "--node-monitor-grace-period=15s",
        "--node-monitor-period=1s",
    ]
    scheduler = [str(components.program("kube-scheduler")), *access]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **LONG}
    with (
        running(manager, directory / "kube-controller-manager.log", environment, directory),
        running(scheduler, directory / "kube-scheduler.log", environment, directory),
    ):
        yield
