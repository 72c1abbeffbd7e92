"""tarmak.yaml around a command that rewrites it: backed up before, restored afterwards, or by the next run after one
that was killed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tarmak_iam.document import Document
from tarmak_iam.document.files import file_error, read_if_present, replace_file
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.hook.tarmak.comment_restore import Restored, TarmakChange, restore, why_unreadable
from tarmak_iam.text import one_line

BackupOutcome = Literal["unchanged", "restored", "not restored", "put back", "broken"]

_ATTEMPTS = 3

_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Backup:
    """The file as it was: `data` None where there was none. `copy` is where its text lies meanwhile, so that it
    outlives whatever happens to this process; `restore_backup` takes it away, or names it."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    copy: Path | None


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What became of the file.

    - "unchanged": it holds what it held; or there was none, and tarmak made one.
    - "restored": the old text with the `changes` that tarmak made.
    - "not restored": what tarmak left, for a `reason`; the old text lies in `copy`.
    - "put back": the old text without any change, for tarmak left a broken one, which lies in `copy` unless it
      was empty.
    - "broken": what tarmak left, which cannot be used and could not be replaced; the old text lies in `copy`.
    """

    state: BackupOutcome
    path: Path
    changes: tuple[TarmakChange, ...] = ()
    removed_comments: tuple[str, ...] = ()
    reason: str = ""
    copy: Path | None = None

    @property
    def severity(self) -> Literal["note", "warning", "error"]:
        """An error means that what tarmak was told to do is not in the file."""
        if self.state in ("put back", "broken"):
            return "error"
        return "warning" if self.state == "not restored" else "note"

    @property
    def lines(self) -> tuple[str, ...]:
        """What a command line says: nothing where nothing happened, else one line, and one for each comment gone."""
        what = self._what()
        gone = (f"{self.path}: note: gone with what tarmak removed: {one_line(text)}" for text in self.removed_comments)
        return (f"{self.path}: {self.severity}: {what}", *gone) if what else ()

    def _what(self) -> str:
        if self.state == "restored":
            return f"your text is back; {', '.join(map(str, self.changes)) or 'tarmak changed nothing in it'}"
        if self.state == "not restored":
            return f"your text could not be put back: {self.reason}; it is in {self.copy}"
        if self.state == "put back":
            theirs = f", and what tarmak left is in {self.copy}" if self.copy else ""
            return f"tarmak left a broken file: {self.reason}; your text is back as it was{theirs}"
        if self.state == "broken":
            rest = f"your text is in {self.copy}" if self.copy else "there was no file before"
            return f"tarmak left a broken file: {self.reason}; {rest}"
        return ""


def back_up(path: Path, *, spare: Path | None = None) -> Backup:
    """Reads tarmak.yaml and lays its text beside it, as `tarmak.yaml.before-1` or with the next free number.

    `spare`: the directory for it where its own does not take it. Raises FileError where the file cannot be read, or
    its text be laid nowhere: what tarmak does then could not be undone.
    """
    data = _read_settled(path)
    if data is None:
        return Backup(path, None, 0o600, None)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return Backup(path, data, mode, _write_copy_or_spare(path, data, mode, spare))


def restore_backup(backup: Backup, *, finished: bool = True) -> BackupReport:
    """Puts the old text back after the command, with what tarmak changed; `finished` says whether tarmak ended well.

    Raises nothing: a file that cannot be written, or that changes all the time, stays as it is, and the report
    says where the old text is.
    """
    try:
        return _restore(backup, finished)
    except FileError as error:
        return BackupReport("not restored", backup.path, reason=_reason(error), copy=backup.copy)


def _restore(backup: Backup, finished: bool) -> BackupReport:
    """Raises FileError."""
    for attempt in range(1, _ATTEMPTS + 1):
        now = read_if_present(backup.path)
        restored = _judge(backup, now, finished=finished)
        try:
            return _write(backup, now, restored)
        except FileError as error:
            if attempt < _ATTEMPTS and read_if_present(backup.path) != now:
                continue  # somebody was faster; what they wrote is judged in its turn
            state: BackupOutcome = "broken" if restored.outcome == "broken" else "not restored"
            reason = "; ".join(filter(None, (restored.reason, _reason(error))))
            return BackupReport(state, backup.path, reason=reason, copy=backup.copy)
    raise AssertionError("the last attempt ends the loop")


def _judge(backup: Backup, now: bytes | None, *, finished: bool) -> Restored:
    if backup.data is None:
        reason = "" if now is None else why_unreadable(now, str(backup.path))
        return Restored("broken" if reason else "unchanged", now or b"", reason=reason)
    if now is None:
        return Restored("broken", backup.data, reason="it is gone")
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
    with contextlib.suppress(FileError):  # a whole file is worth more than the pieces of another one
        theirs = _write_copy(backup.path.parent, backup.path.name, "broken", now, backup.mode) if now else None
    try:
        replace_file(backup.path, backup.data, expected=now, mode=backup.mode, secret=True)
    except FileError:
        if not _renamed(backup, now):
            _remove(theirs)  # it is in the file still
            raise
    _remove(backup.copy)
    return BackupReport("put back", backup.path, reason=reason, copy=theirs)


def _renamed(backup: Backup, now: bytes | None) -> bool:
    """A full disk has no room for a text, but what lies beside the file needs no more than another name."""
    if backup.copy is None or backup.copy.parent != backup.path.parent or read_if_present(backup.path) != now:
        return False
    try:
        os.replace(backup.copy, os.path.realpath(backup.path))
    except OSError:
        return False
    return True


def _read_settled(path: Path) -> bytes | None:
    """What is in the file. A tarmak in another terminal makes it empty before it writes: that is no text to keep."""
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
        return _write_copy(spare, path.name, "before", data, 0o600)  # a directory that others may look into


def _write_copy(directory: Path, name: str, what: str, data: bytes, mode: int) -> Path:
    """In a file of its own, `name.what-1` or with the next number that is free. Raises FileError."""
    for number in itertools.count(1):
        path = directory / f"{name}.{what}-{number}"
        if os.path.lexists(path):
            continue
        try:
            replace_file(path, data, expected=None, mode=mode)
        except FileError:
            if os.path.lexists(path):  # somebody else's, made just now
                continue
            raise
        return path
    raise AssertionError("numbers do not end")


def _remove(*copies: Path | None) -> None:
    """Of a text that is in the file itself. One that cannot be removed does no harm."""
    for each in filter(None, copies):
        with contextlib.suppress(OSError):
            each.unlink()


def _reason(error: FileError) -> str:
    return f"the file {error.what}" if error.what.startswith("cannot") else error.what


def recover(path: Path, *, is_alone: bool = True) -> tuple[str, ...]:
    """Puts the text back that lies beside the file since a run around tarmak was killed, with what tarmak has changed;
    gives a line for a command line on what was done, or why not.

    The file is rewritten only where it has no comments, so that tarmak may have written it last, and where the text
    explains it: it then means the same as before. `is_alone`: no other run is at work, so that the text is nobody's any
    more; otherwise it is only reported, and so it is where the file is a link that leads out of its directory: whoever
    has made both could have any file overwritten that is empty. Raises nothing.
    """
    try:
        return _recovered(path, is_alone=is_alone)
    except FileError as error:
        return (f"{path}: warning: the text that an earlier `tarmak-iam run` left cannot be restored: {error}",)


def _recovered(path: Path, *, is_alone: bool) -> tuple[str, ...]:
    texts = {each: read_if_present(each) or b"" for each in _copies_of(path)}
    now = read_if_present(path) if texts else None
    if now is None:
        return ()
    if is_alone:
        _remove(*(each for each, text in texts.items() if text == now))
    if _has_comments(now):
        return ()
    others = [each for each, text in texts.items() if text != now]
    for copy in sorted(others, key=lambda each: not _has_comments(texts[each])):  # which are worth most
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
    return (f"{path}: warning: {what}{reason}; {copy} has the text from before an earlier `tarmak-iam run`",)


def _leads_out(path: Path) -> bool:
    return os.path.dirname(os.path.realpath(path)) != os.path.realpath(path.parent)


def _also(found: Restored) -> str:
    return f"; {', '.join(map(str, found.changes))}" if found.changes else ""


def _copies_of(path: Path) -> list[Path]:
    """Those that `back_up` has laid there, the latest first. It makes no links: one could lead anywhere."""
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
