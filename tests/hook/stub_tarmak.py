"""A tarmak for tests: its exit codes, output and handling of signals, and a record of what it saw.

What it does is told by variables: STUB_RECORD a file that gets a line of JSON for each event; STUB_EXIT the exit code;
STUB_WAIT=1 it works until a signal, as tarmak does: the first SIGINT or SIGTERM ends it in an orderly way with 1;
STUB_FINISH=1 it ends with success then; STUB_DIE a signal that it gives itself; STUB_PYTHON code that it runs first.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any


def record(event: str, **more: Any) -> None:
    line = json.dumps({"event": event, **more}) + "\n"
    descriptor = os.open(os.environ["STUB_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def wait() -> int:
    signals: list[int] = []

    def note(signum: int, _: object) -> None:
        signals.append(signum)
        record("signal", name=signal.Signals(signum).name)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH):
        signal.signal(each, note)
    record("ready")
    while not any(each != signal.SIGWINCH for each in signals):
        time.sleep(0.01)
    grace = time.monotonic() + 0.4  # for a second one, which should not come
    while time.monotonic() < grace:
        time.sleep(0.01)
    return 0 if os.environ.get("STUB_FINISH") else 1


def main() -> int:
    args = sys.argv[1:]
    record(
        "start",
        args=args,
        pid=os.getpid(),
        group=os.getpgrp(),
        terminal=[os.isatty(each) for each in (0, 1, 2)],
        size=list(os.get_terminal_size(1)) if os.isatty(1) else None,
        directory=os.environ.get("TARMAK_CONFIG"),
        ignored=[each.name for each in signal.Signals if signal.getsignal(each) is signal.SIG_IGN],
        blocked=sorted(int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        fds=sorted(int(each) for each in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{each}")),
    )
    exec(os.environ.get("STUB_PYTHON", ""))
    if args[:1] == ["cat"]:
        sys.stdout.write(sys.stdin.read())
    else:
        print("tarmak at work", flush=True)
    with contextlib.suppress(OSError):  # a full disk
        os.write(2, b"a log line\n")
    if os.environ.get("STUB_WAIT"):
        return wait()
    if died := os.environ.get("STUB_DIE"):
        signal.signal(signal.Signals[died], signal.SIG_DFL) if died != "SIGKILL" else None
        os.kill(os.getpid(), signal.Signals[died])
        time.sleep(600)
    return int(os.environ.get("STUB_EXIT", "0"))


if __name__ == "__main__":
    sys.exit(main())
