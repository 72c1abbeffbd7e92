"""What a machine must have to run nodes: a reason for each thing that is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.e2e import components
from tests.e2e.node import cgroups

__all__ = ["PROGRAMS", "missing", "try_namespaces"]

_TOOLS = ("containerd", "ctr", "runc", "unshare", "setpriv", "mount", "ldd")
PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "kubelet", "kube-controller-manager", "kube-scheduler")
_TRIED = (
    "mount -t overlay overlay -o lowerdir=/var,upperdir={0}/upper,workdir={0}/work /var && mount -t tmpfs tmpfs /run"
)


def missing() -> str | None:
    """The first reason why no node runs here; None where one does."""
    return next(_reasons(), None)


def _reasons() -> Iterator[str]:
    if sys.platform != "linux":
        yield "nodes run on Linux only"
    if os.geteuid() != 0:
        yield "nodes need root"
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            yield f"{tool} is not installed"
    for name in PROGRAMS:
        if not components.program(name).exists():
            yield f"{name} {components.KUBERNETES} is not built: `make e2e` builds it"
    mounted = {path.name for path in cgroups.hierarchies()}
    if absent := [name for name in cgroups.HIERARCHIES if name not in mounted]:
        yield f"cgroups of version 1 are not mounted: {', '.join(absent)}"
    elif not os.access("/sys/fs/cgroup/memory/cgroup.procs", os.W_OK):
        yield "cgroups may not be written to"
    if error := try_namespaces():
        yield f"no namespaces of its own with an overlay on /var: {error}"


def try_namespaces() -> str:
    """What is in the way of them, "" for nothing: it depends on the kernel, on capabilities and on what /tmp is."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("upper", "work"):
            Path(directory, name).mkdir()
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc"]
        command = [*unshare, "sh", "-c", _TRIED.format(directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or "not allowed") if done.returncode else ""
