"""Work that is killed at calls of functions of `os`, without strace: nothing is unwound or flushed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from types import BuiltinFunctionType
from typing import Any

__all__ = ["killed_at_each_call", "killed_at_each_change"]

CHANGES = ("chmod", "fchmod", "fsync", "link", "mkdir", "open", "remove", "rename", "replace", "symlink", "unlink")
"""The functions that change what is on the disk: between two of them a kill leaves the same."""


def killed_at_each_change(prepare: Callable[[], None], work: Callable[[], object]) -> Iterator[None]:
    """Yields after each kill, of work that begins after `prepare`, and at last after the work that was not killed."""
    return killed_at_each_call(prepare, work, CHANGES)


def killed_at_each_call(
    prepare: Callable[[], None], work: Callable[[], object], names: Collection[str] = ()
) -> Iterator[None]:
    """`names`: only calls of these functions count; all, if there are none."""
    for number in range(500):
        prepare()
        was_killed = _dies(number, work, names)
        yield
        if not was_killed:
            return
    raise AssertionError("the work does not end")


def _dies(number: int, work: Callable[[], object], names: Collection[str]) -> bool:
    """Whether a process of its own that does the work comes to its os call `number`, and ends there."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _end_at(number, names)
            work()
            code = 0
        finally:
            END(code)  # never back into the test run
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, DEAD)
    return code == DEAD


END = os._exit
DEAD = 77


def _end_at(number: int, names: Collection[str]) -> None:
    """From now on the call `number` of a function of `os`, or of flock, is where this process ends."""
    left = [number]

    def layered(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                END(DEAD)
            left[0] -= 1
            return original(*args, **kwargs)

        return call

    for name, function in list(vars(os).items()):
        is_counted = name in names if names else name != "fspath"  # which asks nothing of the system
        if isinstance(function, BuiltinFunctionType) and is_counted:
            setattr(os, name, layered(function))
    if not names:
        fcntl.flock = layered(fcntl.flock)
