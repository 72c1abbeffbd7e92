"""A program on a terminal of its own: what is typed goes in at once, and what it shows comes back."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["on_terminal"]

# The terminal becomes the controlling one: shells want that.
_LAUNCHER = """\
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_SECONDS = 240


def on_terminal(command: Sequence[str], environment: Mapping[str, str], directory: Path, typed: str = "") -> str:
    """Waits for its end, and ends it where it does not come."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(environment),
        cwd=directory,
    )
    os.close(theirs)
    shown = bytearray()
    try:
        os.write(ours, typed.encode())
        deadline = time.monotonic() + _SECONDS
        with contextlib.suppress(OSError):  # the other end is closed
            while time.monotonic() < deadline:
                if select.select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 65536)
                elif process.poll() is not None:
                    break
    finally:
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
    return shown.decode("utf-8", "replace")
