"""What all editing commands share: reading a file that is given, the lock, writing unless it is a dry run, and printing
the diff."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tarmak_iam.cli.console import note, print_diff, print_line, record_written
from tarmak_iam.cli.session import Session
from tarmak_iam.document import Document
from tarmak_iam.errors import FileError
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import read_file
from tarmak_iam.files.turns import edit_in_turn
from tarmak_iam.installation.edit_locks import CLUSTER_FILES_EDIT, CONFIG_EDIT, lock_of_cluster_files, lock_of_config


def read_given(file: str) -> tuple[bytes, str]:
    """The content of a file, and its name in messages. `-` is stdin, which is empty if the caller has closed it. Raises
    FileError, which suggests an existing file for a missing one."""
    if file != "-":
        return _read_existing(Path(file)), file
    return b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>"


def _read_existing(path: Path) -> bytes:
    try:
        return read_file(path)
    except FileError:
        from tarmak_iam.cli.named_files import missing_file

        if path.exists():
            raise
        raise missing_file(path) from None


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
    """Writes, unless it is a dry run. Prints the diff and the effects, or calls `show` instead. `before` is None for a
    new file."""
    if not dry_run:  # before the diff: its reader may close the pipe
        write()
        record_written(after.filename)
    if show is None:
        print_diff(before, after)
        for line in effects:
            print_line(line)
    else:
        show()
    for comment in after.removed_comments:
        note(f"removed with it: the comment {comment.text}")
    note("dry run: nothing was written" if dry_run else done)


_Made = TypeVar("_Made")


def edits_tarmak_yaml(command: Callable[..., None]) -> Callable[..., None]:
    """Decorates the body of a command that edits tarmak.yaml; the first argument is its session. It also waits for a
    tarmak that may rewrite the file. A dry run takes no lock."""
    return _taking_turns(command, lock_of_config, CONFIG_EDIT, recover_config)


def recover_config(path: Path, is_alone: bool) -> None:
    """If a run was killed, tarmak.yaml may still be as tarmak rewrote it: the saved text is restored before the
    edit."""
    from tarmak_iam.hook.tarmak.backup import recover

    for line in recover(path, is_alone=is_alone):
        note(line)


def edits_cluster_files(command: Callable[..., None]) -> Callable[..., None]:
    """Decorates the body of a command that edits mappings or settings; the first argument is its session. A dry run
    takes no lock."""
    return _taking_turns(command, lock_of_cluster_files, CLUSTER_FILES_EDIT)


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
            path = None  # the command reports it itself, after errors in its arguments
        if path is None:
            edit()
        else:
            in_turn(lock_file(path), edit, does, functools.partial(first, path))

    return call


def in_turn(
    lock_file: Path, edit: Callable[[], _Made], does: str, first: Callable[[bool], object] = lambda _: None
) -> _Made:
    """As `edit_in_turn`. Waits and repetitions are printed, and SIGTERM ends the command as Ctrl-C does."""
    from tarmak_iam.hook.tarmak.passthrough import stops_raised

    with stops_raised():
        return edit_in_turn(lock_file, edit, does, report=note, first=first)
