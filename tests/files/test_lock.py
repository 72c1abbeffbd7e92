"""The lock of a file: taken in turn, with word of who is waited for, and nothing left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.files.lock import file_lock, lock_file_of
from tests.support import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from tarmak_iam.files.lock import file_lock

with file_lock(Path(sys.argv[1]), str):
    print("held", flush=True)
    time.sleep(600)
"""


def busy(holder: str) -> str:
    return f"{holder} is editing the file"


def test_it_is_its_owner_s_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with file_lock(path, busy) as held:
        assert held.problem is None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "is_said"),
    [({}, False), ({"seconds": 0.3}, True), ({"seconds": 0.3, "patience": 5}, False)],
    ids=["no wait", "a wait", "a wait that is not worth a word"],
)
def test_who_is_waited_for_is_said_once(tmp_path: Path, options: dict[str, float], is_said: bool) -> None:
    path, said = tmp_path / ".lock", list[str]()
    begin = time.monotonic()
    with file_lock(path, busy), pytest.raises(ToolError) as caught:
        file_lock(path, busy, waiting=said.append, **options).__enter__()
    assert str(caught.value) == f"{path}: process {os.getpid()} is editing the file; run again when it is done"
    assert time.monotonic() - begin >= options.get("seconds", 0)
    assert said == [f"process {os.getpid()} is editing the file"] * is_said


def test_a_turn_comes_when_the_holder_is_done(tmp_path: Path) -> None:
    path, said = tmp_path / ".lock", list[str]()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with file_lock(path, busy):
            held.set()
            done.wait(600)

    def waiting(text: str) -> None:
        said.append(text)
        done.set()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(600)
    with file_lock(path, busy, seconds=600, waiting=waiting) as mine:
        assert mine.problem is None
        assert path.exists()
    holder.join()
    assert said == [f"process {os.getpid()} is editing the file"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_holder_that_was_killed_has_written_is_gone(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.write_text("99999999999\n")
    with file_lock(path, busy):
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_lock_of_a_link_is_next_to_the_real_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.yaml").symlink_to("real/tarmak.yaml")
    real = tmp_path.resolve() / "real" / ".tarmak.yaml.edit.lock"
    assert lock_file_of(tmp_path / "real" / "tarmak.yaml") == real
    assert lock_file_of(tmp_path / "link.yaml") == real


def test_a_holder_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ToolError, match=f"process {holder.pid} is editing the file"):
            file_lock(path, busy).__enter__()
        holder.send_signal(signal.SIGKILL)
        holder.wait(600)
    assert path.exists()
    with file_lock(path, busy) as held:
        assert held.problem is None
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.symlink_to(tmp_path / "elsewhere")
    with file_lock(path, busy) as held:
        assert "cannot be locked" in str(held.problem)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["another link to a file", "named pipe"])
def test_a_file_that_is_not_a_lock_file_is_unchanged(tmp_path: Path, kind: str) -> None:
    """A directory of somebody else's may have anything there; what is in a lock file is overwritten."""
    path, other = tmp_path / ".lock", tmp_path / "other"
    if kind == "named pipe":
        os.mkfifo(path)
    else:
        other.write_text("kept\n")
        os.link(other, path)
    with file_lock(path, busy) as held:
        assert str(held.problem) == (
            f"{path}: this is not a lock file of tarmak-iam, "
            "so another run at the same time would not be detected; remove it"
        )
    assert path.exists()
    assert kind == "named pipe" or other.read_text() == "kept\n"
