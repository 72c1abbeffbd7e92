"""`run` around the real tarmak: the commands that rewrite tarmak.yaml, to their end, and ended midway.

`run` also knows the commands and flags that tarmak's own help shows."""

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

from tarmak_iam.hook.tarmak.arguments import ALIASES, COMMANDS, GLOBAL, Flag
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

    def run(self, *args: str, code: int = 0) -> str:
        """What `run -- tarmak ARGS` says on both streams, its input a pipe."""
        done = subprocess.run(
            [*COMMAND, *args],
            input="",
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


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    if TARMAK.path is None:
        pytest.skip(TARMAK.reason)
    (tmp_path / "config").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tarmak").symlink_to(TARMAK.path)
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


STEPS = (
    ("Select an existing provider", "2"),
    ("unique name for this provider", "other"),
    ("Select a cloud", ""),
    ("credentials for this provider", ""),
    ("AWS profile", ""),
    ("Which prefix", ""),
    ("Which public DNS zone", "example.org"),
    ("Continue with this provider", ""),
    ("What do you want to do now", "2"),  # ignores that AWS was not asked
)


def test_the_help_of_every_command(yard: Yard) -> None:
    for path, own in ((), ()), *COMMANDS.items():
        command = [str(TARMAK.path), *path, "--help"]
        text = subprocess.run(command, capture_output=True, text=True, env=yard.environment, check=True).stdout
        assert flags(section(text, "Flags")) == set(own if path else GLOBAL), path
        if path:
            assert flags(section(text, "Global Flags")) == set(GLOBAL), path
        aliases = section(text, "Aliases").replace(",", "").split()[1:]
        assert {ALIASES.get(alias) for alias in aliases} <= set(path), path


def section(text: str, title: str) -> str:
    found = re.search(rf"^{title}:\n((?:.+\n)*)", text, re.MULTILINE)
    return found[1] if found else ""


def flags(text: str) -> set[Flag]:
    found = re.findall(r"^ +(?:-(\w), )?--([\w-]+)(?: (string)\b)?", text, re.MULTILINE)
    return {Flag(name, short, bool(value)) for short, name, value in found if name != "help"}


def test_set_current(yard: Yard) -> None:
    before = (EXAMPLES / "multi" / "tarmak.yaml").read_text()
    before = before.replace("currentCluster: prod-blue", "currentCluster:  prod-blue")
    yard.config.write_text(before)
    note = f"tarmak-iam: {yard.config}: note: restored comments and layout of tarmak.yaml; "
    assert yard.run("clusters", "set-current", "prod-blue") == f"{note}tarmak changed no value\n"
    assert (yard.config.read_text(), yard.beside) == (before, {})
    said = yard.run("clusters", "set-current", "dev-other", code=1)
    assert "Failed to find cluster 'dev-other' in config" in said
    assert "tarmak-iam" not in said
    assert (yard.config.read_text(), yard.beside) == (before, {})
    assert yard.run("clusters", "set-current", "prod-green") == f"{note}currentCluster: prod-blue -> prod-green\n"
    after = before.replace("currentCluster:  prod-blue", "currentCluster:  prod-green")
    assert (yard.config.read_text(), yard.beside) == (after, {})


ENVIRONMENT = (
    ("Select an existing provider", "1"),
    ("unique name for this environment", "new"),
    ("project name", ""),
    ("contact mail", ""),
    ("In which region", "1"),
    ("Continue with this environment", ""),
)


def test_clusters_init_writes_four_times(yard: Yard) -> None:
    """An environment, its hub, the cluster, and the current cluster."""
    authority = Authority(yard.root, "ec2")
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    with ec2_on_loopback(authority.server("ec2-server", *HOSTS)) as proxy:
        yard.environment |= {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(authority.path), **keys}
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


@pytest.mark.parametrize("blocks", [0, 5])
def test_a_disk_that_is_full(yard: Yard, blocks: int) -> None:
    """However much of the file Tarmak could write, the whole one is back, and the piece lies beside it."""
    program, real = yard.root / "bin" / "tarmak", yard.root / "bin" / "tarmak.real"
    program.rename(real)
    program.write_text(f'#!/bin/sh\nulimit -f {blocks}\nexec {real} "$@"\n')  # of 512 bytes each
    program.chmod(0o755)
    said = yard.run("clusters", "set-current", "dev-cluster", code=1)
    assert "file too large" in said
    assert f"tarmak-iam: {yard.config}: error: tarmak left a broken file: " in said
    assert "; restored the previous text" in said
    assert yard.config.read_text() == BEFORE
    assert {name: len(text) for name, text in yard.beside.items()} == (
        {"tarmak.yaml.broken-1": 512 * blocks} if blocks else {}
    )


def tarmak_below(yard: Yard, pid: int) -> int:
    """The process of the real tarmak that a `run` has started."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if os.path.realpath(f"/proc/{child}/exe") == os.path.realpath(yard.root / "bin" / "tarmak"):
                return int(child)
    raise AssertionError("no tarmak runs")


def test_a_run_that_is_asked_to_end_asks_tarmak(yard: Yard) -> None:
    """Which shuts down at the second SIGTERM: one that comes too early is lost in its handler. What the wizard has
    written before is there."""
    ran = yard.start("environments", "init")
    answer(ran, *STEPS)
    ran.until("unique name for this environment")
    tarmak = Path(f"/proc/{tarmak_below(yard, ran.pid)}")
    os.kill(ran.pid, signal.SIGTERM)
    ran.until("attempting to shutdown gracefully")
    for _ in range(300):
        with contextlib.suppress(ProcessLookupError):
            os.kill(ran.pid, signal.SIGTERM)
        time.sleep(0.1)
        if not tarmak.exists():
            break
    assert ran.ended() == 128 + signal.SIGTERM
    assert ran.text.endswith(": note: restored comments and layout of tarmak.yaml; provider other added\n")
    after = yard.config.read_text()
    assert after.startswith(BEFORE)
    assert "bucketPrefix: other-tarmak-" in after.removeprefix(BEFORE)
    assert yard.beside == {}


# What AWS's SDK says depends on where it looks for credentials, and on what it finds there.
FROM_AWS = r"error: tarmak clusters kubeconfig failed: error getting image IDs: \w+: [^\n]+"
ADVICE = (
    "; run `tarmak --current-cluster dev-cluster clusters kubeconfig` to see why, or specify a kubeconfig with "
    "--kubeconfig\n"
)


def applied(yard: Yard) -> str:
    """What `apply` says that cannot get a kubeconfig."""
    command = [sys.executable, "-m", "tarmak_iam", "apply", "--no-check"]
    done = subprocess.run(command, capture_output=True, text=True, env=yard.environment, check=False)
    assert done.returncode == 2
    assert "secret" not in done.stderr
    return done.stderr


def test_the_kubeconfig_without_aws(yard: Yard) -> None:
    """What `apply` says where Tarmak cannot make it, without credentials and with them; then of a cluster that does not
    answer, where Tarmak asks AWS for another way to it: what has failed first is said too."""
    directory = yard.config.parent / "dev-cluster"
    directory.mkdir()
    (directory / "aws-iam-authenticator.yaml").write_text(MAPPINGS)
    for more in ({}, {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}):
        yard.environment |= more
        said = applied(yard)
        assert re.fullmatch(f"getting the cluster's kubeconfig from tarmak\n{FROM_AWS}{re.escape(ADVICE)}", said)
        assert "before that" not in said
    yard.config.write_text(BEFORE.replace("      public: yes\n", ""))
    authority = Authority(yard.root, "kubernetes")
    admin = authority.client("admin", "system:masters")
    (directory / "kubeconfig").write_text(admin_kubeconfig("https://127.0.0.1:1", authority.pem, admin))
    before = r"; before that: error connecting to cluster: [^\n]*127\.0\.0\.1:1: connect: connection refused"
    assert re.search(f"{FROM_AWS}{before}{re.escape(ADVICE)}", applied(yard))
