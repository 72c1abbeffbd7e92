"""The shortest of several runs: other load on the machine can only make a run longer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

__all__ = ["program", "shortest", "timed"]

T = TypeVar("T")


def shortest(work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of all runs that start within the seconds, at least one; in milliseconds."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        started = clock()
        work()
        times.append(clock() - started)
    return min(times) * 1000


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and the result."""
    begin = time.perf_counter()
    result = work()
    return (time.perf_counter() - begin) * 1000, result


def program(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Callable[[], bytes]:
    """Runs it and returns its output; a failure is an error."""

    def run() -> bytes:
        done = subprocess.run(command, check=False, capture_output=True, env=environment, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    return run
