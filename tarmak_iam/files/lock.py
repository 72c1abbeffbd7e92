"""Locks between processes: a lock file, and which processes hold its lock according to /proc."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.errors import FileError, Place, ToolError
from tarmak_iam.files.read import file_error

_PROCESSES = Path("/proc")


class LockHolder(NamedTuple):
    """A process that holds a lock."""

    pid: int
    name: str
    """The name of its program, as `ps` shows it."""


def lock_holders(path: Path) -> tuple[LockHolder, ...]:
    """The processes that hold a lock on the file, as far as the caller may see them; empty without /proc."""
    try:
        wanted = path.stat()
        processes = sorted(int(name) for name in os.listdir(_PROCESSES) if name.isdecimal())
    except OSError:
        return ()
    return tuple(LockHolder(pid, _name(pid)) for pid in processes if _holds(pid, wanted))


def living_holder(path: Path, taker: str) -> str:
    """The process that holds the lock, as text. `taker` took it, as in "process 12"; if it was killed, a program that
    it started may hold the lock: that one is named then."""
    others = [holder for holder in lock_holders(path) if holder.pid != os.getpid()]
    if not others or any(taker == f"process {holder.pid}" for holder in others):
        return taker
    return f"{others[0].name} (process {others[0].pid})"


def _holds(pid: int, wanted: os.stat_result) -> bool:
    process = _PROCESSES / str(pid)
    try:
        descriptors = os.listdir(process / "fd")
    except OSError:  # it has ended, or belongs to another user
        return False
    return any(_holds_through(process, descriptor, wanted) for descriptor in descriptors)


def _holds_through(process: Path, descriptor: str, wanted: os.stat_result) -> bool:
    """Whether the lock is held through this descriptor: a process may have the file open only to wait for the lock."""
    try:
        if not os.path.samestat(os.stat(process / "fd" / descriptor), wanted):
            return False
        lines = (process / "fdinfo" / descriptor).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.startswith("lock:") and "FLOCK" in line for line in lines)


def _name(pid: int) -> str:
    try:
        return (_PROCESSES / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"


_PAUSE = 0.05
_UNNOTICED = ", so another run at the same time would not be detected"


class LockedFile(NamedTuple):
    """A lock file. `descriptor` holds the lock, also in a child process that inherits it. It is None if the file cannot
    be locked, and `problem` is then the reason."""

    descriptor: int | None
    problem: FileError | None = None


def lock_file_of(path: Path) -> Path:
    """The lock file for edits of the file at `path`: next to the file, or next to its target if it is a link."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.edit.lock")


def lock_file_in(directory: Path, subject: str) -> Path:
    """The lock file for several files of a directory, named after `subject`. It is always in the directory itself."""
    return Path(os.path.realpath(directory), f".{subject}.edit.lock")


@contextlib.contextmanager
def file_lock(
    path: Path,
    busy: Callable[[str], str],
    *,
    seconds: float = 0,
    patience: float = 0,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[LockedFile]:
    """Holds a lock on the file at `path`. The file exists only while a process holds the lock.

    If no lock is possible, for example because the directory is not writable, the result's `problem` has the reason.
    If another process holds the lock, waits for it for up to `seconds`. After `patience` seconds `waiting` is called
    once with the reason for waiting: the sentence that `busy` makes of the holder, such as "process 12".

    Raises ToolError with that sentence if the other process does not release the lock in time.
    """
    locked = _lock(path, busy, seconds, patience, waiting)
    try:
        yield locked
    finally:
        if locked.descriptor is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            with contextlib.suppress(OSError):  # for a background process that still has it open
                fcntl.flock(locked.descriptor, fcntl.LOCK_UN)
            os.close(locked.descriptor)


def _lock(
    path: Path, busy: Callable[[str], str], seconds: float, patience: float, waiting: Callable[[str], None]
) -> LockedFile:
    begin, is_reported = time.monotonic(), False
    while True:
        try:
            descriptor, holder = _try_lock(path)
        except OSError as error:
            return LockedFile(None, file_error(f"cannot be locked{_UNNOTICED}", path, error))
        if descriptor is not None:
            return LockedFile(descriptor)
        if holder is None:
            continue
        waited = time.monotonic() - begin
        is_late = waited >= seconds
        if is_late or (waited >= patience and not is_reported):
            reason = busy(f"process {holder}" if holder else "another process")
            if is_late:
                raise ToolError(reason, remedy="run again when it is done", place=Place(str(path)))
            is_reported = True
            waiting(reason)
        time.sleep(_PAUSE)


def _try_lock(path: Path) -> tuple[int | None, str | None]:
    """The descriptor of the locked file, which contains the own PID then; or the PID of its holder, as far as it is
    known; or neither, if the holder has just removed the file.

    Raises OSError if no lock is possible, for example because this is not a plain lock file: its content would be
    overwritten, and a second hard link to it could be a file that is needed."""
    descriptor, holder = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            what = f"this is not a lock file of tarmak-iam{_UNNOTICED}"
            raise FileError(what, remedy="remove it", place=Place(str(path)))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(status, path.stat()):
            with contextlib.suppress(OSError):  # on a full disk the lock is held without the PID
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            return descriptor, None
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
    except FileNotFoundError:  # removed meanwhile
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None, holder
