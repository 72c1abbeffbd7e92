"""Files read whole and replaced whole: after a crash there is the old one or the new one, never a piece."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.errors import FileChanged, FileError, Place

__all__ = ["file_error", "is_current", "make_directory", "read_file", "read_if_present", "replace_file"]

_LOGGER = logging.getLogger(__name__)
_LOCK_SECONDS = 10
_REMEDIES = {
    errno.EAGAIN: "another process has locked the directory; run again when it is done",
    errno.ENOENT: "check the path",
    errno.EACCES: "check the permissions of the file and of its directory",
    errno.EPERM: "check the permissions and attributes of the file and of its directory",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "make room on the disk; the old file is untouched",
    errno.EDQUOT: "make room in the quota; the old file is untouched",
    errno.EISDIR: "name a file",
    errno.EEXIST: "name a directory",
    errno.ENOTDIR: "a file stands where a directory is wanted",
    errno.ENAMETOOLONG: "choose a shorter path",
}


def read_file(path: Path) -> bytes:
    """Raises FileError, which says what to do; also for more than MAX_BYTES, of which no more are read."""
    try:
        return _read(path)
    except OSError as error:
        raise _told(path, error) from None


def read_if_present(path: Path, within: Boundary | None = None, limit: int = MAX_BYTES) -> bytes | None:
    """None where there is no such file. Raises FileError for everything else that keeps it from being read, as more
    bytes than the limit, for a link that leads out of a boundary, and for a named pipe, at which one would wait for
    somebody to write."""
    try:
        real = path if within is None else within.resolve(path)
        if stat.S_ISFIFO(real.stat().st_mode):
            raise FileError("this is a named pipe", remedy="name a file", place=Place(str(path)))
        return _read(path, None if within is None else _open_resolved(real), limit)
    except FileNotFoundError:
        _LOGGER.info("not there: %s", path)
        return None
    except OSError as error:
        raise _told(path, error) from None


def _open_resolved(real: Path) -> BinaryIO:
    """No link is followed, and no pipe waited for, that has come there since the path was resolved."""
    return os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _read(path: Path, opened: BinaryIO | None = None, limit: int = MAX_BYTES) -> bytes:
    with opened or path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileError(f"the file has more than the {limit:,} bytes that are read", place=Place(str(path)))
    _LOGGER.info("read %s (%s bytes)", path, f"{len(data):,}")
    return data


def _told(path: Path, error: OSError) -> FileError:
    return error if isinstance(error, FileError) else file_error("cannot be read", path, error)


def is_current(path: Path, data: bytes, mode: int) -> bool:
    """Whether the file holds that already, and no more people may read it than `mode` says. Raises FileError."""
    if read_if_present(path) != data:
        return False
    return path.stat().st_mode & 0o077 & ~mode == 0


def replace_file(
    path: Path,
    data: bytes,
    *,
    expected: bytes | None,
    mode: int = 0o644,
    secret: bool = False,
    within: Boundary | None = None,
) -> None:
    """Replaces the file that holds `expected` (None: there is none yet), keeping mode and owner.

    `mode` is that of a new file; a `secret` file gets it even where the old one was more open.
    A temporary file in the same directory is written, synced and renamed over it; a symlink stays one
    and its target is replaced, which may not be outside of a boundary. Another hard link keeps the old file, which is
    logged as a warning: to write into the file that they share could leave a piece of it. Raises FileError, the old
    file untouched; FileChanged where it no longer holds what was expected.
    """
    target = Path(os.path.realpath(path)) if within is None else within.resolve(path)
    try:
        with _locked_directory(target.parent) as directory:
            _check_unchanged(path, target, expected)
            if expected is not None:
                # A file that may not be written is not replaced either.
                os.close(os.open(target, os.O_WRONLY | os.O_NOFOLLOW))
            others = os.stat(target).st_nlink - 1 if expected is not None else 0
            _write_beside(target, data, mode, secret=secret)
            _sync(directory)
        _LOGGER.info("wrote %s (%s bytes)", path, f"{len(data):,}")
        if others:
            many = f"{others} other hard links, which keep" if others > 1 else "another hard link, which keeps"
            _LOGGER.warning("%s: warning: the file had %s the text from before", path, many)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise file_error("cannot be written", path, error) from None


@contextlib.contextmanager
def _locked_directory(directory: Path) -> Iterator[int]:
    """Keeps two of us apart between the last look at a file and its replacement."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        with contextlib.suppress(OSError):  # nothing was written to it; what was saved is saved
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Waits for its turn, which is a matter of milliseconds, but not forever for one that was stopped."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        except OSError:  # a file system without locks: the comparison before the rename is all there is
            return


def _check_unchanged(path: Path, target: Path, expected: bytes | None) -> None:
    if target.exists() and not target.is_file():  # a device such as /dev/null would be renamed away for everybody
        raise FileError("this is no regular file; nothing was written", remedy="name a file", place=Place(str(path)))
    try:
        found: bytes | None = target.read_bytes()
    except FileNotFoundError:
        found = None
    if found != expected:
        what = "the file has appeared" if expected is None else "the file has changed"
        raise FileChanged(f"{what} since it was read; nothing was written", remedy="run again", place=Place(str(path)))


def _write_beside(target: Path, data: bytes, mode: int, *, secret: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_over_attributes(file.fileno(), target, mode, secret=secret)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _take_over_attributes(descriptor: int, target: Path, mode: int, *, secret: bool) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    current = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (current.st_uid, current.st_gid):
        # Not allowed to everyone: a file of another owner then stays with the one who writes.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, mode if secret else old.st_mode & 0o7777)


def _sync(directory: int) -> None:
    """Makes the rename itself durable. Some file systems cannot sync a directory; the file is safe there too."""
    with contextlib.suppress(OSError):
        os.fsync(directory)


def make_directory(path: Path, mode: int, within: Boundary | None = None) -> None:
    """Makes the directory where it is missing, and its parents, which nobody else may write to whatever the umask.

    Raises FileError; also for a link that leads out of a boundary.
    """
    path = path if within is None else within.resolve(path)
    try:
        for parent in reversed([each for each in path.parents if not each.exists()]):
            parent.mkdir(0o755, exist_ok=True)  # `parents=True` would leave their mode to the umask alone
        if not path.is_dir():
            _LOGGER.info("make the directory %s", path)
        path.mkdir(mode, exist_ok=True)
    except OSError as error:
        raise file_error("cannot be made", path, error) from None


def file_error(what: str, path: Path, error: OSError) -> FileError:
    """An error of the operating system in our words, with what to do."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FileError(f"{what}: {reason}", remedy=_REMEDIES.get(error.errno or 0, ""), place=Place(str(path)))
