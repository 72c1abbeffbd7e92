"""Locks between processes: a lock file, and which processes hold its lock according to /proc."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tarmak_iam.document.files import file_error
from tarmak_iam.errors import FileError, Place, ToolError
from tarmak_iam.late_dataclass import dataclass

_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A process that holds a lock."""

    pid: int
    name: str
    """The name of its program, as `ps` shows it."""


def lock_holders(path: Path) -> tuple[LockHolder, ...]:
    """The processes that hold a lock on the file, as far as the caller may see them; empty without /proc."""
    try:
        wanted = path.stat()
        processes = sorted(int(each) for each in os.listdir(_PROCESSES) if each.isdecimal())
    except OSError:
        return ()
    return tuple(LockHolder(pid, _name(pid)) for pid in processes if _holds(pid, wanted))


def living_holder(path: Path, taker: str) -> str:
    """The process that holds the lock, as text. `taker` took it, as in "process 12"; if it was killed, a program that
    it started may hold the lock: that one is named then."""
    others = [each for each in lock_holders(path) if each.pid != os.getpid()]
    if not others or any(taker == f"process {each.pid}" for each in others):
        return taker
    return f"{others[0].name} (process {others[0].pid})"


def _holds(pid: int, wanted: os.stat_result) -> bool:
    return any(_is_locked(pid, number) for number in _descriptors_of(pid, wanted))


def _descriptors_of(pid: int, wanted: os.stat_result) -> Iterator[str]:
    directory = _PROCESSES / str(pid) / "fd"
    try:
        numbers = os.listdir(directory)
    except OSError:  # it has ended, or belongs to another user
        return
    for number in numbers:
        try:
            if os.path.samestat(os.stat(directory / number), wanted):
                yield number
        except OSError:
            continue


def _is_locked(pid: int, number: str) -> bool:
    """Whether the lock is held through this descriptor: a process may have the file open only to wait for the lock."""
    try:
        lines = (_PROCESSES / str(pid) / "fdinfo" / number).read_text(encoding="utf-8", errors="replace").splitlines()
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


@dataclass(frozen=True, slots=True)
class LockedFile:
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
    held, problem = _taken(path, _Turn(path, busy, seconds, patience, waiting))
    try:
        yield LockedFile(held, problem)
    finally:
        if held is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            with contextlib.suppress(OSError):  # for a background process that still has it open
                fcntl.flock(held, fcntl.LOCK_UN)
            os.close(held)


class _Turn:
    """Waiting for one lock."""

    def __init__(
        self, path: Path, busy: Callable[[str], str], seconds: float, patience: float, waiting: Callable[[str], None]
    ) -> None:
        self._path, self._busy, self._seconds = path, busy, seconds
        self._patience, self._waiting = patience, waiting
        self._begin = time.monotonic()
        self._is_reported = False

    def wait(self, holder: str) -> None:
        """Waits a moment. Raises ToolError when the time is up."""
        waited = time.monotonic() - self._begin
        if waited >= self._seconds:
            raise ToolError(self._reason(holder), remedy="run again when it is done", place=Place(str(self._path)))
        if waited >= self._patience and not self._is_reported:
            self._is_reported = True
            self._waiting(self._reason(holder))
        time.sleep(_PAUSE)

    def _reason(self, holder: str) -> str:
        return self._busy(f"process {holder}" if holder else "another process")


def _taken(path: Path, turn: _Turn) -> tuple[int | None, FileError | None]:
    while True:
        try:
            descriptor, holder = _locked(path)
        except OSError as error:
            return None, file_error(f"cannot be locked{_UNNOTICED}", path, error)
        if descriptor is not None:
            _sign(descriptor)
            return descriptor, None
        if holder is not None:
            turn.wait(holder)


def _locked(path: Path) -> tuple[int | None, str | None]:
    """The descriptor of the locked file; or the PID of its holder, as far as it is known; or neither, if the holder has
    just removed the file. Raises OSError if no lock is possible."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _check_own(os.fstat(descriptor), path)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = _is_at(descriptor, path)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        return None, holder
    except BaseException:
        os.close(descriptor)
        raise
    if is_ours:
        return descriptor, None
    os.close(descriptor)
    return None, None


def _check_own(status: os.stat_result, path: Path) -> None:
    """Raises FileError if this is not a plain lock file. Its content is going to be overwritten, and a second hard link
    to it could be a file that is needed."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise FileError(
            f"this is not a lock file of tarmak-iam{_UNNOTICED}", remedy="remove it", place=Place(str(path))
        )


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Writes the holder's PID into the file. On a full disk the lock is held without it."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
