"""What `run` does around the commands that rewrite tarmak.yaml: one after the other, each with the text kept."""

from __future__ import annotations

import contextlib
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tarmak_iam.cli.console import aside
from tarmak_iam.document.file_lock import file_lock, lock_file_of
from tarmak_iam.hook.steps import Steps
from tarmak_iam.hook.tarmak.passing import Ended, pass_through, stops_raised, undisturbed
from tarmak_iam.hook.tarmak.recovery import recover

__all__ = ["run_rewriting"]

_SECONDS = 600
"""A wizard asks questions, and takes as long as it takes to answer them."""


def run_rewriting(command: Sequence[str], path: Path, environment: Mapping[str, str]) -> int:
    """The exit code; `path` is that of tarmak.yaml. Waits for whoever else edits the file, or runs a tarmak that does:
    the text that is kept must not be one that another tarmak has just written.

    Raises TarmakIamError, tarmak not started, where the turn does not come, or where the text cannot be kept: a disk
    that is full would take the file as well.
    """
    with stops_raised(), contextlib.ExitStack() as stack:
        lock = file_lock(lock_file_of(path), _busy, seconds=_SECONDS, waiting=_waiting)
        try:
            problem = stack.enter_context(lock)
        except KeyboardInterrupt as stop:
            aside("interrupted: tarmak was not started, and nothing was changed")
            return 128 + int(getattr(stop, "signum", signal.SIGINT))
        for line in recover(path, is_alone=problem is None):
            aside(line)
        return _with_text_kept(command, path, environment)


def _busy(holder: str) -> str:
    return f"{holder} is editing tarmak.yaml, or running a tarmak that rewrites it"


def _waiting(busy: str) -> None:
    aside(f"waiting for up to {_SECONDS // 60} minutes: {busy}; Ctrl-C ends the waiting")


def _with_text_kept(command: Sequence[str], path: Path, environment: Mapping[str, str]) -> int:
    """Keeps the text of tarmak.yaml, and puts it back whatever becomes of tarmak."""
    steps = Steps()
    kept = steps.keep(path, spare=Path(tempfile.gettempdir()))
    ended: Ended | None = None
    try:
        ended = pass_through(command, environment)
    finally:
        with undisturbed():
            report = steps.put_back(kept, finished=ended is not None and ended.exit_code == 0)
            for line in report.lines:
                aside(line)
    return 2 if ended.code == 0 and report.severity == "error" else ended.code
