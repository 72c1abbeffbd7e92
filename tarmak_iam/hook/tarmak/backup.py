"""Keeps comments and layout of tarmak.yaml when a command rewrites it: saves the text before, restores it afterwards,
or in the next run after a killed one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.files.read import file_error, read_if_present
from tarmak_iam.hook.tarmak.comment_restore import Restored, restore, why_unreadable

_ATTEMPTS = 3
_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Backup:
    """The file as it was; `data` is None if it did not exist. `copy`: a file with its text, which `restore_backup`
    removes, or names in its report. `real_paths`: where the text may be restored: where a link led before, and the link
    itself."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    copy: Path | None
    real_paths: frozenset[str]


def back_up(path: Path) -> Backup:
    """Reads tarmak.yaml and saves its text next to it, as `tarmak.yaml.before-1` or with the next free number. Raises
    FileError if the file cannot be read, or the copy cannot be written."""
    real_paths = frozenset({os.path.realpath(path), os.path.join(os.path.realpath(path.parent), path.name)})
    data = _read_settled(path)
    if data is None:
        return Backup(path, None, 0o600, None, real_paths)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return Backup(path, data, mode, _write_copy(path, "before", data, mode), real_paths)


def restore_backup(backup: Backup, *, finished: bool = True) -> Restored:
    """Restores the old text after the command, with the changes that tarmak made. `finished`: whether tarmak succeeded.

    Raises nothing: a file that cannot be written, or that changes all the time, is left unchanged, and the result says
    where the old text is. So is a file that the path leads to only since the command: it is another one.
    """
    try:
        result = _restore(backup, finished)
    except FileError as error:
        result = Restored("broken", reason=_reason(error), copy=backup.copy)
    result = replace(result, path=backup.path)
    if backup.data is None or result.copy is None or result.copy != backup.copy:
        return result
    # The command may have removed or changed the copy.
    with contextlib.suppress(FileError):
        if read_if_present(result.copy) == backup.data:
            return result
    return replace(result, copy=None, reason=f"{result.reason}; the saved text was removed")


def _restore(backup: Backup, finished: bool) -> Restored:
    """Raises FileError, the file as it was found."""
    path, before = backup.path, backup.data
    if before is None:
        now = read_if_present(path)
        why = "" if now is None else why_unreadable(now, str(path))
        return Restored("broken", reason=f"{why}; the file did not exist before") if why else Restored("unchanged")
    for attempt in range(1, _ATTEMPTS + 1):
        real = os.path.realpath(path)
        if real not in backup.real_paths:
            reason = f"it is now a link to {real}, which was not followed"
            return Restored("broken", reason=reason, copy=backup.copy)
        now = read_if_present(path)
        if now is None:
            restored = Restored("broken", before, reason="it was removed")
        else:
            restored = restore(before, now, finished=finished, filename=str(path))
        if restored.outcome == "not restored":
            return replace(restored, copy=backup.copy)
        is_broken, theirs = restored.outcome == "broken", None
        with contextlib.suppress(FileError):  # restoring the file matters more than a copy of the broken one
            theirs = _write_copy(path, "broken", now, backup.mode) if now and is_broken else None
        try:
            if restored.data != now:
                replace_file(path, restored.data, expected=now, mode=backup.mode, secret=True)
        except FileError as error:
            if not (is_broken and _renamed(backup, now)):
                _remove(theirs)  # the file still contains it
                if attempt < _ATTEMPTS and read_if_present(path) != now:
                    continue  # another process wrote first: judge its text
                reason = "; ".join(filter(None, (restored.reason, _reason(error))))
                return Restored("broken" if is_broken else "not restored", reason=reason, copy=backup.copy)
        _remove(backup.copy)
        return replace(restored, outcome="put back", copy=theirs) if is_broken else restored
    raise AssertionError("the last attempt ends the loop")


def _renamed(backup: Backup, now: bytes | None) -> bool:
    """On a full disk no text can be written, but the copy next to the file can be renamed."""
    if backup.copy is None or read_if_present(backup.path) != now:
        return False
    try:
        os.replace(backup.copy, os.path.realpath(backup.path))
    except OSError:
        return False
    return True


