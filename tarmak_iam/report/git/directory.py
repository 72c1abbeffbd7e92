"""The .git directory of a directory: where it is, its files, and how much of them is read.

The work is limited by counting and not by time, so that the same repository gives the same answer on every machine.

A repository is used only if it belongs to the directory. A bare repository inside the directory is ignored, and a
`.git` file, as in worktrees and submodules, must refer to a repository that refers back to the directory. Otherwise
another user's directory could show the history of one of your repositories. Environment variables such as GIT_DIR are
ignored.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tarmak_iam.files import MAX_BYTES
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import capped

MAX_OBJECT = MAX_BYTES
"""The most bytes of a commit, a tree or a file; the limit for files of the working copy too."""


_GITFILE = b"gitdir: "
_PATH_BYTES = 8192
_CONFIG_BYTES = 1 << 16


class HistoryUnknown(Exception):
    """The reason why a question about the history has no answer: one line, which may quote a path from a `.git`
    file."""

    def __init__(self, why: str) -> None:
        super().__init__(capped(why))


class TooLarge(HistoryUnknown):
    """An object is larger than MAX_OBJECT bytes."""


@dataclass(slots=True)
class Budget:
    """The work that is still allowed: `commits` to read, `bytes` to inflate, and `steps` of walks and comparisons."""

    commits: int = 100_000
    bytes: int = 1 << 29
    steps: int = 10_000_000

    def take_commit(self) -> None:
        self.commits -= 1
        if self.commits < 0:
            raise HistoryUnknown("the history has more commits than the limit")

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise HistoryUnknown("the history has more data than the limit")

    def take_steps(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise HistoryUnknown("the history needs more work than the limit")


class GitFiles:
    """Files below `directory`, a real path. Links that lead out of it are not followed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, name: str, limit: int) -> bytes | None:
        """None for a file that does not exist. Raises HistoryUnknown, also for more than `limit` bytes."""
        with self.opened(name) as file:
            data = file.read(limit + 1) if file else None
        if data is not None and len(data) > limit:
            raise HistoryUnknown(f"{self._shown(name)} is larger than the limit of {limit:,} bytes")
        return data

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO | None]:
        """As `read`. Does not block on a named pipe, which is not a regular file."""
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
        """The sorted names in a directory; none if it does not exist. Raises HistoryUnknown, also for more than `limit`
        names."""
        found = []
        try:
            with os.scandir(self._within(name)) as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > limit:
                        raise HistoryUnknown(
                            f"{self._shown(name)} contains more than {limit:,} files, which is the limit"
                        )
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
            raise HistoryUnknown(f"{self._shown(name)} is a symbolic link that leads out of the repository")
        return real

    def _shown(self, name: str) -> str:
        return str(self.directory / name)


def os_reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


@dataclass(frozen=True, slots=True)
class Location:
    """Real paths. `top`: the work tree. `own`: the directory with its HEAD. `common`: the directory with the objects
    and branches that all worktrees share; the same as `own` without worktrees."""

    top: Path
    own: Path
    common: Path

    def path_of(self, file: Path) -> tuple[bytes, ...]:
        """The path of a file in the repository, as names. Raises HistoryUnknown if the file, with links resolved, is
        not part of this repository."""
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.top):
            raise HistoryUnknown("the file is outside the git repository")
        for directory in real.parents:
            if directory == self.top:
                break
            if os.path.lexists(directory / ".git"):
                raise HistoryUnknown("the file is in another git repository")
        return tuple(os.fsencode(name) for name in real.relative_to(self.top).parts)


def find_repository(directory: Path) -> Location | None:
    """None if there is no repository. Raises HistoryUnknown for a repository that is not read."""
    real = Path(os.path.realpath(directory))
    for top in (real, *real.parents):
        mode = _mode(top / ".git")
        if mode is None:
            continue
        found = _found(top, mode)
        if not (found.common / "objects").is_dir() or not os.path.lexists(found.own / "HEAD"):
            raise HistoryUnknown(f"{top / '.git'} is not a git repository")
        if real.is_relative_to(found.own):
            raise HistoryUnknown(f"the directory is inside {found.own}")
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
            raise HistoryUnknown(f"{path} belongs to another repository, which does not refer to it")
        return Location(top, path, path)
    if not stat.S_ISREG(mode):
        kind = "a symbolic link, which is not followed" if stat.S_ISLNK(mode) else "not a regular file"
        raise HistoryUnknown(f"{path} is {kind}")
    text = GitFiles(top).read(".git", _PATH_BYTES) or b""
    if not text.startswith(_GITFILE):
        raise HistoryUnknown(f"{path} is not a git repository")
    own = _path(top, text.removeprefix(_GITFILE))
    common = _of_worktree(top, own) or _of_submodule(top, own)
    if common is None:
        raise HistoryUnknown(f"{path} refers to {own}, which does not name {top} as its work tree")
    return Location(top, own, common)


def _of_worktree(top: Path, own: Path) -> Path | None:
    """The shared directory; None if `own` is not one of its worktrees, or does not refer to the `.git` file."""
    files = GitFiles(own)
    shared, back = (files.read(name, _PATH_BYTES) for name in ("commondir", "gitdir"))
    if shared is None or back is None:
        return None
    common = _path(own, shared)
    return common if own.parent == common / "worktrees" and _path(own, back) == top / ".git" else None


def _of_submodule(top: Path, own: Path) -> Path | None:
    """The directory of a submodule, which shares nothing; None if `core.worktree` is not where it is checked out."""
    files = GitFiles(own)
    text = None if files.has("commondir") else files.read("config", _CONFIG_BYTES)
    worktree = _worktree_setting(text) if text is not None else None
    return own if worktree is not None and _path(own, worktree) == top else None


def _worktree_setting(text: bytes) -> bytes | None:
    """The only setting that is read. Files that the configuration includes are not read."""
    from io import BytesIO

    from dulwich.config import ConfigFile

    try:
        return ConfigFile.from_file(BytesIO(text), expand_includes=False).get((b"core",), b"worktree")
    except (KeyError, ValueError):
        return None


def _path(base: Path, text: bytes) -> Path:
    return Path(os.path.realpath(base / os.fsdecode(text.rstrip(b"\r\n"))))
