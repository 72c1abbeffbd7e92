"""The directory that artifacts are rendered to: only files that were rendered there before are replaced or removed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import Any

from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.emit.kustomization import is_safe_name
from tarmak_iam.errors import FileError, Place
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.read import file_error, read_file, read_if_present
from tarmak_iam.late_dataclass import dataclass

RECORD_NAME = ".tarmak-iam-render"
"""Without the suffix .json: `kubectl apply -f DIRECTORY` would read such a file as an object."""

_ABOUT = "Files that `tarmak-iam render` wrote to this directory, and so may replace. Keep this record with them."
_VERSION = 1
_LOGGER = logging.getLogger(__name__)


def file_digest(data: bytes) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """`files`: name -> digests of what the file may contain.

    There is one digest per file, and two while the files are being written: an interrupted run leaves some files old
    and some new, and the record `is_incomplete`.
    """

    cluster_id: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_incomplete: bool = False

    @classmethod
    def parse(cls, data: bytes) -> DirectoryRecord:
        """Raises ValueError for what is not a record of this version, and for a name that is not a plain file name."""
        try:
            content = json.loads(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            raise ValueError("it is not JSON") from None
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            raise ValueError("it has another version")
        cluster_id, files = content.get("cluster"), content.get("files")
        if not isinstance(cluster_id, str) or not isinstance(files, dict):
            raise ValueError("cluster or files is missing")
        digests = {_plain_name(name): _digests(value) for name, value in files.items()}
        return cls(cluster_id, digests, content.get("incomplete") is True)

    def to_bytes(self) -> bytes:
        """The same bytes for the same record."""
        files = {name: list(self.files[name]) for name in sorted(self.files)}
        state = {"incomplete": True} if self.is_incomplete else {}
        content = {"about": _ABOUT, "version": _VERSION, "cluster": self.cluster_id, **state, "files": files}
        return (json.dumps(content, indent=2) + "\n").encode()

    def has(self, name: str, data: bytes) -> bool:
        """Whether `data` is what was written to the file of that name."""
        return file_digest(data) in self.files.get(name, ())


def _plain_name(name: str) -> str:
    """Another user may have written the record: no name in it may lead to another directory."""
    if not is_safe_name(name):
        raise ValueError(f"{name!r} is not a plain file name")
    return name


def _digests(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a digest is not a string")
    return tuple(value)


class FileAction(str, Enum):
    """What is done with a file."""

    WRITE = "write"
    UNCHANGED = "unchanged"
    RESTRICT = "restrict"
    """The content is up to date, but users can read it that must not."""
    REMOVE = "remove"
    """Written here before, and no longer generated."""
    KEEP = "keep"
    """No longer generated, but edited since it was written."""


@dataclass(frozen=True, slots=True)
class FileStep:
    """What is done with one file. `existing`: the present content, None for no file or a link. `artifact`: None where
    it is no longer generated."""

    path: Path
    action: FileAction
    artifact: Artifact | None = None
    existing: bytes | None = field(default=None, repr=False)
    refusal: str = ""
    """Why the existing file is only replaced with `force`."""


@dataclass(frozen=True, slots=True)
class DirectoryPlan:
    """What is done with the files of a directory. `steps` are in the order in which they are carried out. The records
    are those before, during and after them."""

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
    """The steps after which the directory contains the artifacts, and no other file that was rendered there before.

    Raises FileError for a file that was not rendered there, or was edited since, and for a record of another cluster,
    unless `force` is set. What is neither a file nor a link is never replaced, nor are the `untouchable` files. Writes
    nothing.
    """
    record, recorded = _record(directory, cluster_id, force=force)
    steps = [_step(directory / each.name, each, record) for each in artifacts]
    made = {each.name.lower() for each in artifacts}  # on a file system that ignores case it is the same file
    steps += _leftovers(directory, (name for name in sorted(record.files) if name.lower() not in made), record)
    _check_untouched(steps, untouchable)
    _check_refusals(steps, force=force)
    _check_writable(steps)
    kept = {step.path.name: record.files[step.path.name] for step in steps if step.action is FileAction.KEEP}
    new = {each.name: (file_digest(each.data),) for each in artifacts}
    names = dict.fromkeys((*record.files, *new))
    either = {name: tuple(sorted({*record.files.get(name, ()), *new.get(name, ())})) for name in names}
    during, after = DirectoryRecord(cluster_id, either, True), DirectoryRecord(cluster_id, kept | new)
    return DirectoryPlan(directory, tuple(steps), recorded, during, after)


def is_incomplete(directory: Path) -> bool:
    """Whether a run was interrupted there, and no later one completed it: some files may be old, others new."""
    try:
        return _record(directory, "", force=True)[0].is_incomplete
    except FileError:
        return False


def _record(directory: Path, cluster_id: str, *, force: bool) -> tuple[DirectoryRecord, bytes | None]:
    """The existing record, or an empty one; and its bytes, None without one."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise FileError("this is not a directory", remedy="specify another --output-dir", place=Place(str(directory)))
    path = directory / RECORD_NAME
    mode = _kind(path)
    if mode is None or (stat.S_ISLNK(mode) and force):
        return DirectoryRecord(cluster_id), None
    if stat.S_ISLNK(mode):
        raise _refusal(path, "this is a symbolic link, not the record of the files rendered here")
    data = read_file(path)
    try:
        record = DirectoryRecord.parse(data)
    except ValueError as error:
        if force:
            return DirectoryRecord(cluster_id), data
        raise _refusal(path, f"this is not a record of the files rendered here: {error}") from None
    if record.cluster_id != cluster_id and not force:
        raise _refusal(directory, f"this directory contains the files of {record.cluster_id}, not of {cluster_id}")
    return record, data


