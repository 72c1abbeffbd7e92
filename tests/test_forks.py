"""What a fork server runs is as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import EXAMPLES, ROOT, fork_server
from tests.support.forks import TARMAK_IAM, forked


@pytest.mark.parametrize("words", ["--version", "check --current-cluster prod-blue", "nonsense"])
def test_the_same_is_said(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(EXAMPLES / "multi")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TARMAK_CONFIG": ".", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "tarmak_iam", *words.split()]
    expected = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    made = forked(TARMAK_IAM, *words.split(), environment=environment)
    assert (made.returncode, made.stdout, made.stderr) == (expected.returncode, expected.stdout, expected.stderr)
    assert made.stdout or made.stderr


def test_the_environment_is_the_callers(tmp_path: Path) -> None:
    made = forked(TARMAK_IAM, "show", environment={"TARMAK_CONFIG": str(tmp_path)})
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith(f"{tmp_path}: error: tarmak.yaml not found")


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel has no groups of sessions")
def test_a_session_is_as_nice_as_its_processes() -> None:
    program = (
        "import os; os.setsid(); nice = os.nice(7)\n"
        "from tests.support.fork_server import keep_niceness; keep_niceness()\n"
        "print(nice, open('/proc/self/autogroup').read().split()[-1])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    nice, of_the_session = done.stdout.split()
    assert int(nice) >= 7
    assert of_the_session == nice


class Stopped(Exception):
    """In place of a server that listens."""


def test_it_is_found_when_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, a call came in between and was refused."""
    path = tmp_path / "socket"
    found: list[bool] = []

    def listen(_: socket.socket, waiting: int) -> None:
        assert waiting > 1
        found.append(path.exists())

    def select(*_: object) -> None:
        found.append(path.exists())
        raise Stopped

    before = signal.getsignal(signal.SIGCHLD)
    monkeypatch.setattr(fork_server, "import_all", lambda: None)
    monkeypatch.setattr(socket.socket, "listen", listen)
    monkeypatch.setattr("select.select", select)
    try:
        with pytest.raises(Stopped):
            fork_server.serve(str(path))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert found == [False, True]
