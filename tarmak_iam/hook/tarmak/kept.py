"""tarmak.yaml around a command that rewrites it: kept beside the file before, put back into it afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tarmak_iam.document.files import file_error, read_if_present, replace_file
from tarmak_iam.errors import FileError
from tarmak_iam.hook.tarmak.differences import Change
from tarmak_iam.hook.tarmak.rewriting import Restored, restore, unreadable
from tarmak_iam.text import one_line

__all__ = ["Fate", "KeptFile", "Report", "keep", "put_back"]

Fate = Literal["unchanged", "restored", "not restored", "put back", "broken"]

_ATTEMPTS = 3
_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class KeptFile:
    """The file as it was: `data` None where there was none. `beside` is where its text lies meanwhile, so that it
    outlives whatever happens to this process; `put_back` takes it away, or names it."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    beside: Path | None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the file.

    - "unchanged": it holds what it held; or there was none, and tarmak made one.
    - "restored": the old text with the `changes` that tarmak made.
    - "not restored": what tarmak left, for a `reason`; the old text lies in `beside`.
    - "put back": the old text without any change, for tarmak left a broken one, which lies in `beside` unless it
      was empty.
    - "broken": what tarmak left, which cannot be used and could not be replaced; the old text lies in `beside`.
    """

    state: Fate
    path: Path
    changes: tuple[Change, ...] = ()
    removed_comments: tuple[str, ...] = ()
    reason: str = ""
    beside: Path | None = None

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
            return f"your text could not be put back: {self.reason}; it is in {self.beside}"
        if self.state == "put back":
            theirs = f", and what tarmak left is in {self.beside}" if self.beside else ""
            return f"tarmak left a broken file: {self.reason}; your text is back as it was{theirs}"
        if self.state == "broken":
            rest = f"your text is in {self.beside}" if self.beside else "there was no file before"
            return f"tarmak left a broken file: {self.reason}; {rest}"
        return ""


def keep(path: Path, *, spare: Path | None = None) -> KeptFile:
    """Reads tarmak.yaml and lays its text beside it, as `tarmak.yaml.before-1` or with the next free number.

    `spare`: the directory for it where its own does not take it. Raises FileError where the file cannot be read, or
    its text be laid nowhere: what tarmak does then could not be undone.
    """
    data = _settled(path)
    if data is None:
        return KeptFile(path, None, 0o600, None)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return KeptFile(path, data, mode, _laid_somewhere(path, "before", data, mode, spare))


def put_back(kept: KeptFile, *, finished: bool = True) -> Report:
    """Puts the old text back after the command, with what tarmak changed; `finished` says whether tarmak ended well.

    Raises nothing: a file that cannot be written, or that changes all the time, stays as it is, and the report
    says where the old text is.
    """
    try:
        return _reported(kept, finished)
    except FileError as error:
        return Report("not restored", kept.path, reason=_told(error), beside=kept.beside)


def _reported(kept: KeptFile, finished: bool) -> Report:
    """Raises FileError."""
    for attempt in range(1, _ATTEMPTS + 1):
        now = read_if_present(kept.path)
        restored = _judged(kept, now, finished=finished)
        try:
            return _written(kept, now, restored)
        except FileError as error:
            if attempt < _ATTEMPTS and read_if_present(kept.path) != now:
                continue  # somebody was faster; what they wrote is judged in its turn
            state: Fate = "broken" if restored.outcome == "broken" else "not restored"
            reason = "; ".join(filter(None, (restored.reason, _told(error))))
            return Report(state, kept.path, reason=reason, beside=kept.beside)
    raise AssertionError("the last attempt ends the loop")


def _judged(kept: KeptFile, now: bytes | None, *, finished: bool) -> Restored:
    if kept.data is None:
        reason = "" if now is None else unreadable(now, str(kept.path))
        return Restored("broken" if reason else "unchanged", now or b"", reason=reason)
    if now is None:
        return Restored("broken", kept.data, reason="it is gone")
    return restore(kept.data, now, finished=finished, filename=str(kept.path))


def _written(kept: KeptFile, now: bytes | None, restored: Restored) -> Report:
    """Raises FileError, the file as it was found."""
    if kept.data is None:
        return Report("broken" if restored.outcome == "broken" else "unchanged", kept.path, reason=restored.reason)
    if restored.outcome == "not restored":
        return Report("not restored", kept.path, reason=restored.reason, beside=kept.beside)
    if restored.outcome == "broken":
        return _put_back(kept, now, restored.reason)
    if restored.data != now:
        replace_file(kept.path, restored.data, expected=now, mode=kept.mode, secret=True)
    _take_away(kept.beside)
    return Report(restored.outcome, kept.path, restored.changes, restored.removed_comments)


def _put_back(kept: KeptFile, now: bytes | None, reason: str) -> Report:
    """Raises FileError, the file as it was found."""
    assert kept.data is not None
    theirs = None
    with contextlib.suppress(FileError):  # a whole file is worth more than the pieces of another one
        theirs = _laid_beside(kept.path.parent, kept.path.name, "broken", now, kept.mode) if now else None
    try:
        replace_file(kept.path, kept.data, expected=now, mode=kept.mode, secret=True)
    except FileError:
        if not _renamed(kept, now):
            _take_away(theirs)  # it is in the file still
            raise
    _take_away(kept.beside)
    return Report("put back", kept.path, reason=reason, beside=theirs)


def _renamed(kept: KeptFile, now: bytes | None) -> bool:
    """A full disk has no room for a text, but what lies beside the file needs no more than another name."""
    if kept.beside is None or kept.beside.parent != kept.path.parent or read_if_present(kept.path) != now:
        return False
    try:
        os.replace(kept.beside, os.path.realpath(kept.path))
    except OSError:
        return False
    return True


def _settled(path: Path) -> bytes | None:
    """What is in the file. A tarmak in another terminal makes it empty before it writes: that is no text to keep."""
    deadline = time.monotonic() + _SECONDS
    while (data := read_if_present(path)) == b"" and time.monotonic() < deadline:
        time.sleep(0.02)
    return data


def _laid_somewhere(path: Path, what: str, data: bytes, mode: int, spare: Path | None) -> Path:
    try:
        return _laid_beside(path.parent, path.name, what, data, mode)
    except FileError:
        if spare is None:
            raise
        return _laid_beside(spare, path.name, what, data, 0o600)  # a directory that others may look into


def _laid_beside(directory: Path, name: str, what: str, data: bytes, mode: int) -> Path:
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


def _take_away(path: Path | None) -> None:
    """A text that is in the file itself. One that cannot be removed does no harm."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def _told(error: FileError) -> str:
    return f"the file {error.what}" if error.what.startswith("cannot") else error.what
