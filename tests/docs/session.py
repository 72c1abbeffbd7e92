"""A reader's shell in a fresh home: each command is a bash of its own, which goes on where the one before it ended.

A command that ends the shell does not end the session: the next one finds directory, variables and functions as they
were. Output is not a terminal's: no colours, no progress, lines as a pipe gets them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.stand_ins.cloud import OWN_KEY, OWN_SECRET
from tests.docs.stand_ins.sts import sts_for
from tests.support import EXAMPLES, ROOT
from tests.support.forks import TARMAK_IAM, write_program

__all__ = ["Ran", "Session", "needs_bash", "session"]

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
SECONDS = 600
_STAND_INS = Path(__file__).parent / "stand_ins"
_PROGRAMS = {
    "tarmak-iam": TARMAK_IAM,
    **{name: f"tests.docs.stand_ins.{name}" for name in ("tarmak", "kubectl", "aws")},
}
# What bash itself sets is read-only, and cannot be set again: it says so.
_SHELL = """\
trap '{{ declare -p; declare -f; }} >{root}/state; pwd -P >{root}/directory' EXIT
[ ! -e {root}/state ] || . {root}/state 2>/dev/null
(exit {status})
. {root}/command </dev/null
"""


class Ran(NamedTuple):
    """`output`: standard output and error as they came, with the reader's own paths. `failed_line`: of a script,
    from 1, where its first failing command is."""

    code: int
    output: str
    failed_line: int | None = None


@dataclass
class Session:
    """`root` holds everything: home, programs, state of the stand-ins."""

    root: Path
    environment: dict[str, str]
    code: int = 0
    """Of the last command."""
    groups: list[int] = field(default_factory=list)
    """Of processes: what commands have left running is in them."""

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def directory(self) -> Path:
        """Where the shell is."""
        path = self.root / "directory"
        return Path(path.read_text().removesuffix("\n")) if path.exists() else self.home / "work"

    def run(self, text: str) -> Ran:
        """Commands as they are typed."""
        (self.root / "command").write_text(f"{text}\n", encoding="utf-8")
        script = _SHELL.format(root=shlex.quote(str(self.root)), status=self.code)
        with (self.root / "output").open("wb") as output:
            bash = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "-c", script],
                cwd=self.directory,
                env={} if (self.root / "state").exists() else self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self.groups.append(bash.pid)
            try:
                self.code = bash.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self.close()
                bash.wait()
                self.code = 124  # as timeout(1) has it
        return Ran(self.code, self.shown((self.root / "output").read_text(encoding="utf-8", errors="replace")))

    def run_script(self, text: str) -> Ran:
        """Commands that must all succeed: the first that fails ends it."""
        failed = self.root / "failed"
        failed.unlink(missing_ok=True)
        note = f"trap 'echo \"$LINENO\" >{shlex.quote(str(failed))}' ERR"
        ran = self.run(f"set -e; {note}; {text}")
        return ran._replace(failed_line=int(failed.read_text()) if failed.exists() else None)

    def run_python(self, text: str) -> Ran:
        """A program of its own, in the working directory; its output alone."""
        path = self.root / "program.py"
        path.write_text(text, encoding="utf-8")
        return self.run(f"python3 {shlex.quote(str(path))}")

    def write(self, name: str, text: str) -> None:
        path = self.home / name[2:] if name.startswith("~/") else self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def shown(self, text: str) -> str:
        """With the reader's own paths, and one time in the name of every role session and certificate."""
        text = re.sub(r"(valid until |\"notAfter\": \")\d{4}-\d\d-\d\d\b", r"\g<1>2027-03-02", text)
        text = re.sub(r"\btarmak-iam-\d{10}\b", "tarmak-iam-1772443800", text)
        text = re.sub(r"(?<![\w.])" + re.escape(str(self.home)), "/home/you", text)
        return text.replace(str(self.root), "/tmp").replace(str(ROOT), "/home/you/tarmak-iam")

    def close(self) -> None:
        """Ends whatever was left running."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


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
