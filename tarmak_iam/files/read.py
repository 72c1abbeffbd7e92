"""Reads whole files, and explains the errors of the operating system."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

from tarmak_iam.errors import FileError, Place
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.boundary import Boundary

_LOGGER = logging.getLogger(__name__)

_REMEDIES = {
    errno.EAGAIN: "another process has locked the directory; run again when it is done",
    errno.ENOENT: "check the path",
    errno.EACCES: "check the permissions of the file and of its directory",
    errno.EPERM: "check the permissions and attributes of the file and of its directory",
    errno.EROFS: "use a directory on a writable file system",
    errno.ENOSPC: "free some disk space; the old file is unchanged",
    errno.EDQUOT: "free some space in your quota; the old file is unchanged",
    errno.EISDIR: "specify a file",
    errno.EEXIST: "specify a directory",
    errno.ENOTDIR: "check the path: a part of it is a file, not a directory",
    errno.ENAMETOOLONG: "choose a shorter path",
}


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content of a file. Raises FileError if it cannot be read or has more bytes than the limit."""
    try:
        return _read(path, path, limit=limit)
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def missing_file(path: Path) -> FileError:
    return FileError("file not found", remedy=_REMEDIES[errno.ENOENT], place=Place(str(path)))


def read_if_present(path: Path, within: Boundary | None = None, limit: int = MAX_BYTES) -> bytes | None:
    """The content of a file; None if it does not exist.

    Raises FileError if it cannot be read for another reason: it has more bytes than the limit, a link leads out of the
    boundary, or it is a named pipe, where reading would wait until another process writes.
    """
    try:
        real = path if within is None else within.resolve(path)
        if stat.S_ISFIFO(real.stat().st_mode):
            raise FileError("this is a named pipe", remedy="specify a file", place=Place(str(path)))
        return _read(path, real, None if within is None else _open_resolved, limit)
    except FileNotFoundError:
        _LOGGER.info("file not found: %s", path)
        return None
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def _open_resolved(real: str, flags: int) -> int:
    """Opens the file, without following a link or waiting for a pipe that was created after the path was resolved."""
    return os.open(real, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _read(path: Path, real: Path, opener: Callable[[str, int], int] | None = None, limit: int = MAX_BYTES) -> bytes:
    with open(real, "rb", opener=opener) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileError(f"the file is larger than the limit of {limit:,} bytes", place=Place(str(path)))
    _LOGGER.info("read %s (%s bytes)", path, f"{len(data):,}")
    return data


def file_error(what: str, path: Path, error: OSError) -> FileError:
    """A FileError for an error of the operating system, with a remedy. A FileError is returned as it is."""
    if isinstance(error, FileError):
        return error
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FileError(f"{what}: {reason}", remedy=_REMEDIES.get(error.errno or 0, ""), place=Place(str(path)))
