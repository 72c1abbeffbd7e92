"""A reader's shell: one bash in a fresh home, which goes on from command to command as a terminal's does.

A command that ends the shell does not end the session: the next one finds directory, exported variables and functions
as they were. Output is not a terminal's: no colours, no progress, lines as a pipe gets them.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.stand_ins.cloud import OWN_KEY, OWN_SECRET
from tests.docs.stand_ins.sts import sts_for
from tests.support import EXAMPLES, ROOT
from tests.support.forks import TARMAK_IAM, write_program

__all__ = ["Ran", "Session", "session"]

SECONDS = 600
_TOO_LONG = 124  # as timeout(1) has it
_STAND_INS = Path(__file__).parent / "stand_ins"
_PROGRAMS = {
    "tarmak-iam": TARMAK_IAM,
    **{name: f"tests.docs.stand_ins.{name}" for name in ("tarmak", "kubectl", "aws")},
}
_SESSION_NAME = "tarmak-iam-1772443800"
_VALID_UNTIL = "2027-03-02"
# Reads the names of files with commands; descriptors of its own, so that nothing that runs can see or end them.
_DRIVER = """
trap '{{ export -p; declare -f; printf "cd -- %q\\n" "$PWD"; }} >{state}' EXIT
[ ! -e {state} ] || . {state}
__status=$1
while IFS= read -r -u {commands} __file; do
    (exit "$__status")
    . "$__file" </dev/null {commands}<&- {statuses}>&-
    __status=$?
    set +e; trap - ERR
    printf '%s\\n' "$__status" >&{statuses}
done
"""


@dataclass(frozen=True)
class Ran:
    """`output`: standard output and error as they came, with the reader's own paths. `failed_line`: of a script,
    from 1, where its first failing command is."""

    code: int
    output: str
    failed_line: int | None = None


@dataclass
class Session:
    """`root` holds everything: home, programs, state of the stand-ins."""

    root: Path
    environment: Mapping[str, str]
    _bash: subprocess.Popen[bytes] | None = None
    _commands: int = -1
    _statuses: int = -1
    _status: int = 0
    _count: int = 0
    _left: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.home / "work"

    def run(self, text: str) -> Ran:
        """Commands as they are typed."""
        return self._run(text)

    def run_script(self, text: str) -> Ran:
        """Commands that must all succeed: the first that fails ends it."""
        failed = self.root / "failed"
        failed.unlink(missing_ok=True)
        note = f"trap 'echo \"$LINENO\" >{shlex.quote(str(failed))}' ERR"
        ran = self._run(f"set -e; {note}; {text}")
        line = int(failed.read_text()) if failed.exists() else None
        return Ran(ran.code, ran.output, line)

    def run_python(self, text: str) -> Ran:
        """A program of its own, in the working directory; its output alone."""
        path = self._file("program.py", text)
        return self._run(f"python3 {shlex.quote(str(path))}")

    def write(self, name: str, text: str) -> None:
        path = self.home / name[2:] if name.startswith("~/") else self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def directory(self) -> Path:
        """Where the shell is."""
        before = self._status
        found = Path(self._run("command pwd -P").output.strip().replace("/home/you", str(self.home), 1))
        self._status = before
        return found

    def shown(self, text: str) -> str:
        """With the reader's own paths, and one time in the name of every role session and certificate."""
        text = re.sub(r"(valid until |\"notAfter\": \")\d{4}-\d\d-\d\d\b", rf"\g<1>{_VALID_UNTIL}", text)
        text = re.sub(r"\btarmak-iam-\d{10}\b", _SESSION_NAME, text)
        text = re.sub(r"(?<![\w.])" + re.escape(str(self.home)), "/home/you", text)
        return text.replace(str(self.root), "/tmp").replace(str(ROOT), "/home/you/tarmak-iam")

    def close(self) -> None:
        """Ends the shell and whatever it left running."""
        self._end()
        for process in self._left:
            _kill(process)

    def _run(self, text: str) -> Ran:
        if self._bash is None:
            self._start()
        start = self._output.stat().st_size
        path = self._file("command", text + "\n")
        os.write(self._commands, f"{path}\n".encode())
        self._status = self._answer()
        with self._output.open("rb") as stream:
            stream.seek(start)
            said = stream.read().decode(errors="replace")
        return Ran(self._status, self.shown(said))

    def _file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def _output(self) -> Path:
        return self.root / "output"

    def _start(self) -> None:
        read_commands, self._commands = os.pipe()
        self._statuses, write_statuses = os.pipe()
        state = shlex.quote(str(self.root / "state"))
        driver = _DRIVER.format(state=state, commands=read_commands, statuses=write_statuses)
        with self._output.open("ab") as output:
            self._bash = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "-c", driver, "bash", str(self._status)],
                cwd=self.work,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(read_commands, write_statuses),
                start_new_session=True,
            )
        os.close(read_commands)
        os.close(write_statuses)
        self._left.append(self._bash)

    def _answer(self) -> int:
        """The status of the command that runs; that of the shell where it has ended."""
        assert self._bash is not None
        deadline, told = time.monotonic() + SECONDS, b""
        while not told.endswith(b"\n"):
            ready = select.select([self._statuses], [], [], max(0.0, deadline - time.monotonic()))[0]
            if not ready:
                self._end()
                with self._output.open("a") as output:
                    output.write(f"it did not end within {SECONDS} seconds\n")
                return _TOO_LONG
            data = os.read(self._statuses, 64)
            if not data:
                code = self._bash.wait()
                self._end()
                return code
            told += data
        return int(told)

    def _end(self) -> None:
        if self._bash is None:
            return
        os.close(self._commands)
        os.close(self._statuses)
        _kill(self._bash)
        self._bash = None


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def session(root: Path) -> Iterator[Session]:
    """`root`: an empty directory, which belongs to the session."""
    root = root.resolve()
    for name in ("home/work", "bin", "cloud"):
        (root / name).mkdir(parents=True)
    _program(root / "bin" / "aws-iam-authenticator", sys.executable, str(_STAND_INS / "aws_iam_authenticator.py"))
    for name in ("python", "python3"):
        _program(root / "bin" / name, sys.executable)
    for name, module in _PROGRAMS.items():
        write_program(root / "bin" / name, module)
    with sts_for(root / "cloud") as url:
        made = Session(root, _environment(root, url))
        try:
            yield made
        finally:
            made.close()


def _program(path: Path, *words: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)


def _environment(root: Path, sts: str) -> dict[str, str]:
    tools = [str(root / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _GIT.items()}
    return {
        "PATH": os.pathsep.join(tools),
        "HOME": str(root / "home"),
        "USER": "you",
        "TMPDIR": str(root),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "EXAMPLES": str(EXAMPLES),
        "CLOUD": str(root / "cloud"),
        "AWS_ACCESS_KEY_ID": OWN_KEY,
        "AWS_SECRET_ACCESS_KEY": OWN_SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": sts,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        # Nothing that is run here may reach anybody: the proxy leads to the session's own STS alone.
        "HTTPS_PROXY": sts,
        "SSL_CERT_FILE": str(root / "cloud" / "ca.pem"),
        "NO_PROXY": "127.0.0.1,localhost",
        **names,
    }


_GIT = {"NAME": "You", "EMAIL": "you@example.com", "DATE": "2026-03-02T09:30:00Z"}


def missing() -> str | None:
    """Why no session can be held here."""
    return None if shutil.which("bash") else "there is no bash"
