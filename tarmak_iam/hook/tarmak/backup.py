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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.files.read import file_error, read_if_present
from tarmak_iam.hook.tarmak.comment_restore import Restored, TarmakChange, restore, why_unreadable
from tarmak_iam.text import one_line

BackupOutcome = Literal["unchanged", "restored", "not restored", "put back", "broken"]
_ATTEMPTS = 3
_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Backup:
    """The file as it was; `data` is None if it did not exist. `copy` is the file with its text, which survives if this
    process is killed; `restore_backup` removes it, or names it in its report. `real_paths`: where the text may be
    restored, which is where a link led before, and the place of the link itself."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    copy: Path | None
    real_paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The state of the file after the command.

    - "unchanged": its content is the same; or it did not exist, and tarmak created it.
    - "restored": the old text with the `changes` that tarmak made.
    - "not restored": the text that tarmak wrote, for a `reason`; the old text is in `copy`.
    - "put back": the old text without changes, because tarmak left a broken file; that is in `copy` unless it was
      empty.
    - "broken": tarmak left an unusable file that could not be replaced, or a link; the old text is in `copy`.
    """

    state: BackupOutcome
    path: Path
    changes: tuple[TarmakChange, ...] = ()
    removed_comments: tuple[str, ...] = ()
    reason: str = ""
    copy: Path | None = None

    @property
    def severity(self) -> Literal["note", "warning", "error"]:
        """An error means that the change that tarmak should make is not in the file."""
        if self.state in ("put back", "broken"):
            return "error"
        return "warning" if self.state == "not restored" else "note"

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines for a command line: none if nothing changed, else one line, and one for each removed comment."""
        saved = f"; the previous text is in {self.copy}" if self.copy else ""
        theirs = f"; the broken text is in {self.copy}" if self.copy else ""
        changes = ", ".join(map(str, self.changes)) or "tarmak changed no value"
        what = {
            "restored": f"restored comments and layout of {self.path.name}; {changes}",
            "not restored": f"comments and layout could not be restored: {self.reason}{saved}",
            "put back": f"tarmak left a broken file: {self.reason}; restored the previous text{theirs}",
            "broken": f"tarmak left a broken file: {self.reason}{saved}",
        }.get(self.state)
        gone = (f"{self.path}: note: removed with its entry: {one_line(text)}" for text in self.removed_comments)
        return (f"{self.path}: {self.severity}: {what}", *gone) if what else ()


def back_up(path: Path) -> Backup:
    """Reads tarmak.yaml and saves its text next to it, as `tarmak.yaml.before-1` or with the next free number.

    Raises FileError if the file cannot be read, or the copy cannot be written: a change by tarmak could then not be
    undone.
    """
    real_paths = frozenset({os.path.realpath(path), os.path.join(os.path.realpath(path.parent), path.name)})
    data = _read_settled(path)
    if data is None:
        return Backup(path, None, 0o600, None, real_paths)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return Backup(path, data, mode, _write_copy(path, "before", data, mode), real_paths)


def restore_backup(backup: Backup, *, finished: bool = True) -> BackupReport:
    """Restores the old text after the command, with the changes that tarmak made. `finished`: whether tarmak succeeded.

    Raises nothing: a file that cannot be written, or that changes all the time, is left unchanged, and the report says
    where the old text is. So is a file that the path leads to only since the command: it is another one.
    """
    try:
        report = _restore(backup, finished)
    except FileError as error:
        report = BackupReport("broken", backup.path, reason=_reason(error), copy=backup.copy)
    if backup.data is None or report.copy is None or report.copy != backup.copy:
        return report
    # The command may have removed or changed the copy.
    with contextlib.suppress(FileError):
        if read_if_present(report.copy) == backup.data:
            return report
    return replace(report, copy=None, reason=f"{report.reason}; the saved text was removed")


def _restore(backup: Backup, finished: bool) -> BackupReport:
    """Raises FileError."""
    path, before = backup.path, backup.data
    if before is None:
        now = read_if_present(path)
        why = "" if now is None else why_unreadable(now, str(path))
        reason = f"{why}; the file did not exist before" if why else ""
        return BackupReport("broken" if why else "unchanged", path, reason=reason)
    for attempt in range(1, _ATTEMPTS + 1):
        real = os.path.realpath(path)
        if real not in backup.real_paths:
            reason = f"it is now a link to {real}, which was not followed"
            return BackupReport("broken", path, reason=reason, copy=backup.copy)
        now = read_if_present(path)
        if now is None:
            restored = Restored("broken", before, reason="it was removed")
        else:
            restored = restore(before, now, finished=finished, filename=str(path))
        try:
            return _write(backup, now, restored)
        except FileError as error:
            if attempt < _ATTEMPTS and read_if_present(path) != now:
                continue  # another process wrote first: judge its text
            state: BackupOutcome = "broken" if restored.outcome == "broken" else "not restored"
            reason = "; ".join(filter(None, (restored.reason, _reason(error))))
            return BackupReport(state, path, reason=reason, copy=backup.copy)
    raise AssertionError("the last attempt ends the loop")


def _write(backup: Backup, now: bytes | None, restored: Restored) -> BackupReport:
    """Raises FileError, the file as it was found."""
    if restored.outcome == "not restored":
        return BackupReport("not restored", backup.path, reason=restored.reason, copy=backup.copy)
    if restored.outcome == "broken":
        return _put_back(backup, now, restored)
    if restored.data != now:
        replace_file(backup.path, restored.data, expected=now, mode=backup.mode, secret=True)
    _remove(backup.copy)
    return BackupReport(restored.outcome, backup.path, restored.changes, restored.removed_comments)


def _put_back(backup: Backup, now: bytes | None, restored: Restored) -> BackupReport:
    """Raises FileError, the file as it was found."""
    theirs = None
    with contextlib.suppress(FileError):  # restoring the file matters more than a copy of the broken one
        theirs = _write_copy(backup.path, "broken", now, backup.mode) if now else None
    try:
        replace_file(backup.path, restored.data, expected=now, mode=backup.mode, secret=True)
    except FileError:
        if not _renamed(backup, now):
            _remove(theirs)  # the file still contains it
            raise
    _remove(backup.copy)
    return BackupReport("put back", backup.path, reason=restored.reason, copy=theirs)


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
    """The content of the file. A tarmak in another terminal empties the file before it writes: that is not the text to
    save."""
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
    """Restores the text that a killed run left next to the file, with the changes that tarmak made. Returns lines for a
    command line about what was done, or why not.

    The file is rewritten only if it has no comments, so that tarmak may have written it last, and if the text explains
    its values: then its meaning does not change. `is_alone`: no other run is working, so no run still needs the text;
    otherwise the text is only reported. It is also only reported if the file is a link that leads out of its directory:
    an attacker who created both could have any empty file overwritten. Raises nothing.
    """
    try:
        return _recovered(path, is_alone=is_alone)
    except FileError as error:
        return (f"{path}: warning: the text saved by an earlier `tarmak-iam run` cannot be restored: {error}",)


def _recovered(path: Path, *, is_alone: bool) -> tuple[str, ...]:
    texts = {copy: read_if_present(copy) or b"" for copy in _copies_of(path)}
    now = _read_settled(path) if texts else None
    if now is None:
        return ()
    if is_alone:
        _remove(*(copy for copy, text in texts.items() if text == now))
    if _has_comments(now):
        return ()
    may_write = is_alone and os.path.dirname(os.path.realpath(path)) == os.path.realpath(path.parent)
    others = [(copy, text) for copy, text in texts.items() if text != now]
    for copy, text in sorted(others, key=lambda pair: not _has_comments(pair[1])):  # the most valuable ones first
        if line := _restored_from(path, now, copy, text, may_write=may_write):
            return (f"{path}: {line}",)
    return ()


def _restored_from(path: Path, now: bytes, copy: Path, text: bytes, *, may_write: bool) -> str:
    """The report about one copy; empty where there is nothing to say. Raises FileError."""
    restored = restore(text, now, filename=str(path))
    if may_write and (restored.outcome == "restored" or not now.strip()):
        replace_file(path, restored.data, expected=now, mode=copy.stat().st_mode & 0o777, secret=True)
        _remove(copy)
        what = f"restored comments and layout from {copy.name}, which an interrupted `tarmak-iam run` left"
        changes = f"; {', '.join(map(str, restored.changes))}" if restored.changes else ""
        return f"note: {what}{changes}"
    if not _has_comments(text):
        return ""
    what = "tarmak cannot read the file" if restored.outcome == "broken" else "the file has no comments"
    reason = f" ({restored.reason})" if restored.reason else ""
    return f"warning: {what}{reason}; {copy} contains the text from before an earlier `tarmak-iam run`"


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
