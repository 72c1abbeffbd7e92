"""Runs stand-ins in forks of a process that has imported them.

An apply calls kubectl some twenty times, and each start of Python with all that the stand-in imports takes 0.3 seconds.

`python -m tests.docs.stand_ins.fork_server SOCKET` serves `call.py` until its standard input ends.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

PROGRAMS = ("tarmak", "kubectl", "aws")


def serve(path: str) -> None:
    mains = {name: importlib.import_module(f"tests.docs.stand_ins.{name}").main for name in PROGRAMS}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what is forked
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection, mains)
            connection.close()


def _run(connection: socket.socket, mains: dict[str, Any]) -> None:
    """Never returns."""
    code = 1
    try:
        size, files, _, _ = socket.recv_fds(connection, 8, 3)
        call = json.loads(_received(connection, int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        os.environ.clear()
        os.environ.update(call["environment"])
        os.chdir(call["directory"])
        code = _code(mains[call["program"]], call["arguments"])
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            connection.sendall(bytes([code]))
        os._exit(code)


def _code(main: Any, arguments: list[str]) -> int:
    try:
        return int(main(arguments) or 0)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1


def _end_with(connection: socket.socket) -> None:
    """With whoever called: a program that is killed writes nothing afterwards."""
    if not connection.recv(1):
        os._exit(1)


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            os._exit(1)
        data += more
    return data


if __name__ == "__main__":
    serve(sys.argv[1])
    Path(sys.argv[1]).unlink(missing_ok=True)
