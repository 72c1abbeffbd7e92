"""Files read whole and replaced whole: after a crash there is the old one or the new one, never a piece."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from tarmak_iam.errors import FileError, Place

__all__ = ["file_error", "make_directory", "read_file", "replace_file"]

_REMEDIES = {
    errno.ENOENT: "check the path",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "make room on the disk; the old file is untouched",
    errno.EDQUOT: "make room in the quota; the old file is untouched",
    errno.EISDIR: "name a file",
}


def read_file(path: Path) -> bytes:
    """Raises FileError, which says what to do."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def replace_file(path: Path, data: bytes, *, expected: bytes | None, mode: int = 0o644, secret: bool = False) -> None:
    """Replaces the file that holds `expected` (None: there is none yet), keeping mode and owner.

    `mode` is that of a new file; a `secret` file gets it even where the old one was more open.

    A temporary file in the same directory is written, synced and renamed over it; a symlink stays one
    and its target is replaced. Raises FileError, the old file untouched; also where the file no longer
    holds what was expected.
    """
    target = Path(os.path.realpath(path))
    try:
        _check_unchanged(path, target, expected)
        if expected is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _write_beside(target, data, mode, secret=secret)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise file_error("cannot be written", path, error) from None


def _check_unchanged(path: Path, target: Path, expected: bytes | None) -> None:
    try:
        found: bytes | None = target.read_bytes()
    except FileNotFoundError:
        found = None
    if found != expected:
        what = "the file has appeared" if expected is None else "the file has changed"
        raise FileError(f"{what} since it was read; nothing was written", remedy="run again", place=Place(str(path)))


def _write_beside(target: Path, data: bytes, mode: int, *, secret: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
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
    _sync_directory(target.parent)


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


def _sync_directory(directory: Path) -> None:
    """Makes the rename itself durable. Some file systems cannot sync a directory; the file is safe there too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_directory(path: Path, mode: int) -> None:
    """Makes the directory and its parents where they are missing. Raises FileError."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise file_error("cannot be made", path, error) from None


def file_error(what: str, path: Path, error: OSError) -> FileError:
    """An error of the operating system in our words, with what to do."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FileError(f"{what}: {reason}", remedy=_REMEDIES.get(error.errno or 0, ""), place=Place(str(path)))
