"""Runs programs in forks of a process that has imported them.

A start of Python with all that tarmak-iam imports takes 0.4 seconds, and an apply calls kubectl some twenty times, for
which the documentation's pages have a stand-in. What is imported when is of no interest to those tests:
tests/cli/test_cheap.py looks at that.

`python -m tests.support.fork_server SOCKET MODULE...` serves calls of `fork_call.py` and of `tests.support.forks`
until its standard input ends. A module has a function `main`, of the arguments; two programs of its own are below.
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
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import tarmak_iam
from tarmak_iam.__main__ import main as tarmak_iam_main
from tarmak_iam.hook.cluster import kubectl

_ALSO = "botocore.session botocore.signers botocore.httpsession cryptography.x509 dulwich.repo http.server pydantic"
"""What the package imports within functions, and is slow to import."""


def own(_: list[str]) -> None:
    """The checkout's own tarmak-iam, which takes its arguments from sys.argv, and exits."""
    tarmak_iam_main()


def patient(_: list[str]) -> None:
    """The same, for machines with much else to do: `--timeout=0` still means one attempt, but a call of kubectl may
    take longer than `verify` gives it in production. In a fork of its own, so that nothing is put back."""
    kubectl._LEAST_SECONDS = 600
    tarmak_iam_main()


def serve(path: str, *modules: str) -> None:
    mains: dict[str, Callable[[list[str]], Any]] = {"own": own, "patient": patient}
    mains |= {name: importlib.import_module(name).main for name in modules}
    import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what is forked
    with socket.socket(socket.AF_UNIX) as listening:
        # Under its name it is found as soon as it is there, and it is not to be there before anybody listens.
        listening.bind(f"{path}.new")
        listening.listen(64)
        os.rename(f"{path}.new", path)
        while sys.stdin not in (ready := select.select([listening, sys.stdin], [], [])[0]):
            del ready
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection, mains)
            connection.close()


def import_all() -> None:
    """Everything that the programs need; `make compiled` calls it too."""
    names = (module.name for module in pkgutil.walk_packages(tarmak_iam.__path__, "tarmak_iam."))
    for name in (*names, *_ALSO.split()):
        if not name.endswith(".__main__"):
            importlib.import_module(name)


def _run(connection: socket.socket, mains: dict[str, Callable[[list[str]], Any]]) -> None:
    """As a process that was started there. Never returns."""
    code = 1
    try:
        for number, file in enumerate(socket.recv_fds(connection, 1, 3)[1]):
            os.dup2(file, number)
            os.close(file)
        program, arguments, environment, directory, umask = json.loads(connection.makefile("rb").readline())
        # Those of this process think that they are seekable if those of the server were.
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115  # for good
        for name, number in (("stdout", 1), ("stderr", 2)):
            raw = open(number, "wb", 0, closefd=False)  # noqa: SIM115
            setattr(sys, name, io.TextIOWrapper(raw, "utf-8", getattr(sys, name).errors, write_through=True))
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(directory)
        os.umask(umask)
        time.tzset()
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [path for path in given if path and path not in sys.path]
        sys.argv = [program, *arguments]
        code = int(mains[program](arguments) or 0)
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            connection.sendall(bytes([code]))
        os._exit(code)


def _end_with(connection: socket.socket) -> None:
    """With whoever called: a program that is killed writes nothing afterwards."""
    if not connection.recv(1):
        os._exit(1)


if __name__ == "__main__":
    serve(*sys.argv[1:])
