"""The .git directory that a directory belongs to: where it is, its files, and how much of them is read.

Work is counted and not timed, so that the same repository gives the same answer on every machine.

A repository is taken only where it belongs to the directory: a bare one that lies in it is not, and a `.git` file, as
worktrees and submodules have it, must lead to a repository that names this directory in turn. Otherwise a directory of
somebody else's could show the history of a repository of yours. Environment variables such as GIT_DIR do not count.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.text import capped

MAX_OBJECT = MAX_BYTES
"""Bytes of a commit, a tree or a file: no larger file is read from the working copy either."""


_GITFILE = b"gitdir: "
_PATH_BYTES = 8192
_CONFIG_BYTES = 1 << 16


class HistoryUnknown(Exception):
    """Why a question about the history has no answer, in a line, which may quote a path out of a `.git` file."""

    def __init__(self, why: str) -> None:
        super().__init__(capped(why))


class TooLarge(HistoryUnknown):
    """An object has more than MAX_OBJECT bytes."""


@dataclass(slots=True)
class Budget:
    """What is left: `commits` to read, `bytes` to inflate, and `steps` of walks and comparisons."""

    commits: int = 100_000
    bytes: int = 1 << 29
    steps: int = 10_000_000

    def take_commit(self) -> None:
        self.commits -= 1
        if self.commits < 0:
            raise HistoryUnknown("the history has more commits than are read")

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise HistoryUnknown("the history has more data than is read")

    def take_steps(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise HistoryUnknown("the history takes more work than is done for it")


class GitFiles:
    """`directory` is its real path: a link in it that leads out of it is not followed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, name: str, limit: int) -> bytes | None:
        """None for a file that is not there. Raises HistoryUnknown, also for more than `limit` bytes."""
        with self.opened(name) as file:
            data = file.read(limit + 1) if file else None
        if data is not None and len(data) > limit:
            raise HistoryUnknown(f"{self._shown(name)} has more than the {limit:,} bytes that are read")
        return data

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO | None]:
        """As `read`. A named pipe keeps nobody waiting: it is no regular file."""
        path = self._within(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise HistoryUnknown(f"{self._shown(name)} cannot be read: {os_reason(error)}") from None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise HistoryUnknown(f"{self._shown(name)} is not a regular file")
            yield file

    def names(self, name: str, limit: int) -> list[str]:
        """What is in a directory, in order; nothing in one that is not there. Raises HistoryUnknown, also for more
        than `limit` names."""
        found = []
        try:
            with os.scandir(self._within(name)) as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > limit:
                        raise HistoryUnknown(f"{self._shown(name)} has more than the {limit:,} files that are read")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise HistoryUnknown(f"{self._shown(name)} cannot be read: {os_reason(error)}") from None
        return sorted(found)

    def has(self, name: str) -> bool:
        return os.path.lexists(self.directory / name)

    def _within(self, name: str) -> Path:
        real = Path(os.path.realpath(self.directory / name))
        if not real.is_relative_to(self.directory):
            raise HistoryUnknown(f"{self._shown(name)} is a link that leads out of the repository")
        return real

    def _shown(self, name: str) -> str:
        return str(self.directory / name)


def os_reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


@dataclass(frozen=True, slots=True)
class Location:
    """Real paths: `top` of the work tree; `own` holds its HEAD; `common` the objects and branches that worktrees of
    the same repository share, and is the same as `own` without worktrees."""

    top: Path
    own: Path
    common: Path

    def path_of(self, file: Path) -> tuple[bytes, ...]:
        """A file's path in the repository, by names. Raises HistoryUnknown for a file, behind its links, that is not
        of this repository."""
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.top):
            raise HistoryUnknown("the file is outside of the git repository")
        for directory in real.parents:
            if directory == self.top:
                break
            if os.path.lexists(directory / ".git"):
                raise HistoryUnknown("the file is in another git repository")
        return tuple(os.fsencode(name) for name in real.relative_to(self.top).parts)


def find_repository(directory: Path) -> Location | None:
    """None where there is no repository. Raises HistoryUnknown for one that is not read."""
    real = Path(os.path.realpath(directory))
    for top in (real, *real.parents):
        mode = _mode(top / ".git")
        if mode is None:
            continue
        found = _found(top, mode)
        if not (found.common / "objects").is_dir() or not os.path.lexists(found.own / "HEAD"):
            raise HistoryUnknown(f"{top / '.git'} is not a git repository")
        if real.is_relative_to(found.own):
            raise HistoryUnknown(f"the directory is inside of {found.own}")
        return found
    return None


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HistoryUnknown(f"{path} cannot be read: {os_reason(error)}") from None


def _found(top: Path, mode: int) -> Location:
    path = top / ".git"
    if stat.S_ISDIR(mode):
        if os.path.lexists(path / "commondir"):
            raise HistoryUnknown(f"{path} belongs to another repository, which does not name it")
        return Location(top, path, path)
    if not stat.S_ISREG(mode):
        kind = "a link, which is not followed" if stat.S_ISLNK(mode) else "not a regular file"
        raise HistoryUnknown(f"{path} is {kind}")
    text = GitFiles(top).read(".git", _PATH_BYTES) or b""
    if not text.startswith(_GITFILE):
        raise HistoryUnknown(f"{path} is not a git repository")
    own = _path(top, text.removeprefix(_GITFILE))
    common = _of_worktree(top, own) or _of_submodule(top, own)
    if common is None:
        raise HistoryUnknown(f"{path} leads to {own}, which does not name {top} as its work tree")
    return Location(top, own, common)


def _of_worktree(top: Path, own: Path) -> Path | None:
    """The shared directory. It must have `own` among its worktrees, and `own` must name the `.git` file."""
    files = GitFiles(own)
    shared, back = (files.read(name, _PATH_BYTES) for name in ("commondir", "gitdir"))
    if shared is None or back is None:
        return None
    common = _path(own, shared)
    return common if own.parent == common / "worktrees" and _path(own, back) == top / ".git" else None


def _of_submodule(top: Path, own: Path) -> Path | None:
    """The submodule's own directory, which has nothing to share; `core.worktree` must be where it is checked out."""
    files = GitFiles(own)
    text = None if files.has("commondir") else files.read("config", _CONFIG_BYTES)
    worktree = _worktree_setting(text) if text is not None else None
    return own if worktree is not None and _path(own, worktree) == top else None


def _worktree_setting(text: bytes) -> bytes | None:
    """The one setting that is looked at. What a configuration includes is not read."""
    from io import BytesIO

    from dulwich.config import ConfigFile

    try:
        return ConfigFile.from_file(BytesIO(text), expand_includes=False).get((b"core",), b"worktree")
    except (KeyError, ValueError):
        return None


def _path(base: Path, text: bytes) -> Path:
    return Path(os.path.realpath(base / os.fsdecode(text.rstrip(b"\r\n"))))
