"""`run` around the real tarmak: the commands that rewrite tarmak.yaml, to their end, and ended midway."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e import tarmak_build
from tests.e2e.control_plane import admin_kubeconfig
from tests.e2e.ec2 import HOSTS, ec2_on_loopback
from tests.hook.conftest import Ran
from tests.support import EXAMPLES, ROOT
from tests.support.certificates import Authority

TARMAK = tarmak_build.available()
COMMAND = [sys.executable, "-m", "tarmak_iam", "run", "--", "tarmak"]
TEXT = (EXAMPLES / "single" / "tarmak.yaml").read_text()
UNKNOWN = "x-owner: payments   # read by our own scripts\n"
MAPPINGS = """\
clusterID: dev-cluster
server:
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: admin, groups: ["system:masters"]}
"""
BEFORE = TEXT.replace("clusters:\n", f"{UNKNOWN}clusters:\n", 1)


@dataclass
class Yard:
    """A directory with tarmak.yaml, its tarmak the real one. AWS is not there but for what `proxy` leads to."""

    root: Path
    environment: dict[str, str]
    running: list[Ran] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.root / "config" / "tarmak.yaml"

    @property
    def beside(self) -> dict[str, str]:
        """What lies there beside it, without directories."""
        files = [path for path in self.config.parent.iterdir() if path.is_file() and path != self.config]
        return {path.name: path.read_text() for path in files}

    @property
    def is_untouched(self) -> bool:
        return (self.config.read_text(), self.beside) == (BEFORE, {})

    def run(self, *args: str, code: int = 0, typed: str = "") -> str:
        """What `run -- tarmak ARGS` says on both streams, its input a pipe."""
        done = subprocess.run(
            [*COMMAND, *args],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            check=False,
        )
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def start(self, *args: str) -> Ran:
        """The same, on a terminal of its own."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.execvpe(sys.executable, [*COMMAND, *args], self.environment)
            finally:
                os._exit(127)
        self.running.append(Ran(pid, terminal))
        return self.running[-1]

    def limit_files(self, blocks: int) -> None:
        """From now on no file of tarmak's grows over so many 512 bytes, as on a disk that is full."""
        program, real = self.root / "bin" / "tarmak", self.root / "bin" / "tarmak.real"
        program.rename(real)
        program.write_text(f'#!/bin/sh\nulimit -f {blocks}\nexec {real} "$@"\n')
        program.chmod(0o755)


@pytest.fixture(params=[pytest.param(TARMAK, id=TARMAK.name)])
def yard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Yard]:
    tarmak: tarmak_build.Tarmak = request.param
    if tarmak.path is None:
        pytest.skip(tarmak.reason)
    (tmp_path / "config").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tarmak").symlink_to(tarmak.path)
    environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "TARMAK_CONFIG": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    yard = Yard(tmp_path, environment)
    yard.config.write_text(BEFORE)
    yield yard
    for ran in yard.running:
        ran.close()


def answer(ran: Ran, *steps: tuple[str, str]) -> None:
    """Waits for each question, and types the answer."""
    for question, text in steps:
        ran.until(question)
        ran.text = ""
        ran.send(f"{text}\r")


PROVIDER = (
    ("unique name for this provider", "other"),
    ("Select a cloud", ""),
    ("credentials for this provider", ""),
    ("AWS profile", ""),
    ("Which prefix", ""),
    ("Which public DNS zone", "example.org"),
    ("Continue with this provider", ""),
    ("What do you want to do now", "2"),  # ignores that AWS was not asked
)
STEPS = (("Select an existing provider", "2"), *PROVIDER)


def test_set_current(yard: Yard) -> None:
    yard.config.write_text(BEFORE.replace("currentCluster: dev-cluster   #", "currentCluster:  dev-cluster   #"))
    before = yard.config.read_text()
    said = yard.run("clusters", "set-current", "dev-cluster")
    assert (
        said
        == f"tarmak-iam: {yard.config}: note: restored comments and layout of tarmak.yaml; tarmak changed no value\n"
    )
    assert (yard.config.read_text(), yard.beside) == (before, {})


