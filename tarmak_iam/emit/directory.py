"""The directory that artifacts are rendered to: only files that were rendered there before are replaced or removed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.emit.kustomization import is_safe_name
from tarmak_iam.errors import FileError, Place
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.read import file_error, read_file, read_if_present

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
        for name, digests in files.items():
            if not is_safe_name(name):  # another user may have written it: no name may lead to another directory
                raise ValueError(f"{name!r} is not a plain file name")
            if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
                raise ValueError("a digest is not a string")
        digests_of = {name: tuple(digests) for name, digests in files.items()}
        return cls(cluster_id, digests_of, content.get("incomplete") is True)

    def to_bytes(self) -> bytes:
        """The same bytes for the same record."""
        files = {name: list(self.files[name]) for name in sorted(self.files)}
        state = {"incomplete": True} if self.is_incomplete else {}
        content = {"about": _ABOUT, "version": _VERSION, "cluster": self.cluster_id, **state, "files": files}
        return (json.dumps(content, indent=2) + "\n").encode()

    def has(self, name: str, data: bytes) -> bool:
        """Whether `data` is what was written to the file of that name."""
        return file_digest(data) in self.files.get(name, ())


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


class DirectoryPlan(NamedTuple):
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
    steps = [_step(directory / artifact.name, artifact, record) for artifact in artifacts]
    made = {artifact.name.lower() for artifact in artifacts}  # the same file where the file system ignores case
    for name in sorted(record.files):
        mode = _link_mode(directory / name)
        if name.lower() not in made and mode is not None:
            existing = read_if_present(directory / name) if stat.S_ISREG(mode) else None
            known = existing is not None and record.has(name, existing)
            action = FileAction.REMOVE if known else FileAction.KEEP
            steps.append(FileStep(directory / name, action, existing=existing))
    _check_steps(steps, untouchable, force=force)
    kept = {step.path.name: record.files[step.path.name] for step in steps if step.action is FileAction.KEEP}
    new = {artifact.name: (file_digest(artifact.data),) for artifact in artifacts}
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


def _kind(path: Path) -> int | None:
    """The mode of a file or link, None where neither exists. Raises FileError for anything else, such as a FIFO, which
    would block the reader."""
    mode = _link_mode(path)
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        what = "this is a directory" if stat.S_ISDIR(mode) else "this is not a regular file"
        what = f"{what}, but a file has to be written there; nothing was written"
        raise FileError(what, remedy="remove it, or specify another --output-dir", place=Place(str(path)))
    return mode


def _link_mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error("cannot be read", path, error) from None


def _check_steps(steps: Sequence[FileStep], untouchable: Collection[Path], *, force: bool) -> None:
    """Compares paths, and device and inode too: on some file systems a name in upper case is the same file. Raises
    FileError."""
    paths = {os.path.realpath(path) for path in untouchable}  # Path.resolve would raise an error for a link to itself
    files = {identity for identity in map(_device_and_inode, paths) if identity}
    for step in steps:
        target = os.path.realpath(step.path)
        if target in paths or _device_and_inode(target) in files:
            what, remedy = "this file belongs to the cluster itself", "specify another --output-dir"
            raise FileError(f"{what}; nothing was written", remedy=remedy, place=Place(str(step.path)))
    refused = [step for step in steps if step.refusal]
    if refused and not force:
        others = ", ".join(step.path.name for step in refused[1:])
        more = f" (also not replaced: {others})" if others else ""
        raise _refusal(refused[0].path, f"this file is not replaced: {refused[0].refusal}{more}")
    for step in steps:
        if step.action is FileAction.WRITE and step.existing is not None and not os.access(step.path, os.W_OK):
            what, remedy = "no permission to write the file", "check the permissions of the file and of its directory"
            raise FileError(f"{what}; nothing was written", remedy=remedy, place=Place(str(step.path)))


def _device_and_inode(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _refusal(path: Path, what: str) -> FileError:
    what = f"{what}; nothing was written"
    return FileError(what, remedy="specify another --output-dir, or overwrite it with --force", place=Place(str(path)))


def write_directory(plan: DirectoryPlan) -> None:
    """Writes the record first, as incomplete and with the old and the new digest of each file: after a crash, all files
    are still known to be rendered ones. Files that are no longer generated are removed last. Raises FileError."""
    steps = [step for step in plan.steps if step.action not in (FileAction.UNCHANGED, FileAction.KEEP)]
    recorded = plan.recorded
    make_directory(plan.directory, 0o755)
    if steps:
        recorded = _write_record(plan, recorded, plan.during.to_bytes())
    for step in steps:
        artifact = step.artifact
        if artifact is None or (step.action is FileAction.WRITE and step.path.is_symlink()):
            _remove(step.path)  # of a link only the link, not its target
        if artifact is not None and step.action is FileAction.RESTRICT:
            _restrict(step.path, artifact.mode)
        elif artifact is not None:
            mode, secret = artifact.mode, artifact.is_secret
            replace_file(step.path, artifact.data, expected=step.existing, mode=mode, secret=secret)
    _write_record(plan, recorded, plan.after.to_bytes())


def _write_record(plan: DirectoryPlan, recorded: bytes | None, data: bytes) -> bytes:
    if data != recorded:
        path = plan.directory / RECORD_NAME
        if path.is_symlink():
            _remove(path)
            recorded = None
        replace_file(path, data, expected=recorded)
    return data


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
