"""The git repository that contains a directory: commits, trees and files, read with dulwich (extra `report`).

No program is started, and no setting of the repository takes effect: dulwich's `Repo` would read the configuration,
which may name paths elsewhere. Work is counted, not timed: the answer is the same on every machine."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dulwich.config import ConfigFile
from dulwich.diff_tree import CHANGE_DELETE, tree_changes
from dulwich.object_format import SHA1, SHA256
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit as GitCommit
from dulwich.objects import ObjectID, RawObjectID, ShaFile, Tree
from dulwich.pack import Pack, PackData, UnpackedObject, take_msb_bytes
from dulwich.refs import HEADREF, DiskRefsContainer, Ref, SymrefLoop, check_ref_format

from tarmak_iam.files import MAX_BYTES
from tarmak_iam.report.model import LastChange
from tarmak_iam.text import capped

_READING = 20  # steps for an object
_PARENTS = 100
_SMALL = 8192  # the most bytes of a `.git` file
_LIST_BYTES = 1 << 25
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class HistoryUnknown(Exception):
    """Why a question about the history has no answer: one line, which may quote a path from a `.git` file."""

    def __init__(self, why: str) -> None:
        super().__init__(capped(why))


class Budget:
    """The work that is still allowed: a step is 64 bytes of an object, and all read 100,000 commits, or 512 MiB."""

    def __init__(self, steps: int = 1 << 23) -> None:
        self.left = steps

    def take(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise HistoryUnknown("the history needs more work than the limit")


class Location(NamedTuple):
    """Real paths. `top`: the work tree. `own`: the directory with its HEAD. `common`: the directory with the objects
    and branches that all worktrees share; the same as `own` without worktrees."""

    top: Path
    own: Path
    common: Path

    def path_of(self, file: Path) -> bytes:
        """The path in this repository of a file, with links resolved. Raises HistoryUnknown for one elsewhere."""
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.top):
            raise HistoryUnknown("the file is outside the git repository")
        below = real.parents[: len(real.parts) - len(self.top.parts) - 1]
        if any(os.path.lexists(directory / ".git") for directory in below):
            raise HistoryUnknown("the file is in another git repository")
        return os.fsencode(real.relative_to(self.top))


def find_repository(directory: Path) -> Location | None:
    """None if there is no repository. Raises HistoryUnknown for a repository that is not read.

    A repository is used only if it belongs to the directory: otherwise another user's directory could show the history
    of one of your repositories. A bare repository inside the directory is ignored, a `.git` file, as in worktrees and
    submodules, must refer to a repository that refers back to the directory, and GIT_DIR and the like are ignored.
    """
    real = Path(os.path.realpath(directory))
    for top in (real, *real.parents):
        git = top / ".git"
        mode = _checked_mode(git)
        if mode is None:
            continue
        if stat.S_ISDIR(mode) and os.path.lexists(git / "commondir"):
            raise HistoryUnknown(f"{git} belongs to another repository, which does not refer to it")
        location = Location(top, git, git) if stat.S_ISDIR(mode) else _of_git_file(top)
        for start in (base / name for base in {*location[1:]} for name in ("HEAD", "packed-refs", "refs", "objects")):
            below = (Path(where, name) for where, names, files in os.walk(start) for name in (*names, *files))
            for path in (start, *below):
                if _checked_mode(path) and start.name != "objects" and path.stat().st_size > _LIST_BYTES:
                    raise HistoryUnknown(f"{path} is larger than the limit of {_LIST_BYTES:,} bytes")
        if not (location.common / "objects").is_dir() or not os.path.lexists(location.own / "HEAD"):
            raise HistoryUnknown(f"{git} is not a git repository")
        if real.is_relative_to(location.own):
            raise HistoryUnknown(f"the directory is inside {location.own}")
        return location
    return None


def _of_git_file(top: Path) -> Location:
    """The worktree or submodule that a `.git` file refers to, if that refers to the file or to its directory."""
    text = read_regular(top / ".git", _SMALL) or b""
    if not text.startswith(b"gitdir: "):
        raise HistoryUnknown(f"{top / '.git'} is not a git repository")
    directory = _path(top, text.removeprefix(b"gitdir: "))
    shared, back = (read_regular(directory / name, _SMALL) for name in ("commondir", "gitdir"))
    if shared is not None and back is not None:
        common = _path(directory, shared)
        if directory.parent == common / "worktrees" and _path(directory, back) == top / ".git":
            return Location(top, directory, common)
    config = None if os.path.lexists(directory / "commondir") else read_regular(directory / "config", 1 << 16)
    if config is not None:
        with suppress(KeyError, ValueError):  # the only setting that is read, without included files
            read = ConfigFile.from_file(io.BytesIO(config), expand_includes=False)
            if _path(directory, read.get((b"core",), b"worktree")) == top:
                return Location(top, directory, directory)
    raise HistoryUnknown(f"{top / '.git'} refers to {directory}, which does not name {top} as its work tree")


def _path(base: Path, text: bytes) -> Path:
    return Path(os.path.realpath(base / os.fsdecode(text.rstrip(b"\r\n"))))


def _checked_mode(path: Path) -> int | None:
    """The mode of a file or directory; None if it does not exist. Raises HistoryUnknown for a link, which may lead to
    another repository, and for a named pipe, where reading would wait for another process."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HistoryUnknown(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        raise HistoryUnknown(f"{path} is a symbolic link, which is not followed")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise HistoryUnknown(f"{path} is not a regular file")
    return mode


