"""A command that has written something, and whose output cannot be printed: what is done is told."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tarmak_iam.cli import console
from tarmak_iam.cli import edits as edit
from tarmak_iam.cli.console import done_so_far
from tests.support import ADMIN, ROOT, Shell
from tests.support.forks import TARMAK_IAM, write_program

FULL = "the output cannot be written: No space left on device\n"
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
ADD = ("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
Ended = Callable[..., tuple[int, str]]


@pytest.fixture
def ended(shell: Shell, tmp_path: Path) -> Ended:
    """Calls a command whose stdout or stdin goes somewhere: its exit code and stderr."""
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)

    def run(*args: str | Path, to: str = ">/dev/full") -> tuple[int, str]:
        # Another process cannot be given a file that is closed.
        program = (sys.executable, "-m", "tarmak_iam") if to.endswith("&-") else (tmp_path / "tarmak-iam",)
        words = shlex.join(map(str, (*program, *args)))
        environment = {**os.environ, "TARMAK_CONFIG": str(shell.single), "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(f"{words} {to}", shell=True, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return run


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (ADD, "dev-cluster/aws-iam-authenticator.yaml"),
        ((*ADD, "-o", "json"), "dev-cluster/aws-iam-authenticator.yaml"),
        (("enable",), "tarmak.yaml"),
        (("config", "set", "internalELBAccessLogs.bucket", "my-logs"), "tarmak.yaml"),
        (("settings", "set", "profile", "p"), "dev-cluster/tarmak-iam.yaml"),
    ],
)
def test_what_an_edit_wrote(shell: Shell, ended: Ended, args: tuple[str, ...], written: str) -> None:
    file = shell.single / written
    before = file.read_bytes() if file.exists() else None
    assert ended(*args, "--dry-run") == (2, f"error: {FULL}")
    assert (file.read_bytes() if file.exists() else None) == before
    assert ended(*args) == (2, f"error: wrote {file}, but {FULL}")
    assert file.read_bytes() != before
    assert "wrote" not in ended(*args)[1]  # a second time there is nothing to write


def test_a_closed_stdout(shell: Shell, ended: Ended) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    reason = "the output cannot be written: Bad file descriptor\n"
    assert ended(*ADD, to=">&-") == (2, f"error: wrote {file}, but {reason}")
    assert ADMIN in file.read_text()
    assert ended("map", "list", to=">&-") == (2, f"error: {reason}")
    assert ended(*ADD, to=">&-") == (0, f"unchanged: {ADMIN} already has this mapping\n")  # nothing to print


def test_a_reader_that_hung_up(shell: Shell, tmp_path: Path) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    to = f"| true; echo ${{PIPESTATUS[0]}} >{shlex.quote(str(tmp_path / 'code'))}"
    words = shlex.join(map(str, (sys.executable, "-m", "tarmak_iam", "-c", shell.single, *ADD)))
    # The reader is gone before the first line is printed: it is asked for by a name that nobody reads.
    script = f"{{ sleep 0.5; {words}; }} {to}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (tmp_path / "code").read_text() == "141\n"
    assert done.stderr == f"error: wrote {file}, but the reader of the output closed the pipe\n"


def test_commands_that_write_files_of_their_own(shell: Shell, ended: Ended, tmp_path: Path) -> None:
    """All of the webhook's: a key without its certificate would be overwritten by `init`."""
    shell.dev(*ADD)
    out, merged = tmp_path / "out", tmp_path / "kubeconfig"
    assert ended("kubeconfig", "--merge", merged) == (2, f"error: wrote {merged}, but {FULL}")
    code, err = ended("render", "--output-dir", out)
    assert code == 2
    assert err.startswith(f"error: wrote {out}/")
    assert err.endswith(f" more, but {FULL}")
    webhook = tmp_path / "webhook"
    files = ", ".join(f"{webhook}/{name}" for name in ("key.pem", "cert.pem", "aws-iam-authenticator.kubeconfig"))
    assert ended("webhook", "--output-dir", webhook) == (2, f"error: wrote {files}, but {FULL}")
    assert len(list(webhook.iterdir())) == 3
    schemas = tmp_path / "schemas"
    code, err = ended("schema", "--output-dir", schemas, "--modeline")
    files = ", ".join(f"{schemas}/{name}.schema.json" for name in ("tarmak", "mappings", "settings"))
    assert (code, err.splitlines()[-1]) == (2, f"error: wrote {files}, {shell.single}/tarmak.yaml, but {FULL.strip()}")


def test_an_error_after_a_file_was_written(shell: Shell, tmp_path: Path) -> None:
    directory = tmp_path / "schemas"
    directory.mkdir()
    (directory / "tarmak.schema.json").mkdir()
    failed = shell.dev("schema", "--output-dir", directory, code=2)
    assert "before the error it" not in failed.err  # the first file is the one that fails
    (directory / "tarmak.schema.json").rmdir()
    (directory / "settings.schema.json").mkdir()
    failed = shell.dev("schema", "--output-dir", directory, code=2)
    assert failed.err.endswith(
        f"note: before the error it wrote {directory}/tarmak.schema.json, {directory}/mappings.schema.json\n"
    )


def test_an_interruption_and_a_bug_after_a_file_was_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "print_diff", interrupted)
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    assert shell.dev(*ADD, code=130).err == f"\nerror: wrote {file}, but interrupted\n"
    monkeypatch.setattr(edit, "print_diff", lambda *_: 1 / 0)
    file = shell.single / "tarmak.yaml"
    told = shell.dev("enable", code=3).err
    assert told.startswith(f"error: wrote {file}, but this is a bug in tarmak-iam; please report it: ZeroDivisionError")
    assert done_so_far() == ""  # nothing is left of it for the next command


def test_a_closed_stdin_is_empty(ended: Ended) -> None:
    for command, reason in {
        "map import -": "no mappings found: it is empty",
        "config patch -": "the patch is not a mapping",
        "diff --from -": "no mappings found: it is empty",
    }.items():
        code, err = ended(*command.split(), to="<&-")
        assert code == 2
        assert err.startswith("<stdin>")
        assert f"error: {reason}; " in err
