"""Programs that run for the length of a test: ended by their own process id, their output kept in a file."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["Running", "free_port", "running"]

_STARTED = """\
import ctypes, os, sys
tests, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() == int(tests):  # they have not been killed before
    os.execvp(command[0], command)
"""
"""Starts a program that is killed when the tests are killed, which can stop nothing then. Not in `preexec_fn`, because
the tests have threads."""


class Running:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self.log = process, log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], seconds: float = 600) -> None:
        """Fails with the end of the output where the program ends, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.log.stem} did not get ready:\n{self.text[-3000:]}")
            time.sleep(0.1)

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


def free_port() -> int:
    """One that no connection has as its own end, however many there are: it is not of the range that the system takes
    those from. As long as this process runs it is given nobody else, in any process: what is to listen may start long
    after, and stop in between."""
    ports = _ports()
    for port in random.SystemRandom().sample(ports, len(ports)):
        if port not in _given and _is_ours(port) and _is_free(port):
            _given.add(port)
            return port
    raise AssertionError(f"no port of {ports} is free")


def _ports() -> range:
    first = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32768
    return range(max(1024, first - 12_000), first)


_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given: set[int] = set()


def _is_ours(port: int) -> bool:
    """Each port is a byte of a file, which one process has locked: the system releases it when that process ends."""
    try:
        fcntl.lockf(_locked_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _locked_ports() -> int:
    """Never closed: that would release them."""
    path = Path(tempfile.gettempdir()) / f"tarmak-iam-e2e-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
