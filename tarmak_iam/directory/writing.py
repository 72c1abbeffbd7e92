"""Carries a plan out, so that a run which is cut short leaves nothing that the next one would not take as its own."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from tarmak_iam.directory.planning import Action, Plan, Step
from tarmak_iam.directory.record import RECORD_NAME
from tarmak_iam.document.files import file_error, make_directory, replace_file

__all__ = ["carry_out"]

_LOGGER = logging.getLogger(__name__)

_AT_REST = (Action.UNCHANGED, Action.KEEP)


def carry_out(plan: Plan) -> None:
    """The record comes first, with what the files held and what they will hold: whichever of them a crash leaves
    behind is known to be ours. What nobody lists any more is removed last. Raises FileError."""
    steps = [step for step in plan.steps if step.action not in _AT_REST]
    recorded = plan.recorded
    make_directory(plan.directory, 0o755)
    if steps:
        recorded = _write_record(plan, recorded, plan.during.to_bytes())
    for step in steps:
        _carry_out(step)
    _write_record(plan, recorded, plan.after.to_bytes())


def _write_record(plan: Plan, recorded: bytes | None, data: bytes) -> bytes:
    if data != recorded:
        path = plan.directory / RECORD_NAME
        if path.is_symlink():
            _remove(path)
            recorded = None
        replace_file(path, data, expected=recorded)
    return data


def _carry_out(step: Step) -> None:
    artifact = step.artifact
    if artifact is None:
        _remove(step.path)
    elif step.action is Action.RESTRICT:
        _restrict(step.path, artifact.mode)
    else:
        if step.path.is_symlink():  # the link goes; what it leads to is somebody else's
            _remove(step.path)
        replace_file(step.path, artifact.data, expected=step.existing, mode=artifact.mode, secret=artifact.is_secret)


def _remove(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            _LOGGER.info("removed %s", path)
    except OSError as error:
        raise file_error("cannot be removed", path, error) from None


def _restrict(path: Path, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise file_error("cannot be closed to others", path, error) from None
