"""Programs that run for the length of a test: ended by their own process id, their output kept in a file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

__all__ = ["Running", "free_port", "running", "wait_until"]

_STARTED = """\
import ctypes, os, sys
tests, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() == int(tests):  # they have not been killed before
    os.execvp(command[0], command)
"""
"""Starts a program that is killed when the tests are killed, which can stop nothing then. Not in `preexec_fn`, because
the tests have threads."""


def wait_until(
    holds: Callable[[], object],
    seconds: float = 600,
    what: Callable[[], object] = lambda: "",
    pause: float = 0.1,
) -> None:
    """Fails with what `what` gives where it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} seconds: {what()}"
        time.sleep(pause)


class Running:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self.log = process, log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Fails with the end of the output where the program ends, or is not ready in time."""
        wait_until(lambda: self._process.poll() is not None or ready(), what=lambda: self.text[-3000:])
        assert self._process.poll() is None, f"{self.log.stem} did not get ready:\n{self.text[-3000:]}"

    def stop(self) -> None:
        self._process.terminate()
        try:
            # The daemon waits for the API server to close its connections, which it does not do.
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(command: Sequence[str | Path], log: Path, environment: Mapping[str, str], cwd: Path) -> Iterator[Running]:
    with log.open("wb") as output:
        words = [str(part) for part in command]
        if sys.platform == "linux":
            words = [sys.executable, "-I", "-S", "-c", _STARTED, str(os.getpid()), *words]
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=cwd)
    program = Running(process, log)
    try:
        yield program
    finally:
        program.stop()


_next_port = count(10_000 + os.getpid() * 101 % 20_000)


def free_port() -> int:
    """Of those from 10,000 on: the system takes none of them for the end of a connection. Each process has its own,
    since what is to listen may start long after, and stop in between."""
    for port in _next_port:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError
