"""What SECURITY.md claims of commands that only read: in a directory of another user they start no program, and open
no connection."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ADMIN, EXAMPLES, ROOT
from tests.support.work_trees import Work, needs_git, new_work

pytestmark = needs_git
TRUST = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}'
MAPPINGS = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: admin
    groups: ["system:masters"]
"""
WITHOUT_DISPLAY = dict.fromkeys(("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"), "")
_OPTIONS = ("-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,execveat,socket,connect", "-e", "signal=none")
_STARTED = re.compile(r"\bexecve(?:at)?\(.*\) = 0")
_NETWORK = re.compile(r"\b(?:socket|connect)\(.*AF_(?:INET|NETLINK|VSOCK)")


_SESSION = """\
import sys
from tarmak_iam.cli.main import main
for command in sys.argv[2:]:
    print("\\x1e" + command, flush=True)
    print("\\x1f" + str(int(main(["-c", sys.argv[1], *command.split()]))), flush=True)
"""
"""Calls commands one after the other, with characters around their output that they never print."""


@dataclass(frozen=True)
class Trap:
    """A cluster's directory in which git would run what its author wants: that leaves `marker` behind."""

    directory: Path
    marker: Path
    log: Path

    def traced(self, *commands: str) -> dict[str, str]:
        """What each command prints, after no program was started, and no connection opened."""
        environment = {**os.environ, **WITHOUT_DISPLAY, "PYTHONPATH": str(ROOT), "HOME": str(self.log.parent)}
        done = subprocess.run(
            ["strace", *_OPTIONS, "-o", str(self.log), sys.executable, "-c", _SESSION, str(self.directory), *commands],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            cwd=self.directory,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        )
        calls = self.log.read_text()
        assert len(_STARTED.findall(calls)) == 1, calls
        assert _NETWORK.findall(calls) == []
        assert not self.marker.exists()
        printed = {}
        for part in done.stdout.split("\x1e")[1:]:
            command, _, text = part.partition("\n")
            text, _, code = text.rpartition("\x1f")
            assert code in ("0\n", "1\n"), part
            assert text, command
            printed[command] = text
        assert list(printed) == list(commands)
        return printed


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    root = tmp_path_factory.mktemp("trap").resolve()
    work = new_work(root / "cluster")
    shutil.copytree(EXAMPLES / "single", work.root, dirs_exist_ok=True)
    mappings = work.root / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings.write_text(MAPPINGS)
    first = work.commit_all("Let the admin in")
    mappings.write_text(MAPPINGS.replace("username: admin", "username: kubernetes-admin"))
    work.commit_all("Another name", day=2)
    (work.root / "other.yaml").write_text(MAPPINGS)
    (work.root / "other.json").write_text(TRUST)
    gone = work.git("rev-parse", f"{first}:tarmak.yaml")
    marker = root / "marker"
    # Every setting of git's that runs something, by reading alone.
    settings = (ROOT / "tests" / "support" / "git_trap.ini").read_text(encoding="utf-8")
    set_up(work, settings.replace("MARKER", str(marker)), gone)
    return Trap(work.root, marker, root / "strace.log")


def set_up(work: Work, text: str, gone: str) -> None:
    """The settings, in the repository around the directory and in a bare one that lies in it; an object is missing."""
    git = work.root / ".git"
    (git / "hooks").mkdir(exist_ok=True)
    (git / "hooks" / "post-checkout").write_text("#!/bin/sh\n")
    (git / "config").write_text(text)
    (work.root / ".gitattributes").write_text("* filter=x diff=x\n")
    (work.root / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::sh\n\tupdate = !touch\n')
    for name in ("HEAD", "config", "index", "objects", "refs"):
        source = git / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, work.root / name)
    (git / "objects" / gone[:2] / gone[2:]).unlink()
    os.utime(work.root / "tarmak.yaml", (1, 1))


@pytest.fixture(scope="module")
def strace() -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    probe = subprocess.run(["strace", *_OPTIONS, "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"strace cannot trace here: {probe.stderr.strip()[:200]}")


def test_git_would_step_into_it(trap: Trap) -> None:
    work = Work(trap.directory)
    work.git("blame", "--", "dev-cluster/aws-iam-authenticator.yaml")
    assert trap.marker.exists()
    trap.marker.unlink()


COMMANDS = [
    "check",
    "check -o sarif",
    "diff --from other.yaml",
    "check --trust other.json",
    "report",
    "report --trust other.json",
    "trust check other.json",
    f"trust show {ADMIN}",
    "report -o html",
    "report -o json",
    "report --open",
    "render --output-dir ../rendered",
    "doctor .",
    f"whois {ADMIN}",
    "map list",
    "map convert --to EKSConfigMap",
    "manifests",
    "flags",
    "kubeconfig",
    "schema",
    "settings show",
    "show",
]


@pytest.mark.usefixtures("strace")
def test_nothing_is_started(trap: Trap) -> None:
    assert "Alice Example: Another name" in trap.traced(*COMMANDS)["report"]


@pytest.mark.usefixtures("strace")
def test_nothing_is_started_beside_a_bare_repository(trap: Trap) -> None:
    """It is not the one that the directory is in, whatever it has in it."""
    git = trap.directory / ".git"
    aside = git.rename(trap.log.parent / "aside")
    try:
        printed = trap.traced("report -o json")
    finally:
        aside.rename(git)
    assert '"history": "no git repository"' in printed["report -o json"]
