"""The programs of end-to-end tests do not outlive them, and no two are told to listen on one port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import processes
from tests.support import ROOT

HANGS = """\
import pathlib, sys, time
from tests.e2e.processes import running
directory = pathlib.Path(sys.argv[1])
sleeps = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
with running(sleeps, directory / "log", {}, directory) as program:
    (directory / "pid").write_text(str(program.pid))
    time.sleep(600)
"""

TAKES = """\
import sys
from tests.e2e import processes
print(processes.free_port(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with the one that started them")
def test_they_end_with_tests_that_are_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HANGS, str(tmp_path)], env=environment) as tests:
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and pid.read_text() != "" and (tmp_path / "log").read_text() != "")
        os.kill(tests.pid, signal.SIGKILL)
    wait_until(lambda: has_ended(int(pid.read_text())))


def test_a_port_is_given_to_one_process_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing listens there yet."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(processes, "_given", set[int]())
    processes._locked_ports.cache_clear()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", TAKES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            port = int(other.stdout.readline())
            monkeypatch.setattr(processes, "_ports", lambda: range(port, port + 2))
            assert processes.free_port() == port + 1
            with pytest.raises(AssertionError, match=f"no port of range.{port}, {port + 2}. is free"):
                processes.free_port()
            other.stdin.close()
        assert processes.free_port() == port
    finally:
        os.close(processes._locked_ports())
        processes._locked_ports.cache_clear()


def has_ended(pid: int) -> bool:
    """Or only waits to be noticed by whoever it was left to."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
