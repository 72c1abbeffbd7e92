"""Texts of tarmak.yaml that a run which was killed has left beside it, put back by the next one."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from tarmak_iam.document import Document
from tarmak_iam.document.files import read_if_present, replace_file
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.hook.tarmak.rewriting import Restored, restore

__all__ = ["recover"]


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
    texts = {each: read_if_present(each) or b"" for each in _left_beside(path)}
    now = read_if_present(path) if texts else None
    if now is None:
        return ()
    if is_alone:
        _take_away(each for each, text in texts.items() if text == now)
    if _has_comments(now):
        return ()
    others = [each for each, text in texts.items() if text != now]
    for beside in sorted(others, key=lambda each: not _has_comments(texts[each])):  # which are worth most
        lines = _put_back(path, now, beside, texts[beside], may_write=is_alone and not _leads_out(path))
        if lines:
            return lines
    return ()


def _put_back(path: Path, now: bytes, beside: Path, text: bytes, *, may_write: bool) -> tuple[str, ...]:
    found = restore(text, now, filename=str(path))
    if may_write and (found.outcome == "restored" or not now.strip()):
        replace_file(path, found.data, expected=now, mode=beside.stat().st_mode & 0o777, secret=True)
        _take_away([beside])
        what = f"restored comments and layout from {beside.name}, which an interrupted `tarmak-iam run` left"
        return (f"{path}: note: {what}{_also(found)}",)
    if not _has_comments(text):
        return ()
    what = "tarmak cannot read the file" if found.outcome == "broken" else "the file has no comments"
    reason = f" ({found.reason})" if found.reason else ""
    return (f"{path}: warning: {what}{reason}; {beside} has the text from before an earlier `tarmak-iam run`",)


def _leads_out(path: Path) -> bool:
    return os.path.dirname(os.path.realpath(path)) != os.path.realpath(path.parent)


def _also(found: Restored) -> str:
    return f"; {', '.join(map(str, found.changes))}" if found.changes else ""


def _left_beside(path: Path) -> list[Path]:
    """Those that `kept.keep` has laid there, the latest first. It makes no links: one could lead anywhere."""
    pattern = re.compile(rf"{re.escape(path.name)}\.before-[0-9]+")
    found = []
    with contextlib.suppress(OSError):
        found = [(each.lstat(), each) for each in path.parent.iterdir() if pattern.fullmatch(each.name)]
    own = [(status.st_mtime_ns, each) for status, each in found if not stat.S_ISLNK(status.st_mode)]
    return [each for _, each in sorted(own, reverse=True)]


def _take_away(texts: Iterable[Path]) -> None:
    """What is in the file itself. One that cannot be removed does no harm."""
    for each in texts:
        with contextlib.suppress(OSError):
            each.unlink()


def _has_comments(text: bytes) -> bool:
    try:
        return bool(Document.parse(text).comments)
    except TarmakIamError:
        return False
