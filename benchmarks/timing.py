"""The shortest of several runs: what else the machine does can only add to it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

__all__ = ["program", "shortest", "timed"]

T = TypeVar("T")


def shortest(work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of as many runs as begin within the seconds, one at least; in milliseconds."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        started = clock()
        work()
        times.append(clock() - started)
    return min(times) * 1000


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and what came out."""
    begin = time.perf_counter()
    result = work()
    return (time.perf_counter() - begin) * 1000, result


def program(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Callable[[], bytes]:
    """A run of it, which must end well; gives its output."""

    def run() -> bytes:
        done = subprocess.run(command, check=False, capture_output=True, env=environment, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    return run
