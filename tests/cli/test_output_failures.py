"""A command that has written something, and whose output cannot be printed: what is done is told."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tarmak_iam.cli import console
from tarmak_iam.cli import edits as edit
from tarmak_iam.cli.console import done_so_far
from tests.support import ADMIN, Shell

FULL = "No space left on device"
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def ended(shell: Shell, *args: str | Path, to: str = ">/dev/full") -> tuple[int, str]:
    """Exit code and stderr of a command whose stdout goes there."""
    words = shlex.join(map(str, (sys.executable, "-m", "tarmak_iam", *args)))
    environment = {**os.environ, "TARMAK_CONFIG": str(shell.single), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(f"{words} {to}", shell=True, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


ADD = ("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")


@pytest.mark.sample(2)
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
def test_what_an_edit_wrote(shell: Shell, args: tuple[str, ...], written: str) -> None:
    file = shell.single / written
    before = file.read_bytes() if file.exists() else None
    code, err = ended(shell, *args)
    assert (code, err) == (2, f"error: wrote {file}, but the output cannot be written: {FULL}\n")
    assert file.read_bytes() != before
    code, err = ended(shell, *args)  # a second time there is nothing to write
    assert "wrote" not in err


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("to", "reason"), [(">/dev/full", FULL), (">&-", "Bad file descriptor")], ids=["full", "closed"]
)
def test_a_dry_run_wrote_nothing(shell: Shell, to: str, reason: str) -> None:
    assert ended(shell, *ADD, "--dry-run", to=to) == (2, f"error: the output cannot be written: {reason}\n")
    assert not (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").exists()


def test_a_closed_stdout(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    assert ended(shell, *ADD, to=">&-") == (
        2,
        f"error: wrote {file}, but the output cannot be written: Bad file descriptor\n",
    )
    assert ADMIN in file.read_text()
    assert ended(shell, "map", "list", to=">&-")[0] == 2
    assert ended(shell, *ADD, to=">&-") == (0, f"unchanged: {ADMIN} already has this mapping\n")  # nothing to print


def test_a_reader_that_hung_up(shell: Shell, tmp_path: Path) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    to = f"| true; echo ${{PIPESTATUS[0]}} >{shlex.quote(str(tmp_path / 'code'))}"
    words = shlex.join(map(str, (sys.executable, "-m", "tarmak_iam", "-c", shell.single, *ADD)))
    # The reader is gone before the first line is printed: it is asked for by a name that nobody reads.
    script = f"{{ sleep 0.5; {words}; }} {to}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (tmp_path / "code").read_text() == "141\n"
    assert done.stderr == f"error: wrote {file}, but the reader of the output closed the pipe\n"


@pytest.mark.thorough
def test_commands_that_write_files_of_their_own(shell: Shell, tmp_path: Path) -> None:
    shell.dev(*ADD)
    out, merged = tmp_path / "out", tmp_path / "kubeconfig"
    code, err = ended(shell, "kubeconfig", "--merge", merged)
    assert (code, err) == (2, f"error: wrote {merged}, but the output cannot be written: {FULL}\n")
    code, err = ended(shell, "render", "--output-dir", out)
    assert code == 2
    assert err.startswith(f"error: wrote {out}/")
    assert err.endswith(f" more, but the output cannot be written: {FULL}\n")
    webhook = tmp_path / "webhook"
    code, err = ended(shell, "webhook", "--output-dir", webhook)
    files = ", ".join(f"{webhook}/{name}" for name in ("key.pem", "cert.pem", "aws-iam-authenticator.kubeconfig"))
    assert (code, err) == (2, f"error: wrote {files}, but the output cannot be written: {FULL}\n")
    schemas = tmp_path / "schemas"
    code, err = ended(shell, "schema", "--output-dir", schemas, "--modeline")
    files = ", ".join(f"{schemas}/{name}.schema.json" for name in ("tarmak", "mappings", "settings"))
    assert (code, err.splitlines()[-1]) == (
        2,
        f"error: wrote {files}, {shell.single}/tarmak.yaml, but the output cannot be written: {FULL}",
    )


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


def test_an_interruption_after_a_file_was_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "print_diff", interrupted)
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    assert shell.dev(*ADD, code=130).err == f"\nerror: wrote {file}, but interrupted\n"


def test_a_bug_after_a_file_was_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "print_diff", lambda *_: 1 / 0)
    file = shell.single / "tarmak.yaml"
    told = shell.dev("enable", code=3).err
    assert told.startswith(f"error: wrote {file}, but this is a bug in tarmak-iam; please report it: ZeroDivisionError")
    assert done_so_far() == ""  # nothing is left of it for the next command


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("map", "import", "-"), "no mappings found: it is empty"),
        (("config", "patch", "-"), "the patch is not a mapping"),
        (("diff", "--from", "-"), "no mappings found: it is empty"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_closed_stdin_is_empty(shell: Shell, args: tuple[str, ...], reason: str) -> None:
    code, err = ended(shell, *args, to="<&-")
    assert code == 2
    assert err.startswith("<stdin>")
    assert f"error: {reason}; " in err
