"""The directory that artifacts are rendered to: only what was written there before is replaced or removed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tarmak_iam.document.files import file_error, make_directory, read_file, read_if_present, replace_file
from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.emit.kustomization import is_safe_name
from tarmak_iam.errors import FileError, Place

RECORD_NAME = ".tarmak-iam-render"
"""Not `.json`, which `kubectl apply -f DIRECTORY` would read as an object."""

_ABOUT = "What `tarmak-iam render` wrote to this directory, and so may replace. Keep it with the files."
_VERSION = 1
_LOGGER = logging.getLogger(__name__)


def file_digest(data: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """`files`: name -> the digests of what the file may hold.

    There is one, but two while the files are being written: an interrupted run leaves some old and some new.
    """

    cluster_id: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> DirectoryRecord:
        """Raises ValueError for what is no record of this version; a name in it leads nowhere else."""
        try:
            content = json.loads(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            raise ValueError("it is no JSON") from None
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            raise ValueError("it is of another version")
        cluster_id, files = content.get("cluster"), content.get("files")
        if not isinstance(cluster_id, str) or not isinstance(files, dict):
            raise ValueError("cluster or files are missing")
        return cls(cluster_id, {_plain_name(name): _digests(value) for name, value in files.items()})

    def to_bytes(self) -> bytes:
        """The same for the same record."""
        files = {name: list(self.files[name]) for name in sorted(self.files)}
        content = {"about": _ABOUT, "version": _VERSION, "cluster": self.cluster_id, "files": files}
        return (json.dumps(content, indent=2) + "\n").encode()

    def has(self, name: str, data: bytes) -> bool:
        """Whether that is what was written under the name."""
        return file_digest(data) in self.files.get(name, ())


def _plain_name(name: str) -> str:
    """Somebody else may have written the record: no name of it is followed to another directory."""
    if not is_safe_name(name):
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _digests(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a digest is no text")
    return tuple(value)


class FileAction(str, Enum):
    """What becomes of a file."""

    WRITE = "write"
    UNCHANGED = "unchanged"
    RESTRICT = "restrict"
    """The bytes are right, but more people can read them than may."""
    REMOVE = "remove"
    """Written here before, and no longer made."""
    KEEP = "keep"
    """No longer made, but changed by hand since it was written."""


@dataclass(frozen=True, slots=True)
class FileStep:
    """`existing`: what is there now, None for nothing or a link. `artifact`: None for what is no longer made."""

    path: Path
    action: FileAction
    artifact: Artifact | None = None
    existing: bytes | None = field(default=None, repr=False)
    in_the_way: str = ""
    """Why the file that is there is not replaced without being told to."""


@dataclass(frozen=True, slots=True)
class DirectoryPlan:
    """Steps in the order in which they are carried out, and the record before, during and behind them."""

    directory: Path
    steps: tuple[FileStep, ...]
    recorded: bytes | None
    during: DirectoryRecord
    after: DirectoryRecord


def plan_directory(
    directory: Path,
    artifacts: Sequence[Artifact],
    cluster_id: str,
    *,
    force: bool = False,
    untouchable: Collection[Path] = (),
) -> DirectoryPlan:
    """What there is to do so that the directory has the artifacts, and nothing that was written there before them.

    A file that was not written there by us, or was changed since, is in the way, and so is a record of another
    cluster: FileError, unless `force`. What is neither file nor link is never replaced, nor are the `untouchable`
    files. Nothing is written.
    """
    record, recorded = _record(directory, cluster_id, force=force)
    steps = [_step(directory / each.name, each, record) for each in artifacts]
    made = {each.name.lower() for each in artifacts}  # on a file system that ignores case it is the same file
    steps += _leftovers(directory, (name for name in sorted(record.files) if name.lower() not in made), record)
    _check_untouched(steps, untouchable)
    _check_way(steps, force=force)
    _check_writable(steps)
    kept = {step.path.name: record.files[step.path.name] for step in steps if step.action is FileAction.KEEP}
    new = {each.name: (file_digest(each.data),) for each in artifacts}
    names = dict.fromkeys((*record.files, *new))
    either = {name: tuple(sorted({*record.files.get(name, ()), *new.get(name, ())})) for name in names}
    return DirectoryPlan(
        directory, tuple(steps), recorded, DirectoryRecord(cluster_id, either), DirectoryRecord(cluster_id, kept | new)
    )


def _record(directory: Path, cluster_id: str, *, force: bool) -> tuple[DirectoryRecord, bytes | None]:
    """The record that is there, an empty one if there is none; and its bytes."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise FileError("this is no directory", remedy="choose another --output-dir", place=Place(str(directory)))
    path = directory / RECORD_NAME
    mode = _kind(path)
    if mode is None or (stat.S_ISLNK(mode) and force):
        return DirectoryRecord(cluster_id), None
    if stat.S_ISLNK(mode):
        raise _refusal(path, "this is a symbolic link, not the record of what was written here")
    data = read_file(path)
    try:
        record = DirectoryRecord.parse(data)
    except ValueError as error:
        if force:
            return DirectoryRecord(cluster_id), data
        raise _refusal(path, f"this is no record of what was written here: {error}") from None
    if record.cluster_id != cluster_id and not force:
        raise _refusal(directory, f"this directory holds the files of {record.cluster_id}, not of {cluster_id}")
    return record, data


