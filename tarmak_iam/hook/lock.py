"""Keeps two runs on one cluster apart, by a lock that the kernel takes back when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from tarmak_iam.document.files import file_error
from tarmak_iam.errors import FileError, Place, ToolError

__all__ = ["cluster_lock", "lock_path"]


def lock_path(directory: Path, cluster_name: str) -> Path:
    """Beside tarmak.yaml: the cluster's own directory may be made only while the lock is held."""
    return directory / f".{cluster_name}.tarmak-iam.lock"


@contextlib.contextmanager
def cluster_lock(path: Path) -> Iterator[FileError | None]:
    """Holds the lock; gives the reason where there can be none, as in a directory that may not be written to.

    Raises ToolError, at once, where another process holds it: what that one does takes many minutes, and what was
    checked before it may be wrong after it.
    """
    held, problem = _taken(path)
    try:
        yield problem
    finally:
        if held is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(held)


def _taken(path: Path) -> tuple[int | None, FileError | None]:
    try:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            _lock(descriptor, path)
            if _is_at(descriptor, path):
                _sign(descriptor)
                return descriptor, None
            os.close(descriptor)  # its holder was just done, and took the file away
    except OSError as error:
        return None, file_error("cannot be locked, so that a second run would go unnoticed", path, error)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        by = f", process {holder}," if holder else ""
        what = f"another run{by} is at work on this cluster"
        raise ToolError(what, remedy="run again when it is done", place=Place(str(path))) from None
    except OSError:  # a file system without locks
        os.close(descriptor)
        raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Says who holds it; on a full disk it is held all the same."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
