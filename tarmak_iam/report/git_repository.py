"""The git repository that contains a directory: commits, trees and files. Needs dulwich, from the extra `report`.

No program is started, and no setting of the repository takes effect: dulwich's own `Repo` would read the configuration,
alternates and indexes of packs, all of which may name paths elsewhere. dulwich decodes packs and objects. This module
decides where to look and how much to read. The work is limited by counting and not by time, so that the same repository
gives the same answer on every machine.
"""

from __future__ import annotations

import io
import mmap
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from dulwich.config import ConfigFile
from dulwich.diff_tree import CHANGE_DELETE, tree_changes
from dulwich.object_format import SHA1, SHA256, ObjectFormat
from dulwich.object_store import BaseObjectStore
from dulwich.objects import Commit as GitCommit
from dulwich.objects import ObjectID, RawObjectID, ShaFile, object_class, parse_tree
from dulwich.pack import Pack, PackData, UnpackedObject, load_pack_index_file, take_msb_bytes

from tarmak_iam.files import MAX_BYTES
from tarmak_iam.report.model import LastChange
from tarmak_iam.text import capped

# What is counted as steps, for one object, one search in the index of a pack or one entry of it, and one file that a
# commit adds, changes or removes.
_READING = 20
_LOOKUP = 2
_CHANGE = 50
_DELTAS = 4096
"""The longest chain of deltas. git writes at most 4,095, and 50 by default."""
_PACKS = 1000
_PARENTS = 100
_SMALL = 8192
"""The most bytes of a `.git` file or a reference."""
_LIST_BYTES = 1 << 25
_TEXT_BYTES = 1000
"""The most bytes of a name or a summary that are kept."""
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = re.compile(rb"ref: (refs(?:/(?!\.)[^/\x00-\x20\x7f]+)+)\s*")
_SHALLOW = "the clone is shallow and does not contain the commit"


class HistoryUnknown(Exception):
    """The reason why a question about the history has no answer: one line, which may quote a path from a `.git`
    file."""

    def __init__(self, why: str) -> None:
        super().__init__(capped(why))


class TooLarge(HistoryUnknown):
    """An object is larger than MAX_BYTES."""


class Budget:
    """The work that is still allowed: `commits` to read, bytes of `data` to inflate, `steps` of walks and comparisons,
    and `deltas` of one object, which may refer to each other in a circle."""

    def __init__(self, commits: int = 100_000, data: int = 1 << 29, steps: int = 10_000_000) -> None:
        self.left = {"commits": commits, "data": data, "steps": steps, "deltas": 0}

    def take(self, what: str, count: int = 1) -> None:
        self.left[what] -= count
        if self.left[what] < 0:
            limit = "needs more work" if what == "steps" else f"has more {what}"
            raise HistoryUnknown(f"the history {limit} than the limit")


# --- where it is ------------------------------------------------------------------------------------------------------


class Location(NamedTuple):
    """Real paths. `top`: the work tree. `own`: the directory with its HEAD. `common`: the directory with the objects
    and branches that all worktrees share; the same as `own` without worktrees."""

    top: Path
    own: Path
    common: Path

    def path_of(self, file: Path) -> bytes:
        """The path of a file in the repository. Raises HistoryUnknown if the file, with links resolved, is not part of
        this repository."""
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.top):
            raise HistoryUnknown("the file is outside the git repository")
        below = real.parents[: len(real.parts) - len(self.top.parts) - 1]
        if any(os.path.lexists(directory / ".git") for directory in below):
            raise HistoryUnknown("the file is in another git repository")
        return os.fsencode(real.relative_to(self.top))


def find_repository(directory: Path) -> Location | None:
    """None if there is no repository. Raises HistoryUnknown for a repository that is not read.

    A repository is used only if it belongs to the directory. A bare repository inside the directory is ignored, and a
    `.git` file, as in worktrees and submodules, must refer to a repository that refers back to the directory. Otherwise
    another user's directory could show the history of one of your repositories. Environment variables such as GIT_DIR
    are ignored.
    """
    real = Path(os.path.realpath(directory))
    for top in (real, *real.parents):
        git = top / ".git"
        mode = _mode(git)
        if mode is None:
            continue
        if stat.S_ISDIR(mode):
            if os.path.lexists(git / "commondir"):
                raise HistoryUnknown(f"{git} belongs to another repository, which does not refer to it")
            location = Location(top, git, git)
        elif stat.S_ISLNK(mode):
            raise HistoryUnknown(f"{git} is a symbolic link, which is not followed")
        else:
            location = _of_git_file(top)
        if not (location.common / "objects").is_dir() or not os.path.lexists(location.own / "HEAD"):
            raise HistoryUnknown(f"{git} is not a git repository")
        if real.is_relative_to(location.own):
            raise HistoryUnknown(f"the directory is inside {location.own}")
        return location
    return None