def _read_settled(path: Path) -> bytes | None:
    """The content of the file, not the empty one of a tarmak that is about to write it."""
    deadline = time.monotonic() + _SECONDS
    while (data := read_if_present(path)) == b"" and time.monotonic() < deadline:
        time.sleep(0.02)
    return data


def _write_copy(path: Path, what: str, data: bytes, mode: int) -> Path:
    """Writes a separate file next to it, with the first free number. Raises FileError."""
    for number in itertools.count(1):
        copy = path.with_name(f"{path.name}.{what}-{number}")
        if os.path.lexists(copy):
            continue
        try:
            replace_file(copy, data, expected=None, mode=mode)
            return copy
        except FileError:
            if not os.path.lexists(copy):  # otherwise another process has just created it
                raise
    raise AssertionError("numbers do not end")


def _remove(*copies: Path | None) -> None:
    """Removes copies whose text is in the file itself. A copy that cannot be removed does no harm."""
    for copy in filter(None, copies):
        with contextlib.suppress(OSError):
            copy.unlink()


def _reason(error: FileError) -> str:
    return f"the file {error.what}" if error.what.startswith("cannot") else error.what


def recover(path: Path, *, is_alone: bool = True) -> tuple[str, ...]:
    """Restores the text that a killed run left next to the file, with the changes that tarmak made. Returns lines about
    what was done, or why not. Raises nothing.

    The file is rewritten only if it has no comments, so that tarmak may have written it last, and if its meaning does
    not change. It is only reported if another run may still need the text (not `is_alone`), or the file is a link that
    leads out of its directory: an attacker who created both could have any empty file overwritten.
    """
    try:
        return tuple(f"{path}: {line}" for line in _recovered(path, is_alone))
    except FileError as error:
        return (f"{path}: warning: the text saved by an earlier `tarmak-iam run` cannot be restored: {error}",)


def _recovered(path: Path, is_alone: bool) -> Iterator[str]:
    """At most one line. Raises FileError."""
    texts = {copy: read_if_present(copy) or b"" for copy in _copies_of(path)}
    now = _read_settled(path) if texts else None
    if now is None:
        return
    if is_alone:
        _remove(*(copy for copy, text in texts.items() if text == now))
    if _has_comments(now):
        return
    may_write = is_alone and os.path.dirname(os.path.realpath(path)) == os.path.realpath(path.parent)
    others = [(copy, text) for copy, text in texts.items() if text != now]
    for copy, text in sorted(others, key=lambda pair: not _has_comments(pair[1])):  # the most valuable ones first
        restored = restore(text, now, filename=str(path))
        if may_write and (restored.outcome == "restored" or not now.strip()):
            replace_file(path, restored.data, expected=now, mode=copy.stat().st_mode & 0o777, secret=True)
            _remove(copy)
            what = f"restored comments and layout from {copy.name}, which an interrupted `tarmak-iam run` left"
            yield "; ".join((f"note: {what}", *filter(None, [", ".join(map(str, restored.changes))])))
            return
        if _has_comments(text):
            what = "tarmak cannot read the file" if restored.outcome == "broken" else "the file has no comments"
            reason = f" ({restored.reason})" if restored.reason else ""
            yield f"warning: {what}{reason}; {copy} contains the text from before an earlier `tarmak-iam run`"
            return


def _copies_of(path: Path) -> list[Path]:
    """The copies that `back_up` wrote, the latest first. Links are ignored: `back_up` creates none, and a link could
    lead anywhere."""
    pattern = re.compile(rf"{re.escape(path.name)}\.before-[0-9]+")
    found = []
    with contextlib.suppress(OSError):
        found = [(each.lstat(), each) for each in path.parent.iterdir() if pattern.fullmatch(each.name)]
    own = [(status.st_mtime_ns, each) for status, each in found if not stat.S_ISLNK(status.st_mode)]
    return [each for _, each in sorted(own, reverse=True)]


def _has_comments(text: bytes) -> bool:
    try:
        return bool(Document.parse(text).comments)
    except TarmakIamError:
        return False
