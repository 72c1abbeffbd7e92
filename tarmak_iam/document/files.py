"""Reads and replaces whole files, one or several as one change, and never outside their directory.

A directory that another person has created, such as the checkout of a pull request, may have a link instead of any of
its files.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import BinaryIO

from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.errors import FileChanged, FileError, Place
from tarmak_iam.late_dataclass import dataclass

_ADVICE = "replace the link with the file, or use --follow-links if you own the link and its target"

_OWN_ONLY = "--follow-links requires that you own the link and its target; replace the link with the file"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The directory that files may not be outside of. `directory` may itself be a link; its target is used.

    `follow_links`: links of the current user may lead out of the directory, to files that the same user owns.
    """

    directory: Path
    follow_links: bool = False

    def resolve(self, path: Path) -> Path:
        """The real path of a path below the directory, with all links resolved. The file need not exist.

        Raises FileError, at the link, if a link leads out of the directory.
        """
        real, root = os.path.realpath(path), os.path.realpath(self.directory)
        if _is_within(real, root):
            return Path(real)
        parts = path.relative_to(self.directory).parts
        below = [self.directory.joinpath(*parts[: end + 1]) for end in range(len(parts))]
        link = next(each for each in below if not _is_within(os.path.realpath(each), root))
        what = f"this is a link to {os.path.realpath(link)}, outside of {root}"
        if not self.follow_links:
            raise FileError(what, remedy=_ADVICE, place=Place(str(link)))
        not_owned = _not_owned(root, parts, real)
        if not_owned is not None:
            raise FileError(
                f"{what}, and {not_owned} belongs to another user", remedy=_OWN_ONLY, place=Place(str(link))
            )
        return Path(real)


def _is_within(real: str, root: str) -> bool:
    return real == root or real.startswith(os.path.join(root, ""))


def _not_owned(root: str, parts: Iterable[str], real: str) -> str | None:
    """The first link on the way from the directory, or the target, that the effective user does not own; None if there
    is none. Outside the directory the system's own links are allowed, such as /tmp on macOS."""
    user = os.geteuid()
    for link in _links(root, parts, set()):
        owner = os.lstat(link).st_uid
        if owner != user and (owner != 0 or _is_within(link, root)):
            return link
    target = _existing(real)
    return None if os.lstat(target).st_uid == user else target


def _existing(path: str) -> str:
    """The path itself, or the nearest parent directory that exists."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _links(start: str, parts: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Each link on the way from a directory, as a path without any other link."""
    done = start
    for part in parts:
        here = os.path.dirname(done) if part == os.pardir else os.path.join(done, part)
        if os.path.islink(here) and here not in seen:
            seen.add(here)
            yield here
            target = os.readlink(here)
            yield from _links("/" if os.path.isabs(target) else done, Path(target).parts, seen)
        done = os.path.realpath(here)


_LOGGER = logging.getLogger(__name__)

_LOCK_SECONDS = 10

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


def read_file(path: Path) -> bytes:
    """The content of a file. Raises FileError if it cannot be read or has more than MAX_BYTES."""
    try:
        return _read(path)
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
        return _read(path, None if within is None else _open_resolved(real), limit)
    except FileNotFoundError:
        _LOGGER.info("file not found: %s", path)
        return None
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def _open_resolved(real: Path) -> BinaryIO:
    """Opens the file, without following a link or waiting for a pipe that was created after the path was resolved."""
    return os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _read(path: Path, opened: BinaryIO | None = None, limit: int = MAX_BYTES) -> bytes:
    with opened or path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileError(f"the file is larger than the limit of {limit:,} bytes", place=Place(str(path)))
    _LOGGER.info("read %s (%s bytes)", path, f"{len(data):,}")
    return data


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
            _sync(directory)
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
        found: bytes | None = target.read_bytes()
    except FileNotFoundError:
        found = None
    if found != expected:
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


def _sync(directory: int) -> None:
    """Makes the rename itself durable. Some file systems cannot sync a directory, but the file is safe there too."""
    with contextlib.suppress(OSError):
        os.fsync(directory)


def make_directory(path: Path, mode: int, within: Boundary | None = None) -> None:
    """Creates the directory and its parents if they do not exist. Other users cannot write to new parents, whatever the
    umask is.

    Raises FileError, also if a link leads out of the boundary.
    """
    path = path if within is None else within.resolve(path)
    try:
        for parent in reversed([each for each in path.parents if not each.exists()]):
            parent.mkdir(0o755, exist_ok=True)  # `parents=True` would leave their mode to the umask alone
        if not path.is_dir():
            _LOGGER.info("creating the directory %s", path)
        path.mkdir(mode, exist_ok=True)
    except OSError as error:
        raise file_error("cannot be created", path, error) from None


def file_error(what: str, path: Path, error: OSError) -> FileError:
    """A FileError for an error of the operating system, with a remedy. A FileError is returned as it is."""
    if isinstance(error, FileError):
        return error
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FileError(f"{what}: {reason}", remedy=_REMEDIES.get(error.errno or 0, ""), place=Place(str(path)))


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
        for each in replacements:
            begun.append(each)
            _replace(each, each.data, each.before)
    except BaseException as error:
        # From the last to the first, up to the first failure: an earlier file may be a backup of a later one.
        with contextlib.suppress(FileError, OSError):
            if begun and (isinstance(error, FileError) or read_if_present(begun[-1].path) != begun[-1].data):
                begun.pop()  # the one that was not written
            for each in reversed(begun):
                _restore(each)
        raise


def _replace(file: Replacement, data: bytes, expected: bytes | None) -> None:
    replace_file(file.path, data, expected=expected, mode=file.mode, secret=file.is_secret, within=file.within)


def _restore(done: Replacement) -> None:
    if done.before is not None:
        _replace(done, done.before, done.data)
    elif read_if_present(done.path) == done.data:
        os.unlink(done.path)
