"""tarmak-iam and other programs, run by a fork server: for tests that call them often, and do not test how a process of
theirs starts."""

from __future__ import annotations

import atexit
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.support import ROOT
from tests.support.fork_call import call

__all__ = ["PATIENT", "TARMAK_IAM", "forked", "write_program"]

TARMAK_IAM = "own"
"""The checkout's own command line."""
PATIENT = "patient"
"""The same, for tests that do not end when a call of kubectl takes long."""
_MODULES = (
    "tests.docs.stand_ins.aws",
    "tests.docs.stand_ins.kubectl",
    "tests.docs.stand_ins.tarmak",
    "tests.support.hook_driver",
    "tests.support.recorded_calls",
)
"""All else that is called so: one server has them, because each imports the whole package."""


def forked(program: str, *args: str | Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end. Standard input is empty; `returncode` is 1 where a signal ended it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
        files = [nothing.fileno(), out.fileno(), err.fileno()]
        words = [str(word) for word in args]
        code = call(str(_server()), program, words, dict(environment), files)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(words, code, out.read().decode(), err.read().decode())


def write_program(path: Path, program: str) -> None:
    """A file whose calls run the program."""
    words = (sys.executable, "-I", "-S", str(Path(__file__).with_name("fork_call.py")), str(_server()), program)
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)


def _server() -> Path:
    """A server stays in the network where it started."""
    path = "/proc/self/ns/net"
    return _server_within(os.readlink(path) if os.path.lexists(path) else "")


@cache
def _server_within(network: str) -> Path:  # noqa: ARG001
    """The socket of a server, which ends with this process."""
    directory = tempfile.TemporaryDirectory(prefix="forks-")
    path = Path(directory.name, "socket")
    command = [sys.executable, "-m", "tests.support.fork_server", str(path), *_MODULES]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    atexit.register(directory.cleanup)
    atexit.register(server.communicate)
    while not path.exists():
        assert server.poll() is None, "the programs cannot be imported"
        time.sleep(0.01)
    return path
