"""Runs programs in forks of a process that has imported them.

A start of Python with all that tarmak-iam imports takes 0.4 seconds, and an apply calls kubectl some twenty times, for
which the documentation's pages have a stand-in. What is imported when is of no interest to those tests:
tests/cli/test_cheap.py looks at that.

`python -m tests.support.fork_server SOCKET MODULE...` serves calls of `fork_call.py` and of `tests.support.forks`
until its standard input ends. A module has a function `main`, of the arguments.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import tarmak_iam

_ALSO = (
    "botocore.session",
    "botocore.signers",
    "botocore.httpsession",
    "cryptography.x509",
    "dulwich.repo",
    "http.server",
    "pydantic",
)
"""What the package imports within functions, and is slow to import."""


_AUTOGROUP = Path("/proc/self/autogroup")


def keep_niceness() -> None:
    """Linux shares the processor among sessions first, and by niceness within each: a new session gives way to nobody,
    however nice its processes are, unless it is told to."""
    with suppress(OSError):  # another system, or a kernel without that
        _AUTOGROUP.write_text(str(os.nice(0)))


def serve(path: str, *modules: str) -> None:
    keep_niceness()
    mains = {name: importlib.import_module(name).main for name in modules}
    import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what is forked
    with socket.socket(socket.AF_UNIX) as listening:
        # Under its name it is found as soon as it is there, and it is not to be there before anybody listens.
        listening.bind(f"{path}.new")
        listening.listen(64)
        os.rename(f"{path}.new", path)
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


def import_all() -> None:
    """Everything that the programs need; `make compiled` calls it too."""
    own = (each.name for each in pkgutil.walk_packages(tarmak_iam.__path__, "tarmak_iam."))
    for name in (*own, *_ALSO):
        if not name.endswith(".__main__"):
            importlib.import_module(name)


def _run(connection: socket.socket, mains: dict[str, Any]) -> None:
    """Never returns."""
    code = 1
    try:
        size, files, _, _ = socket.recv_fds(connection, 8, 3)
        call = json.loads(_received(connection, int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        _open_streams()
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        _take_on(call)
        code = _code(mains[call["program"]], call["arguments"])
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            connection.sendall(bytes([code]))
        os._exit(code)


def _open_streams() -> None:
    """Those of this process think that they are seekable if those of the server were."""
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115  # for good
    for name, number in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        raw = open(number, "wb", 0, closefd=False)  # noqa: SIM115
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", before.errors, write_through=True))


def _take_on(call: dict[str, Any]) -> None:
    """What a process that was started there would have of it."""
    os.environ.clear()
    os.environ.update(call["environment"])
    os.chdir(call["directory"])
    os.umask(call["umask"])
    time.tzset()
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [each for each in given if each and each not in sys.path]
    sys.argv = [call["program"], *call["arguments"]]


def _code(main: Any, arguments: list[str]) -> int:
    try:
        return int(main(arguments) or 0)
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
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
    serve(*sys.argv[1:])
    Path(sys.argv[1]).unlink(missing_ok=True)
