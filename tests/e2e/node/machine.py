"""A node: containerd and kubelet in namespaces of their own, everything that they write below one directory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.e2e import components
from tests.e2e.control_plane import LONG
from tests.e2e.node import cgroups
from tests.e2e.processes import running

__all__ = ["PAUSE_IMAGE", "Node", "NodeFiles", "node"]

PAUSE_IMAGE = "localhost:9/pause:1"
_HERE = Path(__file__).parent
_CONFLIST = {"cniVersion": "0.4.0", "name": "none", "plugins": [{"type": "loopback"}]}
"""A pod network in name: the pods here use the node's."""


class NodeFiles(NamedTuple):
    """What a node is given: the kubeconfig of its kubelet, the authority of whoever may ask the kubelet, the port of
    the registry that every name leads to, archives of images, and what /var/aws-iam-authenticator has."""

    kubeconfig: Path
    clients: Path
    registry: int
    images: Sequence[Path]
    state: Path


@dataclass
class Node:
    name: str
    directory: Path
    kubelet_port: int
    process: int
    """The process id of its first process."""
    cgroup: str

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def ctr(self, *args: str | Path) -> str:
        command = ["ctr", "--address", self.directory / "containerd.sock", "--namespace", "k8s.io", *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def processes_of(self, program: str) -> list[int]:
        """Those in its containers."""
        return cgroups.member(self.cgroup, program)

    @contextmanager
    def without_pod_network(self) -> Iterator[None]:
        """As before the pod network is installed: the node is not ready."""
        (conflist,) = (self.directory / "cni").iterdir()
        text = conflist.read_text()
        conflist.unlink()
        try:
            yield
        finally:
            conflist.write_text(text)  # a file that is moved here containerd would not notice

    @contextmanager
    def stopped_kubelet(self) -> Iterator[None]:
        """As a node that hangs, or cannot reach the API server; containers go on."""
        (kubelet,) = self._kubelets()
        os.kill(kubelet, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(kubelet, signal.SIGCONT)

    @contextmanager
    def short_of(self, *signals: str) -> Iterator[None]:
        """The kubelet wants more of them than there is: memory.available, nodefs.available, pid.available."""
        try:
            self._restart_kubelet(*signals)
            yield
        finally:
            self._restart_kubelet()

    def _restart_kubelet(self, *signals: str) -> None:
        self.write_kubelet_config(*signals)
        for pid in self._kubelets():
            os.kill(pid, signal.SIGKILL)  # its first process starts it again

    def _kubelets(self) -> list[int]:
        return [pid for pid in _children_of(self.process) if "kubelet" in cgroups.command_line(pid)]

    def write_kubelet_config(self, *short_of: str) -> None:
        authentication = {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(self.directory / "clients.pem")},
        }
        own = {
            "port": self.kubelet_port,
            "authentication": authentication,
            "containerRuntimeEndpoint": f"unix://{self.directory}/containerd.sock",
            "cgroupRoot": f"/{self.cgroup}",
            # A hard threshold would be a reservation, which may not be more than there is.
            "evictionSoft": dict.fromkeys(short_of, "1000Ti"),
            "evictionSoftGracePeriod": dict.fromkeys(short_of, "1s"),
        }
        common = json.loads((_HERE / "kubelet.json").read_text(encoding="utf-8"))
        (self.directory / "kubelet.json").write_text(json.dumps(common | own))


@contextmanager
def node(name: str, directory: Path, port: int, files: NodeFiles) -> Iterator[Node]:
    """Until it has registered is waited for by the caller, who knows the API server. `port` is its kubelet's."""
    group = f"{cgroups.PREFIX}{os.getpid()}-{name}"
    made = Node(name, directory, port, 0, group)
    _prepare(made, files)
    namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    unshare: list[str | Path] = ["unshare", *namespaces, sys.executable, _HERE / "inside.py", directory]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **LONG}
    with ExitStack() as stack:
        stack.enter_context(cgroups.cgroup(group))
        ended_with_us = ["setpriv", "--pdeathsig", "KILL", *unshare]
        outer = stack.enter_context(running(ended_with_us, directory / "node.log", environment, directory))
        outer.wait_until(lambda: bool(_children_of(outer.pid)))
        (made.process,) = _children_of(outer.pid)
        stack.callback(os.kill, made.process, signal.SIGKILL)
        outer.wait_until((directory / "containerd.sock").exists)
        for archive in files.images:
            made.ctr("images", "import", archive)
        yield made


def _prepare(made: Node, files: NodeFiles) -> None:
    directory = made.directory
    for name in ("var", "work", "cni", "cni-bin", "certs.d/_default"):
        (directory / name).mkdir(parents=True)
    containerd = (_HERE / "containerd.toml").read_text(encoding="utf-8")
    (directory / "containerd.toml").write_text(containerd.format(directory=directory, pause=PAUSE_IMAGE))
    # No name leads outside: where nothing is configured for a registry, the one on loopback is asked.
    hosts = f'server = "http://localhost:{files.registry}"\n'
    (directory / "certs.d" / "_default" / "hosts.toml").write_text(hosts)
    (directory / "cni" / "none.conflist").write_text(json.dumps(_CONFLIST))
    shutil.copy(files.clients, directory / "clients.pem")
    shutil.copytree(files.state, directory / "var" / "aws-iam-authenticator")
    made.write_kubelet_config()
    kubelet: list[str | Path] = [
        components.program("kubelet"),
        f"--config={directory / 'kubelet.json'}",
        f"--kubeconfig={files.kubeconfig}",
        f"--root-dir={directory / 'kubelet'}",
        f"--cert-dir={directory / 'kubelet-pki'}",
        f"--hostname-override={made.name}",
        # Its addresses are then left to a cloud provider, whom the tests stand in for: it takes none on loopback.
        "--cloud-provider=external",
    ]
    programs = {"containerd": ["containerd", "--config", directory / "containerd.toml"], "kubelet": kubelet}
    (directory / "programs.json").write_text(json.dumps(programs, default=str))


def _children_of(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, ppid, *_ = path.read_text().rpartition(")")[2].split()
            if int(ppid) == parent and state != "Z":
                found.append(int(path.parent.name))
    return found
