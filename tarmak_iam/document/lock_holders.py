"""Which processes hold a lock file locked, by /proc: a lock outlives its taker in programs that inherit it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LockHolder", "lock_holders"]

_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class LockHolder:
    pid: int
    name: str
    """Of its program, as `ps` has it."""


def lock_holders(path: Path) -> tuple[LockHolder, ...]:
    """The processes that have the file open with a lock on it, as far as the caller may look at them; none on a system
    without /proc."""
    try:
        wanted = path.stat()
        processes = sorted(int(each) for each in os.listdir(_PROCESSES) if each.isdecimal())
    except OSError:
        return ()
    return tuple(LockHolder(pid, _name(pid)) for pid in processes if _holds(pid, wanted))


def _holds(pid: int, wanted: os.stat_result) -> bool:
    return any(_is_locked(pid, number) for number in _descriptors_of(pid, wanted))


def _descriptors_of(pid: int, wanted: os.stat_result) -> Iterator[str]:
    directory = _PROCESSES / str(pid) / "fd"
    try:
        numbers = os.listdir(directory)
    except OSError:  # it has ended, or is somebody else's
        return
    for number in numbers:
        try:
            if os.path.samestat(os.stat(directory / number), wanted):
                yield number
        except OSError:
            continue


def _is_locked(pid: int, number: str) -> bool:
    """Through this very open file: whoever only has it open to look waits for the lock itself."""
    try:
        lines = (_PROCESSES / str(pid) / "fdinfo" / number).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.startswith("lock:") and "FLOCK" in line for line in lines)


def _name(pid: int) -> str:
    try:
        return (_PROCESSES / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"