def _step(path: Path, artifact: Artifact, record: DirectoryRecord) -> FileStep:
    mode = _kind(path)
    if mode is None:
        return FileStep(path, FileAction.WRITE, artifact)
    if stat.S_ISLNK(mode):
        return FileStep(path, FileAction.WRITE, artifact, refusal="it is a symbolic link")
    existing = read_if_present(path)
    if existing == artifact.data:
        is_open = artifact.is_secret and mode & 0o077
        return FileStep(path, FileAction.RESTRICT if is_open else FileAction.UNCHANGED, artifact, existing)
    if existing is None or record.has(path.name, existing):
        return FileStep(path, FileAction.WRITE, artifact, existing)
    changed = path.name in record.files
    why = "it was edited after it was rendered" if changed else "tarmak-iam render did not write it"
    return FileStep(path, FileAction.WRITE, artifact, existing, why)


def _leftovers(directory: Path, names: Iterable[str], record: DirectoryRecord) -> Iterable[FileStep]:
    """Steps for files that were written here before and are no longer generated, if they still exist."""
    for name in names:
        path = directory / name
        mode = _link_mode(path)
        if mode is None:
            continue
        existing = read_if_present(path) if stat.S_ISREG(mode) else None
        known = existing is not None and record.has(name, existing)
        yield FileStep(path, FileAction.REMOVE if known else FileAction.KEEP, existing=existing)


def _kind(path: Path) -> int | None:
    """The mode of a file or link, None where neither exists. Raises FileError for anything else, such as a FIFO, which
    would block the reader."""
    mode = _link_mode(path)
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        what = "this is a directory" if stat.S_ISDIR(mode) else "this is not a regular file"
        raise FileError(
            f"{what}, but a file has to be written there; nothing was written",
            remedy="remove it, or specify another --output-dir",
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
    """Compares paths, and device and inode too: on some file systems a name in upper case is the same file."""
    paths = {_real(path) for path in untouchable}
    files = {(found.st_dev, found.st_ino) for found in map(_status, paths) if found}
    for step in steps:
        target = _real(step.path)
        found = _status(target)
        if target in paths or (found and (found.st_dev, found.st_ino) in files):
            raise FileError(
                "this file belongs to the cluster itself; nothing was written",
                remedy="specify another --output-dir",
                place=Place(str(step.path)),
            )


def _real(path: Path) -> Path:
    """The path with links resolved; `Path.resolve` would raise RuntimeError for a link to itself."""
    return Path(os.path.realpath(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _check_refusals(steps: Iterable[FileStep], *, force: bool) -> None:
    found = [step for step in steps if step.refusal]
    if found and not force:
        others = ", ".join(step.path.name for step in found[1:])
        more = f" (also not replaced: {others})" if others else ""
        raise _refusal(found[0].path, f"this file is not replaced: {found[0].refusal}{more}")


def _check_writable(steps: Iterable[FileStep]) -> None:
    for step in steps:
        if step.action is FileAction.WRITE and step.existing is not None and not os.access(step.path, os.W_OK):
            raise FileError(
                "no permission to write the file; nothing was written",
                remedy="check the permissions of the file and of its directory",
                place=Place(str(step.path)),
            )


def _refusal(path: Path, what: str) -> FileError:
    return FileError(
        f"{what}; nothing was written",
        remedy="specify another --output-dir, or overwrite it with --force",
        place=Place(str(path)),
    )


_AT_REST = (FileAction.UNCHANGED, FileAction.KEEP)


def write_directory(plan: DirectoryPlan) -> None:
    """Writes the record first, as incomplete and with the old and the new digest of each file: after a crash, all files
    are still known to be rendered ones. Files that are no longer generated are removed last. Raises FileError."""
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
        if step.path.is_symlink():  # only the link is removed, not its target
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
        raise file_error("cannot be made private", path, error) from None