def _of_git_file(top: Path) -> Location:
    """The worktree or submodule that a `.git` file refers to, if that refers to the file or to its directory."""
    text = read_regular(top, ".git", _SMALL) or b""
    if not text.startswith(b"gitdir: "):
        raise HistoryUnknown(f"{top / '.git'} is not a git repository")
    directory = _path(top, text.removeprefix(b"gitdir: "))
    shared, back = (read_regular(directory, name, _SMALL) for name in ("commondir", "gitdir"))
    if shared is not None and back is not None:
        common = _path(directory, shared)
        if directory.parent == common / "worktrees" and _path(directory, back) == top / ".git":
            return Location(top, directory, common)
    config = None if os.path.lexists(directory / "commondir") else read_regular(directory, "config", 1 << 16)
    if config is not None:
        with suppress(KeyError, ValueError):  # the only setting that is read, without included files
            read = ConfigFile.from_file(io.BytesIO(config), expand_includes=False)
            if _path(directory, read.get((b"core",), b"worktree")) == top:
                return Location(top, directory, directory)
    raise HistoryUnknown(f"{top / '.git'} refers to {directory}, which does not name {top} as its work tree")


def _path(base: Path, text: bytes) -> Path:
    return Path(os.path.realpath(base / os.fsdecode(text.rstrip(b"\r\n"))))


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HistoryUnknown(f"{path} cannot be read: {error.strerror}") from None


def _regular(directory: Path, name: str) -> Path | None:
    """The real path of a file; None if it does not exist. Raises HistoryUnknown for a link that leads out of the
    directory, which is a real path, and for a named pipe, where reading would wait for another process."""
    path = directory / name
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(directory):
        raise HistoryUnknown(f"{path} is a symbolic link that leads out of the repository")
    mode = _mode(real)
    if mode is not None and not stat.S_ISREG(mode):
        raise HistoryUnknown(f"{path} is not a regular file")
    return None if mode is None else real


