"""What writing artifacts to a directory would do: looked at as a whole before the first byte is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tarmak_iam.directory.record import RECORD_NAME, Record, digest
from tarmak_iam.document.files import file_error, read_file, read_if_present
from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.errors import FileError, Place

__all__ = ["Action", "Plan", "Step", "plan"]


class Action(str, Enum):
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
class Step:
    """`existing`: what is there now, None for nothing or a link. `artifact`: None for what is no longer made."""

    path: Path
    action: Action
    artifact: Artifact | None = None
    existing: bytes | None = field(default=None, repr=False)
    in_the_way: str = ""
    """Why the file that is there is not replaced without being told to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are carried out, and the record before, during and behind them."""

    directory: Path
    steps: tuple[Step, ...]
    recorded: bytes | None
    during: Record
    after: Record


def plan(
    directory: Path,
    artifacts: Sequence[Artifact],
    cluster_id: str,
    *,
    force: bool = False,
    untouchable: Collection[Path] = (),
) -> Plan:
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
    kept = {step.path.name: record.files[step.path.name] for step in steps if step.action is Action.KEEP}
    new = {each.name: (digest(each.data),) for each in artifacts}
    names = dict.fromkeys((*record.files, *new))
    either = {name: tuple(sorted({*record.files.get(name, ()), *new.get(name, ())})) for name in names}
    return Plan(directory, tuple(steps), recorded, Record(cluster_id, either), Record(cluster_id, kept | new))


def _record(directory: Path, cluster_id: str, *, force: bool) -> tuple[Record, bytes | None]:
    """The record that is there, an empty one if there is none; and its bytes."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise FileError("this is no directory", remedy="choose another --output-dir", place=Place(str(directory)))
    path = directory / RECORD_NAME
    mode = _kind(path)
    if mode is None or (stat.S_ISLNK(mode) and force):
        return Record(cluster_id), None
    if stat.S_ISLNK(mode):
        raise _refusal(path, "this is a symbolic link, not the record of what was written here")
    data = read_file(path)
    try:
        record = Record.parse(data)
    except ValueError as error:
        if force:
            return Record(cluster_id), data
        raise _refusal(path, f"this is no record of what was written here: {error}") from None
    if record.cluster_id != cluster_id and not force:
        raise _refusal(directory, f"this directory holds the files of {record.cluster_id}, not of {cluster_id}")
    return record, data


def _step(path: Path, artifact: Artifact, record: Record) -> Step:
    mode = _kind(path)
    if mode is None:
        return Step(path, Action.WRITE, artifact)
    if stat.S_ISLNK(mode):
        return Step(path, Action.WRITE, artifact, in_the_way="it is a symbolic link")
    existing = read_if_present(path)
    if existing == artifact.data:
        is_open = artifact.is_secret and mode & 0o077
        return Step(path, Action.RESTRICT if is_open else Action.UNCHANGED, artifact, existing)
    if existing is None or record.has(path.name, existing):
        return Step(path, Action.WRITE, artifact, existing)
    changed = path.name in record.files
    why = "it was changed by hand since it was written" if changed else "it was not written by tarmak-iam render"
    return Step(path, Action.WRITE, artifact, existing, why)


def _leftovers(directory: Path, names: Iterable[str], record: Record) -> Iterable[Step]:
    """What was written here before and is not made now. What is not there any more needs no step."""
    for name in names:
        path = directory / name
        mode = _link_mode(path)
        if mode is None:
            continue
        existing = read_if_present(path) if stat.S_ISREG(mode) else None
        known = existing is not None and record.has(name, existing)
        yield Step(path, Action.REMOVE if known else Action.KEEP, existing=existing)


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


def _check_untouched(steps: Iterable[Step], untouchable: Collection[Path]) -> None:
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


def _check_way(steps: Iterable[Step], *, force: bool) -> None:
    found = [step for step in steps if step.in_the_way]
    if found and not force:
        others = ", ".join(step.path.name for step in found[1:])
        more = f" (in the way too: {others})" if others else ""
        raise _refusal(found[0].path, f"this file is in the way: {found[0].in_the_way}{more}")


def _check_writable(steps: Iterable[Step]) -> None:
    for step in steps:
        if step.action is Action.WRITE and step.existing is not None and not os.access(step.path, os.W_OK):
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