def read_regular(path: Path, limit: int) -> bytes | None:
    """None for a file that does not exist. Raises HistoryUnknown as `_checked_mode` does, and for a larger file."""
    if _checked_mode(path) is None:
        return None
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise HistoryUnknown(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise HistoryUnknown(f"{path} is larger than the limit of {limit:,} bytes")
    return data


class _LimitedPack(PackData):
    """Refuses an entry that is too large before it is inflated, and counts the work for the others."""

    budget: Budget

    def get_unpacked_object_at(self, offset: int, *, include_comp: bool = False) -> UnpackedObject:
        with open(self._filename, "rb") as file:
            file.seek(max(offset, 0))
            declared = _number(io.BytesIO(file.read(11)))
        size = declared & 15 | declared >> 7 << 4  # the type is in three of the lowest seven bits
        _check_size(size)
        entry = super().get_unpacked_object_at(offset, include_comp=include_comp)
        if entry.delta_base is not None:
            self.budget.take(_READING + (size >> 3))
            start = io.BytesIO(b"".join(entry.decomp_chunks)[:22])
            _number(start)
            size = _number(start)  # of the result
            _check_size(size)
        self.budget.take(size >> 7)
        return entry


def _number(data: io.BytesIO) -> int:
    """Seven bits per byte, the lowest first; the last byte is below 128."""
    return sum((byte & 127) << 7 * place for place, byte in enumerate(take_msb_bytes(data.read)[0]))


class _TooLarge(Exception):
    pass


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise _TooLarge


class _Objects(DiskObjectStore):
    """Objects of this repository only, each checked against its id, so that a damaged or forged one is never used. An
    index of several packs (multi-pack-index) is not used, because it may name packs elsewhere."""

    budget: Budget

    def get_midx(self) -> None:
        return None

    def _update_pack_cache(self) -> list[Pack]:
        packs = super()._update_pack_cache()
        for pack in packs:
            pack._data_load = partial(self._limited, pack._data_path)
        return packs

    def _limited(self, path: str) -> PackData:
        data = _LimitedPack(path, self.object_format, delta_base_cache_limit=1 << 25)
        data.budget = self.budget
        return data

    def get_raw(self, name: ObjectID | RawObjectID) -> tuple[int, bytes]:
        self.budget.take(_READING + len(self._pack_cache))
        with suppress(FileNotFoundError):
            _check_size(os.stat(self._get_shafile_path(ObjectID(name))).st_size)
        kind, data = super().get_raw(name)
        self.budget.take(len(data) >> 6)
        return kind, data

    def __getitem__(self, name: ObjectID | RawObjectID) -> ShaFile:
        """Raises HistoryUnknown for an object that is missing, too large or damaged."""
        shown = name[:12].decode("ascii", "replace")
        if not _ID.fullmatch(name):
            raise HistoryUnknown("a commit is damaged: it contains an ID that is not valid")
        try:
            return super().__getitem__(name)
        except (HistoryUnknown, OSError):
            raise
        except KeyError:
            is_partial = any(Path(self.pack_dir).glob("*.promisor"))
            why = ": it is a partial clone, and missing objects are not fetched" if is_partial else ""
            raise HistoryUnknown(f"the object {shown} is not in the repository{why}") from None
        except Exception as error:  # dulwich raises many kinds for what git would not write
            is_large = isinstance(error, _TooLarge) or "exceeds maximum size" in str(error)
            why = f"larger than the limit of {MAX_BYTES:,} bytes" if is_large else "damaged"
            raise HistoryUnknown(f"the object {shown} is {why}") from None

    def __del__(self) -> None:
        self.close()


class Commit(NamedTuple):
    """`committed`: the date of the committer in ISO 8601, or "". `parents`: () where a shallow clone ends."""

    name: ObjectID
    tree: ObjectID
    parents: tuple[ObjectID, ...]
    committed: str
    change: LastChange


class TreeFile(NamedTuple):
    """A regular file of a commit. `name`: the id of its content."""

    path: bytes
    mode: int
    name: ObjectID


class GitRepository:
    """`head` is None if nothing is committed. Commits and entries of trees are cached: several questions are about the
    same. Replacements (refs/replace) and grafts are ignored. Every method raises HistoryUnknown if an object that it
    needs is missing or damaged, or if `budget` is exhausted."""

    def __init__(self, location: Location, budget: Budget) -> None:
        if os.path.lexists(location.common / "reftable"):
            raise HistoryUnknown("the repository stores its branches in the reftable format, which is not supported")
        if os.path.lexists(location.common / "objects" / "info" / "alternates"):
            raise HistoryUnknown("it uses objects of another repository (info/alternates), which is not read")
        head = _head(location)
        self.location, self.budget = location, budget
        self._objects = _Objects(
            location.common / "objects",
            object_format=SHA256 if head and len(head) == SHA256.hex_length else SHA1,
            loose_object_size_limit=MAX_BYTES,
        )
        self._objects.budget = budget
        self._shallow = frozenset((read_regular(location.common / "shallow", _LIST_BYTES) or b"").split())
        self._commits: dict[ObjectID, Commit] = {}
        self._entries: dict[tuple[ObjectID, bytes], tuple[int, ObjectID]] = {}
        self.head = None if head is None else self.commit(head)

    def commit(self, name: ObjectID) -> Commit:
        known = self._commits.get(name)
        if known is None:
            shown, commit = name[:12].decode(), self._objects[name]
            if not isinstance(commit, GitCommit):
                raise HistoryUnknown(f"the object {shown} is not a commit")
            try:
                known = _described(name, commit, is_shallow=name in self._shallow)
            except Exception:  # dulwich raises many kinds for what git would not write
                raise HistoryUnknown(f"the commit {shown} is damaged") from None
            if len(known.parents) > _PARENTS:
                raise HistoryUnknown(f"the commit {shown} has more than {_PARENTS:,} parents, the limit")
            self._commits[name] = known
        return known

    def parents(self, commit: Commit) -> list[Commit]:
        self.budget.take(len(commit.parents))
        return [self.commit(name) for name in commit.parents]

    def file(self, commit: Commit, path: bytes) -> TreeFile | None:
        """The file that the commit contains at a path; None if there is none, or if it is a link or a directory."""
        mode, name = stat.S_IFDIR, commit.tree
        for part in path.split(b"/"):
            key = name, part
            if key not in self._entries:
                tree = self._objects[name] if stat.S_ISDIR(mode) else None
                self._entries[key] = tree[part] if isinstance(tree, Tree) and part in tree else (0, name)
            mode, name = self._entries[key]
            if not mode:
                break
        return TreeFile(path, mode, name) if stat.S_ISREG(mode) else None

    def content(self, file: TreeFile) -> bytes:
        return self._objects[file.name].as_raw_string()

    def removed(self, before: Commit, after: Commit) -> Iterator[TreeFile]:
        """The files that a commit removed or moved."""
        for change in tree_changes(self._objects, before.tree, after.tree):
            self.budget.take(50)
            old = change.old
            if change.type == CHANGE_DELETE and old and old.path and old.mode and old.sha and stat.S_ISREG(old.mode):
                yield TreeFile(old.path, old.mode, old.sha)


def _head(location: Location) -> ObjectID | None:
    """The id of HEAD in hexadecimal; None if nothing is committed yet."""
    try:
        names, head = DiskRefsContainer(str(location.common), str(location.own)).follow(HEADREF)
    except SymrefLoop:
        names, head = [HEADREF], None
    branch = names[-1].removeprefix(b"refs/")
    is_branch = branch != names[-1] and check_ref_format(Ref(branch))
    if not (is_branch if head is None else _ID.fullmatch(head)):
        raise HistoryUnknown("HEAD does not name a commit")
    return head


def _described(name: ObjectID, commit: GitCommit, *, is_shallow: bool) -> Commit:
    encoding = commit.encoding.decode("ascii", "replace") if commit.encoding else "utf-8"
    committed, time = _date(commit.commit_time, commit.commit_timezone), commit.commit_time or 0
    if is_shallow:
        unknown = "the clone is shallow and does not contain the commit"
        return Commit(name, commit.tree, (), committed, LastChange(unknown=unknown, time=time))
    author = _decoded(commit.author.partition(b"<")[0].removesuffix(b" "), encoding)
    date = _date(commit.author_time, commit.author_timezone)
    summary = _decoded(commit.message.lstrip(b"\n").partition(b"\n")[0], encoding)
    change = LastChange(name.decode(), author, date, summary, time=time)
    return Commit(name, commit.tree, tuple(commit.parents), committed, change)


def _decoded(text: bytes, encoding: str) -> str:
    try:
        return text[:1000].decode(encoding, "replace")
    except (LookupError, ValueError):
        return text[:1000].decode("utf-8", "replace")


def _date(seconds: int, zone: int) -> str:
    with suppress(OverflowError, TypeError, ValueError, OSError):  # it is None if there is none
        return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=zone))).isoformat()
    return ""