def read_regular(directory: Path, name: str, limit: int) -> bytes | None:
    """As `_regular`; the content of the file. Raises HistoryUnknown also for more than `limit` bytes."""
    real = _regular(directory, name)
    if real is None:
        return None
    try:
        with open(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise HistoryUnknown(f"{directory / name} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise HistoryUnknown(f"{directory / name} is larger than the limit of {limit:,} bytes")
    return data


def _head(location: Location) -> ObjectID | None:
    """The id of HEAD in hexadecimal; None if nothing is committed yet."""
    if os.path.lexists(location.common / "reftable"):
        raise HistoryUnknown("the repository stores its branches in the reftable format, which is not supported")
    text = read_regular(location.own, "HEAD", _SMALL)
    for _ in range(5):
        if text is None:
            return None
        branch = _BRANCH.fullmatch(text)
        if branch is None:
            if not _ID.fullmatch(text.strip()):
                raise HistoryUnknown("HEAD does not name a commit")
            return ObjectID(text.strip())
        text = read_regular(location.common, os.fsdecode(branch[1]), _SMALL)
        if text is None:
            packed = read_regular(location.common, "packed-refs", _LIST_BYTES) or b""
            line = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(branch[1]) + rb"\r?$", packed, re.MULTILINE)
            text = line[1] if line else None
    raise HistoryUnknown("HEAD names branches that refer to each other")


# --- what it contains -------------------------------------------------------------------------------------------------


class _LimitedPack(PackData):
    """Refuses an entry that is too large before it is inflated, and counts the work for the others."""

    def __init__(self, path: Path, object_format: ObjectFormat, budget: Budget) -> None:
        super().__init__(path, object_format, delta_base_cache_limit=1 << 25)
        self.budget = budget
        with path.open("rb") as file:
            self.mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def get_unpacked_object_at(self, offset: int, *, include_comp: bool = False) -> UnpackedObject:
        # The type is in three of the lowest seven bits of the size.
        declared = _number(io.BytesIO(self.mapped[offset : offset + 11]))
        size = declared & 15 | declared >> 7 << 4
        _check_size(size)
        entry = super().get_unpacked_object_at(offset, include_comp=include_comp)
        if entry.delta_base is not None:
            self.budget.take("deltas")
            self.budget.take("steps", size >> 3)
            start = io.BytesIO(b"".join(entry.decomp_chunks)[:22])
            _number(start)
            size = _number(start)  # of the result
            _check_size(size)
        self.budget.take("steps", _LOOKUP + (size >> 7))
        return entry

    def __del__(self) -> None:
        with suppress(AttributeError):  # if it could not be opened
            self.close()


class _ClosingPack(Pack):
    def __del__(self) -> None:
        self.close()


def _number(data: io.BytesIO) -> int:
    """Seven bits per byte, the lowest first; the last byte is below 128."""
    return sum((byte & 127) << 7 * place for place, byte in enumerate(take_msb_bytes(data.read)[0]))


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise TooLarge(f"larger than the limit of {MAX_BYTES:,} bytes")


class Commit(NamedTuple):
    """`time`: that of the committer, in seconds. `committed`: the same in ISO 8601, empty if it is no date.
    `parents`: empty for a commit at which a shallow clone ends."""

    name: ObjectID
    tree: ObjectID
    parents: tuple[ObjectID, ...]
    time: int
    committed: str
    change: LastChange


class TreeFile(NamedTuple):
    """A regular file of a commit: its path, and the id of its mode and content."""

    path: bytes
    mode: int
    name: ObjectID


class GitRepository(BaseObjectStore):
    """Caches commits and places of files: several questions are about the same. `head` is None if nothing is committed.

    Each object is checked against its id, so that a damaged or forged one is never used. Replacements (refs/replace)
    and grafts are ignored. Every method raises HistoryUnknown if an object that it needs is missing or damaged, or if
    `budget` is exhausted.
    """

    def __init__(self, location: Location, budget: Budget) -> None:
        head = _head(location)
        super().__init__(object_format=SHA256 if head and len(head) == SHA256.hex_length else SHA1)
        self.location = location
        self.budget = budget
        self._shallow = frozenset((read_regular(location.common, "shallow", _LIST_BYTES) or b"").split())
        self._packs: list[Pack] | None = None
        self._commits: dict[ObjectID, Commit] = {}
        self._files: dict[tuple[ObjectID, bytes], TreeFile | None] = {}
        self.head = None if head is None else self.commit(head)

    def commit(self, name: ObjectID) -> Commit:
        known = self._commits.get(name)
        if known is None:
            self.budget.take("commits")
            commit = self[name]
            if not isinstance(commit, GitCommit):
                raise HistoryUnknown(f"the object {_short(name)} is not a commit")
            try:
                known = _described(name, commit, is_shallow=name in self._shallow)
            except Exception:  # dulwich raises many kinds for what git would not write
                raise HistoryUnknown(f"the commit {_short(name)} is damaged") from None
            if len(known.parents) > _PARENTS:
                raise HistoryUnknown(f"the commit {_short(name)} has more than {_PARENTS:,} parents, the limit")
            self._commits[name] = known
        return known

    def parents(self, commit: Commit) -> list[Commit]:
        self.budget.take("steps", len(commit.parents))
        return [self.commit(name) for name in commit.parents]

    def file(self, commit: Commit, path: bytes) -> TreeFile | None:
        """The file that the commit contains at a path; None if there is none, or if it is a link or a directory."""
        key = commit.tree, path
        if key not in self._files:
            mode, name = stat.S_IFDIR, commit.tree
            for part in path.split(b"/"):
                if stat.S_ISDIR(mode):
                    data = self[name].as_raw_string()
                    self.budget.take("steps", len(data) >> 6)
                    entries = parse_tree(data, self.object_format.oid_length)
                    mode, name = next(
                        ((mode, ObjectID(child)) for entry, mode, child in entries if entry == part), (0, name)
                    )
            self._files[key] = TreeFile(path, mode, name) if stat.S_ISREG(mode) else None
        return self._files[key]

    def content(self, file: TreeFile) -> bytes:
        return b"".join(self[file.name].as_raw_chunks())

    def removed(self, before: Commit, after: Commit) -> Iterator[TreeFile]:
        """The files that a commit removed or moved."""
        for change in tree_changes(self, before.tree, after.tree):
            self.budget.take("steps", _CHANGE)
            old = change.old
            if change.type == CHANGE_DELETE and old and old.path and old.mode and old.sha and stat.S_ISREG(old.mode):
                yield TreeFile(old.path, old.mode, old.sha)

    def __getitem__(self, name: ObjectID | RawObjectID) -> ShaFile:
        """Raises HistoryUnknown for an object that is missing or damaged."""
        try:
            return super().__getitem__(name)
        except TooLarge as error:
            raise TooLarge(f"the object {_short(name)} is {error}") from None
        except (HistoryUnknown, OSError):
            raise
        except Exception:  # dulwich raises many kinds for what git would not write
            raise HistoryUnknown(f"the object {_short(name)} is damaged") from None

    def get_raw(self, name: ObjectID | RawObjectID) -> tuple[int, bytes]:
        """Numeric type and content, which are not checked."""
        self.budget.take("steps", _READING)
        if not _ID.fullmatch(name):
            raise HistoryUnknown("a commit is damaged: it contains an ID that is not valid")
        packed = self._packed(ObjectID(name)) or self._loose(name.decode())
        if packed is None:
            raise HistoryUnknown(self._why_missing(name))
        self.budget.take("data", len(packed[1]))
        return packed

    def _packed(self, name: ObjectID) -> tuple[int, bytes] | None:
        if self._packs is None:
            directory = self.location.common / "objects" / "pack"
            if not Path(os.path.realpath(directory)).is_relative_to(self.location.common):
                raise HistoryUnknown(f"{directory} is a symbolic link that leads out of the repository")
            stems = sorted(path.stem for path in directory.glob("*.idx"))
            if len(stems) > _PACKS:
                raise HistoryUnknown(f"the repository has more than {_PACKS:,} packs, which is the limit")
            self._packs = [pack for pack in map(self._pack, stems) if pack is not None]
        self.budget.left["deltas"] = _DELTAS
        for pack in self._packs:
            self.budget.take("steps", _LOOKUP)
            with suppress(KeyError):
                return pack.get_raw(name)
        return None

    def _pack(self, stem: str) -> Pack | None:
        index, data = (_regular(self.location.common, f"objects/pack/{stem}.{ending}") for ending in ("idx", "pack"))
        if index is None or data is None:
            return None
        with index.open("rb") as file:  # it is mapped into memory
            loaded = load_pack_index_file(index, file, self.object_format)
        return _ClosingPack.from_lazy_objects(
            lambda: _LimitedPack(data, self.object_format, self.budget), lambda: loaded
        )

    def _loose(self, name: str) -> tuple[int, bytes] | None:
        path = f"objects/{name[:2]}/{name[2:]}"
        compressed = read_regular(self.location.common, path, MAX_BYTES + (MAX_BYTES >> 8))
        if compressed is None:
            return None
        header, _, data = zlib.decompressobj().decompress(compressed, MAX_BYTES + 64).partition(b"\0")
        _check_size(len(data))
        kind = object_class(header.partition(b" ")[0])
        return (kind.type_num, data) if kind else None

    def _why_missing(self, name: bytes) -> str:
        """Objects that a partial clone lacks are not fetched, and repositories from which it borrows are not read."""
        missing = f"the object {_short(name)} is not in the repository"
        objects = self.location.common / "objects"
        if any((objects / "pack").glob("*.promisor")):
            return f"{missing}: it is a partial clone, and missing objects are not fetched"
        if os.path.lexists(objects / "info" / "alternates"):
            return f"{missing}: it borrows objects from another one (objects/info/alternates), which is not read"
        return missing


def _short(name: bytes) -> str:
    return name[:12].decode("ascii", "replace")


def _described(name: ObjectID, commit: GitCommit, *, is_shallow: bool) -> Commit:
    encoding = commit.encoding.decode("ascii", "replace") if commit.encoding else "utf-8"
    change = LastChange(
        name.decode(),
        _decoded(commit.author.partition(b"<")[0].removesuffix(b" "), encoding),
        _date(commit.author_time, commit.author_timezone),
        _decoded(commit.message.lstrip(b"\n").partition(b"\n")[0], encoding),
        time=commit.commit_time or 0,
    )
    parents = () if is_shallow else tuple(commit.parents)
    committed = _date(commit.commit_time, commit.commit_timezone)
    shown = LastChange(unknown=_SHALLOW) if is_shallow else change
    return Commit(name, commit.tree, parents, change.time, committed, shown)


def _decoded(text: bytes, encoding: str) -> str:
    try:
        return text[:_TEXT_BYTES].decode(encoding, "replace")
    except (LookupError, ValueError):
        return text[:_TEXT_BYTES].decode("utf-8", "replace")


def _date(seconds: int, zone: int) -> str:
    with suppress(OverflowError, TypeError, ValueError, OSError):  # it is None if there is none
        return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=zone))).isoformat()
    return ""
