from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tarmak_iam.installation.images import DEFAULT_IMAGE
from tests.e2e import components
from tests.e2e.conftest import ADMIN, DAEMONS_OWN, Stage, set_up
from tests.e2e.control_plane import LONG, ControlPlane
from tests.e2e.node import cgroups
from tests.e2e.node.image import write_image
from tests.e2e.node.machine import PAUSE_IMAGE, NodeFiles, node
from tests.e2e.node.masters import Masters, make_master
from tests.e2e.node.network import isolated
from tests.e2e.processes import free_port, running
from tests.support.certificates import Authority
from tests.support.servers import Handler, serving

APPLY = ("apply", "--no-check")
OLDER = f"localhost:9/aws-iam-authenticator:{components.DAEMONS[1]}"


PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "kubelet", "kube-controller-manager", "kube-scheduler")
TOOLS = ("containerd", "ctr", "runc", "unshare", "setpriv", "mount", "ldd")
OVERLAY = "mount -t overlay overlay -o lowerdir=/var,upperdir={0}/upper,workdir={0}/work /var"
CONTROLLERS = (
    *("daemonset-controller", "garbage-collector-controller", "node-lifecycle-controller"),
    *("pod-garbage-collector-controller", "root-ca-certificate-publisher-controller", "serviceaccount-controller"),
    *("serviceaccount-token-controller", "taint-eviction-controller"),
)


def missing() -> Iterator[str]:
    """What a machine must have to run nodes: a reason for each thing that is not there."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield "nodes need Linux and root"
    yield from (f"{tool} is not installed" for tool in TOOLS if shutil.which(tool) is None)
    for name in PROGRAMS:
        if not components.program(name).exists():
            yield f"{name} {components.KUBERNETES} is not built: `make e2e` builds it"
    mounted = {path.name for path in cgroups.hierarchies()}
    if absent := [name for name in cgroups.HIERARCHIES if name not in mounted]:
        yield f"cgroups of version 1 are not mounted: {', '.join(absent)}"
    elif not os.access("/sys/fs/cgroup/memory/cgroup.procs", os.W_OK):
        yield "cgroups may not be written to"
    # It depends on the kernel, on capabilities and on what /tmp is.
    with tempfile.TemporaryDirectory() as directory:
        for name in ("upper", "work"):
            Path(directory, name).mkdir()
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc"]
        command = [*unshare, "sh", "-c", f"{OVERLAY.format(directory)} && mount -t tmpfs tmpfs /run"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"no namespaces of its own with an overlay on /var: {done.stderr.strip() or 'not allowed'}"


@contextmanager
def controllers(plane: ControlPlane) -> Iterator[None]:
    """kube-controller-manager and kube-scheduler: what a DaemonSet's status says is theirs. A node that says nothing is
    unknown after 15 seconds, instead of 40."""
    directory = plane.directory
    access = [f"--kubeconfig={directory / 'admin.kubeconfig'}", "--leader-elect=false", "--secure-port=0"]
    manager = [
        *access,
        f"--controllers={','.join(CONTROLLERS)}",
        f"--root-ca-file={directory / 'kubernetes.pem'}",
        f"--service-account-private-key-file={directory / 'service-accounts.key'}",
        "--node-monitor-grace-period=15s",
        "--node-monitor-period=1s",
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **LONG}
    with ExitStack() as stack:
        for name, args in (("kube-controller-manager", manager), ("kube-scheduler", access)):
            command: list[str | Path] = [components.program(name), *args]
            stack.enter_context(running(command, directory / f"{name}.log", environment, directory))
        yield


class _Registry(Handler):
    """One without an image, of the distribution API: what every name leads to that is not imported."""

    def do_GET(self) -> None:
        body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        self.answer(body, 200 if self.path == "/v2/" else 404)

    do_HEAD = do_GET


@pytest.fixture(scope="session")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    """One master, m1. Its containers' files do not stay, as other tests' do."""
    for reason in missing():
        pytest.skip(reason)
    os.umask(0o022)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what runs is ended then as well
    logs = tmp_path_factory.mktemp("node")
    with tempfile.TemporaryDirectory(prefix="tarmak-iam-") as made:
        directory = Path(made)
        try:
            with isolated(), _masters(directory) as found:
                yield found
        finally:
            for log in (*directory.glob("*.log"), *directory.glob("m?/*.log")):
                shutil.copy(log, logs / f"{log.parent.name}-{log.name}")


@contextmanager
def _masters(directory: Path) -> Iterator[Masters]:
    clients = Authority(directory, "kubelet-clients")
    api = clients.client("kube-apiserver", "kubernetes")
    certificate = (f"--kubelet-client-certificate={api.certificate}", f"--kubelet-client-key={api.key}")
    # Nobody asks for its address; it would be that of the default route, and there is none.
    flags = (*certificate, "--advertise-address=192.0.2.1")
    with (
        set_up(directory, components.KUBERNETES, *flags) as stage,
        controllers(stage.plane),
        serving(_Registry) as registry,
    ):
        port = int(registry.rpartition(":")[2])
        files = NodeFiles(
            directory / "admin.kubeconfig", clients.path, port, _images(directory, stage), stage.home.state
        )
        with node("m1", directory / "m1", free_port(), files) as first:
            make_master(stage.plane, first)
            yield Masters(stage, first)


def _images(directory: Path, stage: Stage) -> list[Path]:
    """The daemon's, under the name that `manifests` writes by default; it finds STS as in the other tests."""
    environment = {"HTTPS_PROXY": stage.sts.proxy, "SSL_CERT_FILE": "/etc/sts.pem", **DAEMONS_OWN}
    names = dict(zip(components.DAEMONS[:2], (DEFAULT_IMAGE, OLDER), strict=True))
    archives = []
    for release, name in names.items():
        program = directory / release / "aws-iam-authenticator"
        program.parent.mkdir()
        program.symlink_to(components.daemon(release))
        archives.append(directory / f"{release}.tar")
        files = {"etc/sts.pem": stage.sts_ca.read_bytes()}
        write_image(archives[-1], name, program, environment=environment, files=files)
    archives.append(directory / "pause.tar")
    write_image(archives[-1], PAUSE_IMAGE, Path("/bin/sleep"), "infinity")
    return archives


@pytest.fixture(autouse=True)
def _nothing_applied(masters: Masters) -> Iterator[None]:
    masters.clear()
    masters.stage.home.map(ADMIN)
    yield
    masters.clear()
