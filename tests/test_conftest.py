from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.privileges import modes_hold


def test_interrupts_are_heard_where_a_script_in_the_background_has_them_ignored() -> None:
    program = (
        "import signal; before = signal.getsignal(signal.SIGINT); import tests.conftest; "
        "print(before.name, signal.getsignal(signal.SIGINT).__name__, signal.getsignal(signal.SIGQUIT).name)"
    )
    script = 'trap "" INT QUIT; exec "$0" -c "$1"'
    command = ["sh", "-c", script, sys.executable, program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "SIG_IGN default_int_handler SIG_DFL\n"


def test_nohup_is_for_the_tests_themselves() -> None:
    program = (
        "import os, signal, subprocess, sys; import tests.conftest; os.kill(os.getpid(), signal.SIGHUP); "
        "print(subprocess.call([sys.executable, '-c', 'import os; os.kill(os.getpid(), 1); print(1)']))"
    )
    command = ["sh", "-c", 'trap "" HUP; exec "$0" -c "$1"', sys.executable, program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == f"{-signal.SIGHUP}\n"


def test_modes_hold_for_root_within_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "file").chmod(0)
    with modes_hold(), pytest.raises(PermissionError):
        (tmp_path / "file").read_text()
    if os.geteuid() == 0:
        assert (tmp_path / "file").read_text() == "text"