def _step(path: Path, artifact: Artifact, record: DirectoryRecord) -> FileStep:
    mode = _kind(path)
    if mode is None:
        return FileStep(path, FileAction.WRITE, artifact)
    if stat.S_ISLNK(mode):
        return FileStep(path, FileAction.WRITE, artifact, in_the_way="it is a symbolic link")
    existing = read_if_present(path)
    if existing == artifact.data:
        is_open = artifact.is_secret and mode & 0o077
        return FileStep(path, FileAction.RESTRICT if is_open else FileAction.UNCHANGED, artifact, existing)
    if existing is None or record.has(path.name, existing):
        return FileStep(path, FileAction.WRITE, artifact, existing)
    changed = path.name in record.files
    why = "it was changed by hand since it was written" if changed else "it was not written by tarmak-iam render"
    return FileStep(path, FileAction.WRITE, artifact, existing, why)


def _leftovers(directory: Path, names: Iterable[str], record: DirectoryRecord) -> Iterable[FileStep]:
    """What was written here before and is not made now. What is not there any more needs no step."""
    for name in names:
        path = directory / name
        mode = _link_mode(path)
        if mode is None:
            continue
        existing = read_if_present(path) if stat.S_ISREG(mode) else None
        known = existing is not None and record.has(name, existing)
        yield FileStep(path, FileAction.REMOVE if known else FileAction.KEEP, existing=existing)


def _kind(path: Path) -> int | None:
    """The mode of a file or link, None where nothing is. Raises FileError for anything else, a FIFO above all,
    which would be read for ever."""
    mode = _link_mode(path)
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        what = "this is a directory" if stat.S_ISDIR(mode) else "this is no regular file"
        raise FileError(
            f"{what}, and a file is to be written there; nothing was written",
            remedy="remove it, or choose another --output-dir",
            place=Place(str(path)),
        )
    return mode


def _link_mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def _check_untouched(steps: Iterable[FileStep], untouchable: Collection[Path]) -> None:
    """By path, and by what the file system says: on some a name in capital letters is the same file."""
    paths = {_real(path) for path in untouchable}
    files = {(found.st_dev, found.st_ino) for found in map(_status, paths) if found}
    for step in steps:
        target = _real(step.path)
        found = _status(target)
        if target in paths or (found and (found.st_dev, found.st_ino) in files):
            raise FileError(
                "this is a file of the cluster itself; nothing was written",
                remedy="choose another --output-dir",
                place=Place(str(step.path)),
            )


def _real(path: Path) -> Path:
    """Where links lead; `Path.resolve` raises RuntimeError for a link to itself."""
    return Path(os.path.realpath(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _check_way(steps: Iterable[FileStep], *, force: bool) -> None:
    found = [step for step in steps if step.in_the_way]
    if found and not force:
        others = ", ".join(step.path.name for step in found[1:])
        more = f" (in the way too: {others})" if others else ""
        raise _refusal(found[0].path, f"this file is in the way: {found[0].in_the_way}{more}")


def _check_writable(steps: Iterable[FileStep]) -> None:
    for step in steps:
        if step.action is FileAction.WRITE and step.existing is not None and not os.access(step.path, os.W_OK):
            raise FileError(
                "the file may not be written; nothing was written",
                remedy="check the permissions of the file and of its directory",
                place=Place(str(step.path)),
            )


def _refusal(path: Path, what: str) -> FileError:
    return FileError(
        f"{what}; nothing was written",
        remedy="choose another --output-dir, or write over it with --force",
        place=Place(str(path)),
    )


_AT_REST = (FileAction.UNCHANGED, FileAction.KEEP)


def write_directory(plan: DirectoryPlan) -> None:
    """The record comes first, with what the files held and what they will hold: whichever of them a crash leaves
    behind is known to be ours. What nobody lists any more is removed last. Raises FileError."""
    steps = [step for step in plan.steps if step.action not in _AT_REST]
    recorded = plan.recorded
    make_directory(plan.directory, 0o755)
    if steps:
        recorded = _write_record(plan, recorded, plan.during.to_bytes())
    for step in steps:
        _carry_out(step)
    _write_record(plan, recorded, plan.after.to_bytes())


def _write_record(plan: DirectoryPlan, recorded: bytes | None, data: bytes) -> bytes:
    if data != recorded:
        path = plan.directory / RECORD_NAME
        if path.is_symlink():
            _remove(path)
            recorded = None
        replace_file(path, data, expected=recorded)
    return data


def _carry_out(step: FileStep) -> None:
    artifact = step.artifact
    if artifact is None:
        _remove(step.path)
    elif step.action is FileAction.RESTRICT:
        _restrict(step.path, artifact.mode)
    else:
        if step.path.is_symlink():  # the link goes; what it leads to is somebody else's
            _remove(step.path)
        replace_file(step.path, artifact.data, expected=step.existing, mode=artifact.mode, secret=artifact.is_secret)


def _remove(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            _LOGGER.info("removed %s", path)
    except OSError as error:
        raise file_error("cannot be removed", path, error) from None


def _restrict(path: Path, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise file_error("cannot be closed to others", path, error) from None
