"""What all editing commands share: taking turns, writing unless it is a dry run, and printing the diff."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tarmak_iam.cli.console import note, print_diff, print_line, record_written
from tarmak_iam.cli.session import Session
from tarmak_iam.document import Document
from tarmak_iam.errors import FileChanged, FileError


def finish_edit(
    before: Document | None,
    after: Document,
    write: Callable[[], object],
    *,
    dry_run: bool,
    done: str,
    effects: Iterable[str] = (),
    show: Callable[[], object] | None = None,
) -> None:
    """Writes, unless it is a dry run, and prints the diff and the lines on its effects, or what `show` prints instead.
    `before` is None for a new file."""
    if not dry_run:  # before the diff: whoever reads that may hang up
        write()
        record_written(after.filename)
    if show is None:
        print_diff(before, after)
        for line in effects:
            print_line(line)
    else:
        show()
    for comment in after.removed_comments:
        note(f"the comment went with it: {comment.text}")
    note("dry run: nothing was written" if dry_run else done)


_Made = TypeVar("_Made")

_ATTEMPTS = 5

_SECONDS = 60

_PATIENCE = 1
"""Most edits take a moment: only whoever waits for longer is told for whom."""


def edits_tarmak_yaml(command: Callable[..., None]) -> Callable[..., None]:
    """For the body of a command that edits tarmak.yaml, its session first: it also waits for a tarmak that may rewrite
    the file. A dry run waits for nobody."""
    does = "is editing tarmak.yaml, or running a tarmak that rewrites it"
    return _taking_turns(command, _lock_of_tarmak_yaml, does, _recover)


def _recover(path: Path, is_alone: bool) -> None:
    """An edit of what tarmak has written would part it from the text that a run has left, if one was killed."""
    from tarmak_iam.hook.tarmak.backup import recover

    for line in recover(path, is_alone=is_alone):
        note(line)


def edits_cluster_files(command: Callable[..., None]) -> Callable[..., None]:
    """For the body of a command that edits mappings or settings, its session first. A dry run waits for nobody."""
    return _taking_turns(command, _lock_of_cluster_files, "is editing the mappings or settings")


def _lock_of_tarmak_yaml(path: Path) -> Path:
    from tarmak_iam.document.file_lock import lock_file_of

    return lock_file_of(path)


def _lock_of_cluster_files(path: Path) -> Path:
    """One for the files of all clusters of a directory: those of one may not be there yet."""
    from tarmak_iam.document.file_lock import lock_file_in

    return lock_file_in(path.parent, "mappings-and-settings")


def _no_recovery(_path: Path, _is_alone: bool) -> None:
    pass


def _taking_turns(
    command: Callable[..., None],
    lock_file: Callable[[Path], Path],
    does: str,
    first: Callable[[Path, bool], None] = _no_recovery,
) -> Callable[..., None]:
    @functools.wraps(command)
    def call(session: Session, /, *args: object, dry_run: bool, **options: object) -> None:
        from tarmak_iam.config.locate import config_path

        edit = functools.partial(command, session, *args, dry_run=dry_run, **options)
        try:
            path = None if dry_run else config_path(session.directory, os.environ)
        except FileError:
            path = None  # the command says so itself, after what is wrong with its arguments
        if path is None:
            edit()
        else:
            in_turn(lock_file(path), edit, does, functools.partial(first, path))

    return call


def in_turn(
    lock_file: Path, edit: Callable[[], _Made], does: str, first: Callable[[bool], object] = lambda _: None
) -> _Made:
    """Makes an edit while no other one of us has the lock. Where somebody else has changed the file since the edit
    began, the edit is made again, on what is there now. `does` says what is waited for, as in "is editing the
    mappings". `first` is done before, with whether there is a lock.

    Where there can be no lock, that is all there is. Raises ToolError where the turn does not come, and what `edit`
    raises.
    """
    from tarmak_iam.document.file_lock import file_lock
    from tarmak_iam.hook.tarmak.passthrough import stops_raised

    def busy(holder: str) -> str:
        return f"{holder} {does}"

    def waiting(text: str) -> None:
        note(f"waiting up to {_SECONDS} seconds: {text}")

    with stops_raised(), file_lock(lock_file, busy, seconds=_SECONDS, patience=_PATIENCE, waiting=waiting) as held:
        first(held.problem is None)
        for _ in range(1, _ATTEMPTS):
            try:
                return edit()
            except FileChanged as error:
                note(f"{error.place}: note: somebody else has changed the file; the edit is made again")
        return edit()
