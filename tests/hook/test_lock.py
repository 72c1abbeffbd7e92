"""The lock of a cluster: one holder at a time, and nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.lock import cluster_lock, lock_path


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "dev-cluster")
    with cluster_lock(path) as lock:
        assert lock.problem is None
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(ToolError, match=f"another run, process {os.getpid()}, is at work on this cluster"):
            cluster_lock(path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_another_cluster_has_another(tmp_path: Path) -> None:
    with cluster_lock(lock_path(tmp_path, "prod-blue")), cluster_lock(lock_path(tmp_path, "prod-green")) as lock:
        assert lock.problem is None


def test_it_is_given_back_after_an_error(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "dev-cluster")
    with pytest.raises(KeyError), cluster_lock(path):
        raise KeyError
    with cluster_lock(path) as lock:
        assert lock.problem is None


def test_a_file_that_a_dead_holder_left(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "dev-cluster")
    path.write_text("1\n")
    with cluster_lock(path) as lock:
        assert lock.problem is None
        assert path.read_text() == f"{os.getpid()}\n"


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

    monkeypatch.setattr(fcntl, "flock", none)
    with cluster_lock(lock_path(tmp_path, "dev-cluster")) as lock:
        assert "cannot be locked, so that a second run would go unnoticed" in str(lock.problem)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    path = lock_path(tmp_path, "dev-cluster")
    with cluster_lock(path) as lock:
        assert lock.problem is None
        with pytest.raises(ToolError, match="another run is at work"):
            cluster_lock(path).__enter__()


def test_no_directory(tmp_path: Path) -> None:
    with cluster_lock(lock_path(tmp_path / "nowhere", "dev-cluster")) as lock:
        assert "No such file or directory" in str(lock.problem)
