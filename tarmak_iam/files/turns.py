"""Concurrent edits of a file: runs of tarmak-iam wait for each other, and changes by other programs are not lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tarmak_iam.errors import FileChanged
from tarmak_iam.files.lock import file_lock, living_holder

_Made = TypeVar("_Made")
_ATTEMPTS = 5
_SECONDS = 60
_PATIENCE = 1
"""Seconds. Most edits are faster: only a longer wait is reported."""


def edit_in_turn(
    lock_file: Path,
    edit: Callable[[], _Made],
    does: str,
    *,
    report: Callable[[str], object],
    first: Callable[[bool], object] = lambda _: None,
) -> _Made:
    """Makes an edit under a lock against other runs of tarmak-iam. If another program has changed the file since the
    edit began, the edit is repeated on the new text. `does` says what the holder of the lock does, as in "is editing
    the mappings". `report` is called with one line about each wait and repetition. `first` is called before the edit,
    with whether the lock is held.

    If the lock cannot be created, the edit is made without it. Raises ToolError if the lock is not released in time,
    and what `edit` raises.
    """

    def busy(holder: str) -> str:
        return f"{living_holder(lock_file, holder)} {does}"

    def waiting(text: str) -> None:
        report(f"waiting up to {_SECONDS} seconds: {text}")

    with file_lock(lock_file, busy, seconds=_SECONDS, patience=_PATIENCE, waiting=waiting) as held:
        first(held.problem is None)
        for _ in range(1, _ATTEMPTS):
            try:
                return edit()
            except FileChanged as error:
                report(f"{error.place}: note: another program has changed the file; the edit is repeated")
        return edit()
