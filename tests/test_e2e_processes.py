"""The programs of end-to-end tests do not outlive them, and no two are told to listen on one port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with the one that started them")
def test_they_end_with_tests_that_are_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HANGS, str(tmp_path)], env=environment) as tests:
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and pid.read_text() != "" and (tmp_path / "log").read_text() != "")
        os.kill(tests.pid, signal.SIGKILL)
    wait_until(lambda: has_ended(int(pid.read_text())))


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
