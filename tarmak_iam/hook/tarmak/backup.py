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
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.files.read import file_error, read_if_present
from tarmak_iam.hook.tarmak.comment_restore import Restored, TarmakChange, restore, why_unreadable
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import one_line

BackupOutcome = Literal["unchanged", "restored", "not restored", "put back", "broken"]

_ATTEMPTS = 3

_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Backup:
    """The file as it was; `data` is None if it did not exist. `copy` is the file with its text, which survives if this
    process is killed; `restore_backup` removes it, or names it in its report. `real_paths`: where the text may be
    restored, which is where a link led before, and the place of the link itself. `spare` as in `back_up`."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    copy: Path | None
    real_paths: frozenset[str]
    spare: Path | None = None


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
        what = self._what()
        gone = (f"{self.path}: note: removed with its entry: {one_line(text)}" for text in self.removed_comments)
        return (f"{self.path}: {self.severity}: {what}", *gone) if what else ()

    def _what(self) -> str:
        if self.state == "restored":
            changes = ", ".join(map(str, self.changes)) or "tarmak changed no value"
            return f"restored comments and layout of {self.path.name}; {changes}"
        saved = f"; the previous text is in {self.copy}" if self.copy else ""
        if self.state == "not restored":
            return f"comments and layout could not be restored: {self.reason}{saved}"
        if self.state == "put back":
            theirs = f"; the broken text is in {self.copy}" if self.copy else ""
            return f"tarmak left a broken file: {self.reason}; restored the previous text{theirs}"
        if self.state == "broken":
            return f"tarmak left a broken file: {self.reason}{saved}"
        return ""


def back_up(path: Path, *, spare: Path | None = None) -> Backup:
    """Reads tarmak.yaml and saves its text next to it, as `tarmak.yaml.before-1` or with the next free number.

    `spare`: the directory for the copy if it cannot be written next to the file. Raises FileError if the file cannot be
    read, or no copy can be written: a change by tarmak could then not be undone.
    """
    real_paths = frozenset({os.path.realpath(path), os.path.join(os.path.realpath(path.parent), path.name)})
    data = _read_settled(path)
    if data is None:
        return Backup(path, None, 0o600, None, real_paths)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return Backup(path, data, mode, _write_copy_or_spare(path, data, mode, spare), real_paths, spare)


def restore_backup(backup: Backup, *, finished: bool = True) -> BackupReport:
    """Restores the old text after the command, with the changes that tarmak made. `finished`: whether tarmak succeeded.

    Raises nothing: a file that cannot be written, or that changes all the time, is left unchanged, and the report says
    where the old text is. So is a file that the path leads to only since the command: it is another one.
    """
    try:
        report = _restore(backup, finished)
    except FileError as error:
        report = BackupReport("broken", backup.path, reason=_reason(error), copy=backup.copy)
    return report if report.copy is None or report.copy != backup.copy else _with_saved_text(report, backup)


def _with_saved_text(report: BackupReport, backup: Backup) -> BackupReport:
    """The report, with the place of the old text: it is saved in `spare` if the command removed or changed the copy."""
    assert backup.copy is not None
    assert backup.data is not None
    with contextlib.suppress(FileError):
        if read_if_present(backup.copy) == backup.data:
            return report
    if backup.spare is not None:
        with contextlib.suppress(FileError):
            return replace(report, copy=_write_copy(backup.spare, backup.path.name, "before", backup.data, 0o600))
    return replace(report, copy=None, reason=f"{report.reason}; the saved text was removed")


def _restore(backup: Backup, finished: bool) -> BackupReport:
    """Raises FileError."""
    for attempt in range(1, _ATTEMPTS + 1):
        real = os.path.realpath(backup.path)
        if backup.data is not None and real not in backup.real_paths:
            reason = f"it is now a link to {real}, which was not followed"
            return BackupReport("broken", backup.path, reason=reason, copy=backup.copy)
        now = read_if_present(backup.path)
        restored = _judge(backup, now, finished=finished)
        try:
            return _write(backup, now, restored)
        except FileError as error:
            if attempt < _ATTEMPTS and read_if_present(backup.path) != now:
                continue  # another process wrote first: judge its text
            state: BackupOutcome = "broken" if restored.outcome == "broken" else "not restored"
            reason = "; ".join(filter(None, (restored.reason, _reason(error))))
            return BackupReport(state, backup.path, reason=reason, copy=backup.copy)
    raise AssertionError("the last attempt ends the loop")


def _judge(backup: Backup, now: bytes | None, *, finished: bool) -> Restored:
    if backup.data is None:
        reason = "" if now is None else why_unreadable(now, str(backup.path))
        why = f"{reason}; the file did not exist before" if reason else ""
        return Restored("broken" if reason else "unchanged", now or b"", reason=why)
    if now is None:
        return Restored("broken", backup.data, reason="it was removed")
    return restore(backup.data, now, finished=finished, filename=str(backup.path))


def _write(backup: Backup, now: bytes | None, restored: Restored) -> BackupReport:
    """Raises FileError, the file as it was found."""
    if backup.data is None:
        return BackupReport(
            "broken" if restored.outcome == "broken" else "unchanged", backup.path, reason=restored.reason
        )
    if restored.outcome == "not restored":
        return BackupReport("not restored", backup.path, reason=restored.reason, copy=backup.copy)
    if restored.outcome == "broken":
        return _put_back(backup, now, restored.reason)
    if restored.data != now:
        replace_file(backup.path, restored.data, expected=now, mode=backup.mode, secret=True)
    _remove(backup.copy)
    return BackupReport(restored.outcome, backup.path, restored.changes, restored.removed_comments)


def _put_back(backup: Backup, now: bytes | None, reason: str) -> BackupReport:
    """Raises FileError, the file as it was found."""
    assert backup.data is not None
    theirs = None
    with contextlib.suppress(FileError):  # restoring the file matters more than a copy of the broken one
        theirs = _write_copy(backup.path.parent, backup.path.name, "broken", now, backup.mode) if now else None
    try:
        replace_file(backup.path, backup.data, expected=now, mode=backup.mode, secret=True)
    except FileError:
        if not _renamed(backup, now):
            _remove(theirs)  # the file still contains it
            raise
    _remove(backup.copy)
    return BackupReport("put back", backup.path, reason=reason, copy=theirs)


def _renamed(backup: Backup, now: bytes | None) -> bool:
    """On a full disk no text can be written, but the copy next to the file can be renamed."""
    if backup.copy is None or backup.copy.parent != backup.path.parent or read_if_present(backup.path) != now:
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


def _write_copy_or_spare(path: Path, data: bytes, mode: int, spare: Path | None) -> Path:
    try:
        return _write_copy(path.parent, path.name, "before", data, mode)
    except FileError:
        if spare is None:
            raise
        return _write_copy(spare, path.name, "before", data, 0o600)  # other users may read the directory


def _write_copy(directory: Path, name: str, what: str, data: bytes, mode: int) -> Path:
    """Writes a separate file, `name.what-1` or with the next free number. Raises FileError."""
    for number in itertools.count(1):
        path = directory / f"{name}.{what}-{number}"
        if os.path.lexists(path):
            continue
        try:
            replace_file(path, data, expected=None, mode=mode)
        except FileError:
            if os.path.lexists(path):  # just created by another process
                continue
            raise
        return path
    raise AssertionError("numbers do not end")


def _remove(*copies: Path | None) -> None:
    """Removes copies whose text is in the file itself. A copy that cannot be removed does no harm."""
    for each in filter(None, copies):
        with contextlib.suppress(OSError):
            each.unlink()


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
    texts = {each: read_if_present(each) or b"" for each in _copies_of(path)}
    now = _read_settled(path) if texts else None
    if now is None:
        return ()
    if is_alone:
        _remove(*(each for each, text in texts.items() if text == now))
    if _has_comments(now):
        return ()
    others = [each for each, text in texts.items() if text != now]
    for copy in sorted(others, key=lambda each: not _has_comments(texts[each])):  # the most valuable ones first
        lines = _restored_from(path, now, copy, texts[copy], may_write=is_alone and not _leads_out(path))
        if lines:
            return lines
    return ()


def _restored_from(path: Path, now: bytes, copy: Path, text: bytes, *, may_write: bool) -> tuple[str, ...]:
    found = restore(text, now, filename=str(path))
    if may_write and (found.outcome == "restored" or not now.strip()):
        replace_file(path, found.data, expected=now, mode=copy.stat().st_mode & 0o777, secret=True)
        _remove(copy)
        what = f"restored comments and layout from {copy.name}, which an interrupted `tarmak-iam run` left"
        return (f"{path}: note: {what}{_also(found)}",)
    if not _has_comments(text):
        return ()
    what = "tarmak cannot read the file" if found.outcome == "broken" else "the file has no comments"
    reason = f" ({found.reason})" if found.reason else ""
    return (f"{path}: warning: {what}{reason}; {copy} contains the text from before an earlier `tarmak-iam run`",)


def _leads_out(path: Path) -> bool:
    return os.path.dirname(os.path.realpath(path)) != os.path.realpath(path.parent)


def _also(found: Restored) -> str:
    return f"; {', '.join(map(str, found.changes))}" if found.changes else ""


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
