from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tarmak_iam.installation.images import DEFAULT_IMAGE
from tests.e2e import components
from tests.e2e.conftest import PRINCIPALS, Stage
from tests.e2e.control_plane import control_plane
from tests.e2e.installation import Home
from tests.e2e.node import requirements
from tests.e2e.node.controllers import controllers
from tests.e2e.node.image import write_image
from tests.e2e.node.machine import PAUSE_IMAGE, Node, NodeFiles, node
from tests.e2e.node.masters import Masters, make_master
from tests.e2e.node.network import isolated
from tests.e2e.processes import free_port
from tests.e2e.sts import StsRun, sts_on_loopback
from tests.support.certificates import Authority
from tests.support.servers import Handler, serving

ADMIN = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: "admin:{{SessionName}}", groups: ["system:masters"]}
"""
DEPLOYER = '  - {roleARN: "arn:aws:iam::111122223333:role/Deployer", username: deployer, groups: [deployers]}\n'
APPLY = ("apply", "--no-check")
"""The webhook file of these tests lies elsewhere than on Tarmak's masters, which check calls an error."""
OLDER = f"localhost:9/aws-iam-authenticator:{components.DAEMONS[1]}"


class _Registry(Handler):
    """One without an image, of the distribution API: what every name leads to that is not imported."""

    def do_GET(self) -> None:
        body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        self.answer(body, 200 if self.path == "/v2/" else 404)

    do_HEAD = do_GET


@pytest.fixture(scope="session")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    """One master, m1. Its containers' files do not stay, as other tests' do."""
    reason = requirements.missing()
    if reason is not None:
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
    home = Home.make(directory)
    authority, clients = Authority(directory, "sts"), Authority(directory, "kubelet-clients")
    api = clients.client("kube-apiserver", "kubernetes")
    flags = [f"--kubelet-client-certificate={api.certificate}", f"--kubelet-client-key={api.key}"]
    # Nobody asks for it; it would be the address of the default route, and there is none.
    flags.append("--advertise-address=192.0.2.1")
    hosts = ("sts.amazonaws.com", "sts.eu-west-1.amazonaws.com")
    principals = {each.access_key_id: each for each in PRINCIPALS.values()}
    with (
        sts_on_loopback(authority.server("sts-server", *hosts), principals) as sts,
        control_plane(directory, [*home.flags, *flags]) as plane,
        controllers(plane),
        serving(_Registry) as registry,
    ):
        home.reach(plane)
        images = _images(directory, sts, authority)
        files = NodeFiles(
            directory / "admin.kubeconfig", clients.path, int(registry.rpartition(":")[2]), images, home.state
        )
        with node("m1", directory / "m1", free_port(), files) as first:
            make_master(plane, first)
            yield Masters(Stage(home, plane, sts, authority.path), files, directory, first)


def _images(directory: Path, sts: StsRun, authority: Authority) -> list[Path]:
    """The daemon's, under the name that `manifests` writes by default; it finds STS as in the other tests."""
    environment = {
        "HTTPS_PROXY": sts.proxy,
        "SSL_CERT_FILE": "/etc/sts.pem",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "AKIADAEMON0000000000",
        "AWS_SECRET_ACCESS_KEY": "unused",
    }
    names = dict(zip(components.DAEMONS[:2], (DEFAULT_IMAGE, OLDER), strict=True))
    archives = []
    for release, name in names.items():
        program = directory / release / "aws-iam-authenticator"
        program.parent.mkdir()
        program.symlink_to(components.daemon(release))
        archives.append(directory / f"{release}.tar")
        files = {"etc/sts.pem": authority.path.read_bytes()}
        write_image(archives[-1], [name], program, environment=environment, files=files)
    archives.append(directory / "pause.tar")
    write_image(archives[-1], [PAUSE_IMAGE], Path("/bin/sleep"), "infinity")
    return archives


@pytest.fixture
def first(masters: Masters) -> Node:
    return masters.first


@pytest.fixture(autouse=True)
def _nothing_applied(masters: Masters) -> Iterator[None]:
    masters.clear()
    masters.stage.home.map(ADMIN)
    yield
    masters.clear()
