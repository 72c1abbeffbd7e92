"""The lock of a cluster: one holder at a time, and nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.files.lock import lock_holders
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.programs import Programs, cluster_lock, lock_path
from tests.support import ROOT


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "dev-cluster")
    path.write_text("1\n")  # as a killed holder leaves it
    with cluster_lock(path) as lock, cluster_lock(lock_path(tmp_path, "prod-blue")) as other:
        assert (lock.problem, other.problem) == (None, None)
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(ToolError, match=rf"this cluster is in use by another run \(process {os.getpid()}\)"):
            cluster_lock(path).__enter__()
    with pytest.raises(KeyError), cluster_lock(path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_is_just_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the file away between our opening it and our locking it."""
    path = lock_path(tmp_path, "dev-cluster")
    real, calls = fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        calls.append(operation)
        if len(calls) == 1:
            path.unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with cluster_lock(path) as lock:
        assert lock.problem is None
        assert path.exists()
    assert calls.count(fcntl.LOCK_EX | fcntl.LOCK_NB) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def none(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with cluster_lock(lock_path(tmp_path / "nowhere", "dev-cluster")) as lock:
        assert "No such file or directory" in str(lock.problem)
    monkeypatch.setattr(fcntl, "flock", none)
    with cluster_lock(lock_path(tmp_path, "dev-cluster")) as lock:
        assert "cannot be locked, so another run at the same time would not be detected" in str(lock.problem)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    path = lock_path(tmp_path, "dev-cluster")
    with cluster_lock(path) as lock:
        assert lock.problem is None
        with pytest.raises(ToolError, match="this cluster is in use by another run"):
            cluster_lock(path).__enter__()


RUN = """\
import os, sys
from pathlib import Path
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.programs import cluster_lock
from tarmak_iam.hook.programs import Programs

with cluster_lock(Path(sys.argv[1])) as lock:
    Kubectl(Programs(dict(os.environ)), lock=lock).run(*sys.argv[2:])
"""
# It waits in the shell itself, until somebody writes into the pipe.
KUBECTL = """\
#!/bin/sh
echo $$ > {directory}/pid
read line < {directory}/pipe
"""


@dataclass(frozen=True)
class Slow:
    """A run within a call of a kubectl that waits."""

    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def kubectl(self) -> int:
        return int((self.directory / "pid").read_text())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def let_go(self) -> None:
        (self.directory / "pipe").write_text("go\n")


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Slow]]:
    started: list[Slow] = []
    directory = tmp_path / "bin"
    directory.mkdir()
    os.mkfifo(directory / "pipe")
    (directory / "kubectl").write_text(KUBECTL.format(directory=directory))
    (directory / "kubectl").chmod(0o755)

    def slow(path: Path, *args: str) -> Slow:
        environment = {"PATH": f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([sys.executable, "-c", RUN, path, *args], env=environment)
        started.append(Slow(directory, process))
        eventually(lambda: (directory / "pid").exists() and (directory / "pid").read_text() != "")
        return started[-1]

    yield slow
    for each in started:
        if each.process.poll() is None:
            each.kill()
        try:
            os.kill(each.kubectl, signal.SIGKILL)
        except ProcessLookupError:
            continue


def is_free(path: Path) -> bool:
    try:
        with cluster_lock(path) as lock:
            return lock.problem is None
    except ToolError:
        return False


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="only Linux tells who has a file locked")
def test_the_kubectl_of_a_killed_run_holds_the_lock_and_is_named(
    tmp_path: Path, start: Callable[..., Slow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes may come after what the next run has written, and nobody would notice."""
    path = lock_path(tmp_path, "dev-cluster")
    run = start(path, "apply", "-f", "-")
    by_the_run = rf"this cluster is in use by another run \(process {run.process.pid}\)"
    with pytest.raises(ToolError, match=by_the_run):
        cluster_lock(path).__enter__()
    run.kill()
    with pytest.raises(ToolError) as busy:
        cluster_lock(path).__enter__()
    assert busy.value.message == (
        f"this cluster is still in use by kubectl (process {run.kubectl}), started by process {run.process.pid}, "
        "which was killed; run again when it is done"
    )
    with monkeypatch.context() as elsewhere:  # without /proc, and for another user's processes
        elsewhere.setattr("tarmak_iam.files.lock._PROCESSES", tmp_path / "none")
        with pytest.raises(ToolError, match=by_the_run):
            cluster_lock(path).__enter__()
    run.let_go()
    eventually(lambda: is_free(path))


def test_who_only_has_the_file_open_holds_nothing(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "dev-cluster")
    with (
        cluster_lock(path),
        path.open() as file,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=file) as other,
    ):
        assert [each.pid for each in lock_holders(path) if each.pid != os.getpid()] == []
        other.communicate(b"\n")


def test_a_kubectl_that_only_reads_holds_nothing(tmp_path: Path, start: Callable[..., Slow]) -> None:
    """Nor what it starts: a plugin that opens a tunnel in the background, as the first call of all may."""
    path = lock_path(tmp_path, "dev-cluster")
    start(path, "get", "pods").kill()
    assert is_free(path)


@pytest.mark.parametrize("is_stuck", [False, True])
def test_what_a_kubectl_leaves_in_the_background_holds_nothing_after_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_stuck: bool
) -> None:
    """`is_stuck`: even if the file cannot be taken away."""
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\necho $! > {tmp_path}/pid\n")
    (tmp_path / "kubectl").chmod(0o755)
    path = lock_path(tmp_path, "dev-cluster")
    programs = Programs({"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"})
    if is_stuck:
        monkeypatch.setattr(Path, "unlink", _refuse)
    try:
        with cluster_lock(path) as lock:
            Kubectl(programs, lock=lock).check("apply")
        assert is_free(path)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
