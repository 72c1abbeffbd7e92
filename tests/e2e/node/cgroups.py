"""A node's own place in every hierarchy of cgroups version 1, removed afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["HIERARCHIES", "PREFIX", "cgroup", "command_line", "hierarchies", "member"]

_ROOT = Path("/sys/fs/cgroup")
PREFIX = "tarmak-iam-e2e-"
HIERARCHIES = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio", "systemd")


def hierarchies() -> list[Path]:
    """Those of HIERARCHIES that are mounted, and not by cgroups version 2."""
    return [path for name in HIERARCHIES if (path := _ROOT / name).is_dir() and (path / "tasks").exists()]


@contextmanager
def cgroup(name: str) -> Iterator[None]:
    """`name` is PREFIX, the process id of the tests, a dash and more.

    What runs in it at the end is killed: by then only what a node has left behind.
    """
    made = [each / name for each in hierarchies()]
    _remove_leftovers()
    try:
        for path in made:
            path.mkdir()
            for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one, which then takes no process
                if (path / setting).exists():
                    (path / setting).write_text((path.parent / setting).read_text())
        yield
    finally:
        for path in _ROOT.glob(f"*/{name}"):  # runc makes one in a hierarchy of version 2 that is there besides
            _remove(path)


def member(name: str, text: str) -> list[int]:
    """The processes of containers below it whose command line contains the text."""
    memory = _ROOT / "memory" / name
    pids = (int(line) for path in memory.rglob("cgroup.procs") for line in path.read_text().split())
    return [pid for pid in pids if text in command_line(pid)]


def command_line(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _remove_leftovers() -> None:
    """Of test runs that were killed: their nodes ended with them."""
    for path in _ROOT.glob(f"*/{PREFIX}[0-9]*-*"):
        if not Path("/proc", path.name.removeprefix(PREFIX).partition("-")[0]).exists():
            _remove(path)


def _remove(path: Path, seconds: float = 300) -> None:
    """Children first. A killed process is a member until it is reaped."""
    deadline = time.monotonic() + seconds
    while path.exists():
        below = sorted((each for each in path.rglob("*") if each.is_dir()), reverse=True)
        try:
            for each in (*below, path):
                each.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            if time.monotonic() > deadline:
                raise
            for pid in {int(line) for procs in path.rglob("cgroup.procs") for line in procs.read_text().split()}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
