"""Replaces whole files atomically, one or several as one change, and never outside their boundary."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.errors import FileChanged, FileError, Place
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import file_error, read_if_present

_LOGGER = logging.getLogger(__name__)
_LOCK_SECONDS = 10


def is_current(path: Path, data: bytes, mode: int) -> bool:
    """Whether the file has that content already, and its mode allows no more access than `mode`. Raises FileError."""
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
    """Replaces a file atomically and keeps its mode and owner. `expected` is its current content (None: no file yet).

    `mode` is the mode of a new file. A `secret` file gets it even if the old file's mode allowed more. A temporary
    file in the same directory is written, synced and renamed over the old one. A symbolic link stays; its target is
    replaced and may not be outside the boundary. Another hard link keeps the old content, and that is logged as a
    warning: writing into the shared file instead could leave it incomplete.

    Raises FileError if the file cannot be replaced, and FileChanged if its content is not `expected`. The old file is
    unchanged then.
    """
    target = Path(os.path.realpath(path)) if within is None else within.resolve(path)
    try:
        with _locked_directory(target.parent) as directory:
            _check_unchanged(path, target, expected)
            if expected is not None:
                # A file that may not be written is not replaced either.
                os.close(os.open(target, os.O_WRONLY | os.O_NOFOLLOW))
            others = os.stat(target).st_nlink - 1 if expected is not None else 0
            _write_new_file(target, data, mode, secret=secret)
            with contextlib.suppress(OSError):  # some file systems cannot sync a directory, and need not
                os.fsync(directory)
        _LOGGER.info("wrote %s (%s bytes)", path, f"{len(data):,}")
        if others:
            many = (
                f"{others} other hard links, which still have" if others > 1 else "another hard link, which still has"
            )
            _LOGGER.warning("%s: warning: the file had %s the old content", path, many)
    except OSError as error:
        raise file_error("cannot be written", path, error) from None


@contextlib.contextmanager
def _locked_directory(directory: Path) -> Iterator[int]:
    """Locks out other tarmak-iam processes between the last check of a file and its replacement."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        with contextlib.suppress(OSError):  # nothing was written through it, so no data is lost
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Waits for the lock, which takes milliseconds. Raises BlockingIOError after _LOCK_SECONDS: its holder may be a
    stopped process."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        except OSError:  # a file system without locks: only the comparison before the rename is left
            return


def _check_unchanged(path: Path, target: Path, expected: bytes | None) -> None:
    if target.exists() and not target.is_file():  # a device such as /dev/null would be replaced for all users
        raise FileError(
            "this is not a regular file; nothing was written", remedy="specify a file", place=Place(str(path))
        )
    try:
        present: bytes | None = target.read_bytes()
    except FileNotFoundError:
        present = None
    if present != expected:
        what = "another process has created the file" if expected is None else "the file has changed since it was read"
        raise FileChanged(f"{what}; nothing was written", remedy="run again", place=Place(str(path)))


def _write_new_file(target: Path, data: bytes, mode: int, *, secret: bool) -> None:
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
        # Only some users may do this. For the others a file of another owner becomes the writing user's. The members of
        # its group, the owner before among them, keep their access.
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, -1, old.st_gid)
    os.fchmod(descriptor, mode if secret else old.st_mode & 0o7777)


def make_directory(path: Path, mode: int, within: Boundary | None = None) -> None:
    """Creates the directory and its parents if they do not exist. Other users cannot write to new parents, whatever the
    umask is.

    Raises FileError, also if a link leads out of the boundary.
    """
    path = path if within is None else within.resolve(path)
    try:
        for parent in reversed([folder for folder in path.parents if not folder.exists()]):
            parent.mkdir(0o755, exist_ok=True)  # `parents=True` would leave their mode to the umask alone
        if not path.is_dir():
            _LOGGER.info("creating the directory %s", path)
        path.mkdir(mode, exist_ok=True)
    except OSError as error:
        raise file_error("cannot be created", path, error) from None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file to replace. `before` is its expected content, None for a new file. `mode`, `is_secret` and `within` are
    the arguments of `replace_file`."""

    path: Path
    data: bytes = field(repr=False)
    before: bytes | None = field(repr=False)
    mode: int = 0o644
    is_secret: bool = False
    within: Boundary | None = None


def replace_files(replacements: Iterable[Replacement]) -> None:
    """Replaces files one after the other.

    Raises FileError at the first file that cannot be written. The files before it are then restored, as far as
    possible: a file that another process has changed in the meantime stays as it is. They are also restored if the
    process is interrupted, for example by Ctrl-C.
    """
    begun: list[Replacement] = []
    try:
        for replacement in replacements:
            begun.append(replacement)
            _replace(replacement, replacement.data, replacement.before)
    except BaseException as error:
        # From the last to the first, up to the first failure: an earlier file may be a backup of a later one.
        with contextlib.suppress(FileError, OSError):
            if begun and (isinstance(error, FileError) or read_if_present(begun[-1].path) != begun[-1].data):
                begun.pop()  # the one that was not written
            for replacement in reversed(begun):
                _restore(replacement)
        raise


def _replace(file: Replacement, data: bytes, expected: bytes | None) -> None:
    replace_file(file.path, data, expected=expected, mode=file.mode, secret=file.is_secret, within=file.within)


def _restore(done: Replacement) -> None:
    if done.before is not None:
        _replace(done, done.before, done.data)
    elif read_if_present(done.path) == done.data:
        os.unlink(done.path)
