"""The programs of end-to-end tests do not outlive them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import ROOT

HANGS = """\
import pathlib, sys, time
from tests.e2e.processes import running
directory = pathlib.Path(sys.argv[1])
sleeps = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
with running(sleeps, directory / "log", {}, directory) as program:
    program.wait_until(lambda: program.text != "")
    print(program.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with the one that started them")
def test_they_end_with_tests_that_are_killed(tmp_path: Path) -> None:
    command, environment = [sys.executable, "-c", HANGS, str(tmp_path)], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        stat = Path(f"/proc/{int(tests.stdout.readline())}/stat")
        os.kill(tests.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    # It may still wait to be noticed by whoever it was left to.
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
        assert time.monotonic() < deadline
        time.sleep(0.01)
