from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tarmak_iam.cli.main import main
from tests.support import ADMIN, EXAMPLES, ROOT
from tests.support.histories import NOW
from tests.support.hook_driver import FAKES, replaced_steps
from tests.support.logins import Frozen, Sts

SECONDS = 240
MAPPINGS = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: kubernetes-admin
    groups: ["system:masters"]
"""
_KUBECTL = "#!/bin/sh\necho 'The connection to the server was refused: connection refused' >&2\nexit 1\n"


@dataclass
class Ran:
    """A program that a test started, and what it has said so far."""

    pid: int
    output: int
    """What to read: a pipe's end, or a terminal's."""
    process: subprocess.Popen[bytes] | None = None
    text: str = ""
    status: int | None = None

    def until(self, wanted: str | Callable[[], bool]) -> str:
        """Reads until the text is there, or the condition holds; fails if it ends before."""
        deadline = time.monotonic() + SECONDS
        while not (wanted in self.text if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"not within {SECONDS} seconds: {wanted!r} in {self.text!r}"
            self._read(0.05)
        return self.text

    def send(self, text: str) -> None:
        """Types it, on a terminal."""
        os.write(self.output, text.encode())

    def insist(self, text: str) -> None:
        """Types it until it is noticed, or it ends: a signal that comes between two looks of Python's is noticed with
        the next one, and one that comes while Python ends would be seen in the exit code."""
        for _ in range(SECONDS):
            if "interrupted" not in self.text:
                with contextlib.suppress(OSError):
                    self.send(text)
            again = time.monotonic() + 1
            while time.monotonic() < again:
                self._read(0.05)
                if self._is_over():
                    return

    def ended(self) -> int:
        """Its exit code, negative for a signal, once it has ended; everything it said is read."""
        deadline = time.monotonic() + SECONDS
        while not self._is_over():
            assert time.monotonic() < deadline, f"it did not end within {SECONDS} seconds: {self.text!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        assert self.status is not None
        return self.status

    def close(self) -> None:
        """Ends it where it still runs, and the tarmak that it started: both are in its own process group."""
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.ended()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        else:
            os.close(self.output)

    def _is_over(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
            if self.process is not None:
                self.process.returncode = self.status
        return self.status is not None

    def _read(self, seconds: float) -> bool:
        if not select.select([self.output], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.output, 65536)
        except OSError:  # a terminal that nobody has open any more
            data = b""
        self.text += data.decode().replace("\r\n", "\n")
        if not data:
            time.sleep(0.01)
        return bool(data)


@dataclass
class Bench:
    """A directory with a cluster whose `awsIAMAuthenticatorInit` is on, a tarmak that records its calls, and a kubectl
    without a cluster. `environment` is that of the programs."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: list[Ran] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.root / "config"

    @property
    def config(self) -> Path:
        return self.directory / "tarmak.yaml"

    @property
    def mappings(self) -> Path:
        return self.directory / "dev-cluster" / "aws-iam-authenticator.yaml"

    @property
    def lock(self) -> Path:
        return self.directory / ".dev-cluster.tarmak-iam.lock"

    def program(self, name: str, text: str) -> Path:
        path = self.root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, *args: str, **variables: str) -> Ran:
        """The command line with fake steps, its output in a pipe, in a process group of its own."""
        process = subprocess.Popen(
            self._command(args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.environment, **variables},
            cwd=self.root,
            start_new_session=True,
        )
        assert process.stdout is not None
        return self._kept(Ran(process.pid, process.stdout.fileno(), process))

    def on_terminal(self, *command: str, **variables: str) -> Ran:
        """Any program, on a terminal of its own."""
        environment = {**self.environment, **variables}
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.chdir(self.root)
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        return self._kept(Ran(pid, terminal))

    def typed(self, *args: str, **variables: str) -> Ran:
        """The command line with fake steps, on a terminal of its own."""
        return self.on_terminal(*self._command(args), **variables)

    def run(self, *args: str, code: int = 0, **variables: str) -> str:
        """What the command line says on both streams, called within this process."""
        with (
            tempfile.TemporaryFile() as said,
            mock.patch.dict(os.environ, {**self.environment, **variables}, clear=True),
            replaced_steps(**FAKES),
            _everything_to(said.fileno()),
        ):
            got = main(list(args))
            sys.stdout.flush()
            said.seek(0)
            text = said.read().decode()
        assert got == code, text
        assert "Traceback" not in text
        return text

    def apply(self, *options: str, code: int = 0, **variables: str) -> str:
        return self.run("run", *options, "--", "tarmak", "clusters", "apply", code=code, **variables)

    @property
    def events(self) -> list[dict[str, Any]]:
        path = Path(self.environment["STUB_RECORD"])
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def names(self) -> list[str]:
        return [each["event"] for each in self.events]

    def signals(self) -> list[str]:
        return [each["name"] for each in self.events if each["event"] == "signal"]

    def first(self, event: str) -> dict[str, Any]:
        return next(each for each in self.events if each["event"] == event)

    def has(self, event: str) -> Callable[[], bool]:
        return lambda: event in self.names()

    def _command(self, args: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "tests.support.hook_driver", *args]

    def _kept(self, ran: Ran) -> Ran:
        self.running.append(ran)
        return ran


@contextmanager
def _everything_to(descriptor: int) -> Iterator[None]:
    """Standard output and error, ours and that of programs, in the order in which it is said; no input."""
    saved = [os.dup(each) for each in (0, 1, 2)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (descriptor, 1), (descriptor, 2)):
        os.dup2(source, target)
    try:
        with (
            os.fdopen(os.dup(descriptor), "w") as stream,
            mock.patch.object(sys, "stdout", stream),
            mock.patch.object(sys, "stderr", stream),
            mock.patch.object(sys, "stdin", io.StringIO()),
        ):
            yield
    finally:
        for source, target in zip(saved, (0, 1, 2), strict=True):
            os.dup2(source, target)
            os.close(source)
        os.close(nothing)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    shutil.copytree(EXAMPLES / "single", bench.directory)
    text = bench.config.read_text()
    bench.config.write_text(
        text.replace("      public: yes\n", "      public: yes\n      amazon: {awsIAMAuthenticatorInit: true}\n")
    )
    bench.mappings.write_text(MAPPINGS)
    stub = (Path(__file__).parent / "stub_tarmak.py").read_text()
    bench.program("tarmak", f"#!{sys.executable}\n{stub}")
    bench.program("kubectl", _KUBECTL)
    own = f'#!/bin/sh\nexec "{sys.executable}" -m tests.support.hook_driver "$@"\n'
    bench.program("tarmak-iam", own)
    bench.environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "TARMAK_CONFIG": str(bench.directory),
        "STUB_RECORD": str(tmp_path / "record"),
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    yield bench
    for ran in bench.running:
        ran.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where a cluster has its history."""
    return tmp_path / "dev-cluster" / "tarmak-iam.state.json"


@pytest.fixture
def history_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.hook.cluster.history.utc_now", lambda: NOW)


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    return Sts(monkeypatch)


@pytest.fixture
def token_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("verify", "review"):
        monkeypatch.setattr(f"tarmak_iam.hook.login.{module}.datetime", Frozen)