def test_another_current_cluster(yard: Yard) -> None:
    before = (EXAMPLES / "multi" / "tarmak.yaml").read_text()
    yard.config.write_text(before)
    assert "currentCluster: prod-blue -> prod-green" in yard.run("clusters", "set-current", "prod-green")
    lines = [
        (old, new)
        for old, new in zip(before.splitlines(), yard.config.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert [new for _, new in lines] == [old.replace("prod-blue", "prod-green") for old, _ in lines]
    assert len(lines) == 1


def test_a_cluster_that_is_not_there(yard: Yard) -> None:
    said = yard.run("clusters", "set-current", "dev-other", code=1)
    assert "Failed to find cluster 'dev-other' in config" in said
    assert "tarmak-iam" not in said
    assert yard.is_untouched


def test_providers_init(yard: Yard) -> None:
    ran = yard.start("providers", "init")
    answer(ran, *PROVIDER)
    assert ran.ended() == 0
    assert ran.text.endswith(
        f"tarmak-iam: {yard.config}: note: restored comments and layout of tarmak.yaml; provider other added\n"
    )
    after = yard.config.read_text()
    assert after.startswith(BEFORE)
    assert "bucketPrefix: other-tarmak-" in after.removeprefix(BEFORE)
    assert yard.beside == {}


@pytest.fixture
def ec2(yard: Yard, tmp_path: Path) -> Iterator[None]:
    authority = Authority(tmp_path, "ec2")
    with ec2_on_loopback(authority.server("ec2-server", *HOSTS)) as proxy:
        yard.environment |= {
            "HTTPS_PROXY": proxy,
            "SSL_CERT_FILE": str(authority.path),
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        yield


ENVIRONMENT = (
    ("Select an existing provider", "1"),
    ("unique name for this environment", "new"),
    ("project name", ""),
    ("contact mail", ""),
    ("In which region", "1"),
    ("Continue with this environment", ""),
)


@pytest.mark.usefixtures("ec2")
def test_clusters_init_writes_four_times(yard: Yard) -> None:
    """An environment, its hub, the cluster, and the current cluster."""
    ran = yard.start("clusters", "init")
    answer(ran, ("Select environment", "2"), *ENVIRONMENT)
    answer(ran, ("What kind of cluster", "2"), ("select availabilty zones", "4"))
    answer(ran, ("unique name for this cluster", "blue"), ("Continue with this cluster", ""))
    assert ran.ended() == 0
    changes = "currentCluster: dev-cluster -> new-blue, cluster new-hub added, cluster new-blue added"
    assert ran.text.endswith(f": note: restored comments and layout of tarmak.yaml; {changes}, environment new added\n")
    after = yard.config.read_text()
    clusters, middle, end = (BEFORE.partition(f"\n{key}:")[0] for key in ("environments", "providers", "nothing"))
    assert after.startswith(clusters.replace("currentCluster: dev-cluster", "currentCluster: new-blue"))
    assert middle.removeprefix(clusters) in after
    assert after.endswith(end.removeprefix(middle))
    assert yard.beside == {}


def test_environments_destroy_without_aws(yard: Yard) -> None:
    """It asks, and fails as it looks at the credentials: nothing is removed."""
    ran = yard.start("environments", "destroy", "dev")
    answer(ran, ("Destroy all clusters of dev?", "y"))
    assert ran.ended() == 1
    assert "tarmak-iam" not in ran.text
    assert yard.is_untouched


@pytest.mark.parametrize("blocks", [0, 1, 5, 7])
def test_a_disk_that_is_full(yard: Yard, blocks: int) -> None:
    """However much of the file Tarmak could write, the whole one is back, and the piece lies beside it."""
    yard.limit_files(blocks)
    said = yard.run("clusters", "set-current", "dev-cluster", code=1)
    assert "file too large" in said
    assert f"tarmak-iam: {yard.config}: error: tarmak left a broken file: " in said
    assert "; restored the previous text" in said
    assert yard.config.read_text() == BEFORE
    assert {name: len(text) for name, text in yard.beside.items()} == (
        {"tarmak.yaml.broken-1": 512 * blocks} if blocks else {}
    )


def tarmak_below(yard: Yard, pid: int) -> int | None:
    """The process of the real tarmak that a `run` has started."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if os.path.realpath(f"/proc/{child}/exe") == os.path.realpath(yard.root / "bin" / "tarmak"):
                return int(child)
    return None


def terminate(target: int, tarmak: int) -> None:
    """Until tarmak is gone: one SIGTERM more is enough, but one that comes too early is lost in its handler."""
    for _ in range(30):
        with contextlib.suppress(ProcessLookupError):
            os.kill(target, signal.SIGTERM)
        again = time.monotonic() + 1
        while time.monotonic() < again:
            if not Path(f"/proc/{tarmak}").exists():
                return
            time.sleep(0.01)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_killed_after_a_part_of_the_wizard(yard: Yard, signum: signal.Signals) -> None:
    """What it has written is there; Tarmak shuts down at the second SIGTERM."""
    ran, pid = asking(yard, "environments", "init", steps=STEPS, question="unique name for this environment")
    os.kill(pid, signum)
    if signum == signal.SIGTERM:
        ran.until("attempting to shutdown gracefully")
        terminate(pid, pid)
    assert ran.ended() == 128 + signum
    assert ran.text.endswith(": note: restored comments and layout of tarmak.yaml; provider other added\n")
    assert yard.config.read_text().startswith(BEFORE)
    assert yard.beside == {}


def asking(yard: Yard, *command: str, steps: tuple[tuple[str, str], ...] = (), question: str) -> tuple[Ran, int]:
    """A wizard that waits for an answer, and the process of its tarmak."""
    ran = yard.start(*command)
    answer(ran, *steps)
    ran.until(question)
    pid = tarmak_below(yard, ran.pid)
    assert pid is not None
    return ran, pid


def test_a_run_that_is_asked_to_end_asks_tarmak(yard: Yard) -> None:
    ran, pid = asking(yard, "providers", "init", question="unique name for this provider")
    os.kill(ran.pid, signal.SIGTERM)
    ran.until("attempting to shutdown gracefully")
    terminate(ran.pid, pid)
    assert ran.ended() == 128 + signal.SIGTERM
    assert yard.is_untouched


def test_a_run_that_is_killed_is_made_up_for_by_the_next(yard: Yard) -> None:
    ran, pid = asking(yard, "environments", "init", steps=STEPS, question="unique name for this environment")
    os.kill(ran.pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert ran.ended() == -signal.SIGKILL
    assert "#" not in yard.config.read_text()
    said = yard.run("clusters", "set-current", "dev-cluster")
    assert "note: restored comments and layout from tarmak.yaml.before-1" in said
    assert yard.config.read_text().startswith(BEFORE)
    assert yard.beside == {}


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
# What AWS's SDK says depends on where it looks for credentials, and on what it finds there.
FROM_AWS = r"error: tarmak clusters kubeconfig failed: error getting image IDs: \w+: [^\n]+"
ADVICE = (
    "; run `tarmak --current-cluster dev-cluster clusters kubeconfig` to see why, or specify a kubeconfig with "
    "--kubeconfig\n"
)


def applied(yard: Yard, more: dict[str, str]) -> str:
    """What `apply` says that cannot get a kubeconfig."""
    mappings = yard.config.parent / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings.parent.mkdir(exist_ok=True)
    mappings.write_text(MAPPINGS)
    command = [sys.executable, "-m", "tarmak_iam", "apply", "--no-check"]
    environment = {**yard.environment, **more}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "secret" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("more", [{}, CREDENTIALS], ids=["no credentials", "credentials"])
def test_the_kubeconfig_without_aws(yard: Yard, more: dict[str, str]) -> None:
    """What `apply` says where Tarmak cannot make it; then of a cluster that does not answer, where Tarmak asks AWS for
    another way to it: what has failed first is said too, whatever AWS's SDK says."""
    said = applied(yard, more)
    assert re.fullmatch(f"getting the cluster's kubeconfig from tarmak\n{FROM_AWS}{re.escape(ADVICE)}", said)
    assert "before that" not in said
    yard.config.write_text(BEFORE.replace("      public: yes\n", ""))
    authority = Authority(yard.root, "kubernetes")
    admin = authority.client("admin", "system:masters")
    text = admin_kubeconfig("https://127.0.0.1:1", authority.pem, admin)
    (yard.config.parent / "dev-cluster" / "kubeconfig").write_text(text)
    before = r"; before that: error connecting to cluster: [^\n]*127\.0\.0\.1:1: connect: connection refused"
    assert re.search(f"{FROM_AWS}{before}{re.escape(ADVICE)}", applied(yard, more))
