from __future__ import annotations

import os
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


def test_modes_hold_for_root_within_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "file").chmod(0)
    with modes_hold(), pytest.raises(PermissionError):
        (tmp_path / "file").read_text()
    if os.geteuid() == 0:
        assert (tmp_path / "file").read_text() == "text"
