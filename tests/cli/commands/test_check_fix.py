"""`check --fix`, `--unsafe-fixes` and `--diff` where files change, are links, or come from a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import FileChanged, FileError, Place
from tarmak_iam.files.atomic import replace_file
from tests.support import ADMIN, ROOT, Shell

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata:
    name: cluster
  kubernetes:
    version: v1.12.9
  instancePools:
  - minCount: 010
"""

GOOD = f"server:\n  mapRoles:\n  - roleARN: {ADMIN}\n    username: admin\n    groups: ['system:masters']\n"
UNQUOTED = GOOD + f"  - roleARN: {ADMIN}2\n    username: {{{{AccountID}}}}  # theirs\n    groups: [dev]\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with `CONFIG` as its tarmak.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / "tarmak.yaml").write_text(CONFIG)
    return tmp_path


def config_text(home: Path) -> str:
    return (home / "tarmak.yaml").read_text()


def test_fixes_in_sarif_and_nothing_is_written_twice(shell: Shell, home: Path) -> None:
    """As JSON and for GitHub, they are in the transcripts."""
    results = json.loads(shell.run("-c", ".", "check", "-o", "sarif", code=1).out)["runs"][0]["results"]
    (change,) = results[1]["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "tarmak.yaml", "uriBaseId": "%SRCROOT%"}
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 11, "startColumn": 15, "endLine": 11, "endColumn": 18},
            "insertedContent": {"text": "8"},
        }
    ]
    assert results[0]["fixes"][0]["description"] == {
        "text": "write 1.12.9 (unsafe: changes access or what Tarmak uses)"
    }
    shell.run("-c", ".", "check", "--fix", "--unsafe-fixes")
    before = os.stat(home / "tarmak.yaml")
    shell.run("-c", ".", "check", "--fix", "--unsafe-fixes")
    assert os.stat(home / "tarmak.yaml").st_mtime_ns == before.st_mtime_ns


def test_a_file_that_another_program_changes_meanwhile(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again, and what the other program wrote stays."""
    calls: list[Path] = []

    def replaced(path: Path, data: bytes, **more: Any) -> None:
        calls.append(path)
        if len(calls) == 1:
            path.write_text(f"{CONFIG}contact: ann\n")
            raise FileChanged("the file has changed", place=Place(str(path)))
        replace_file(path, data, **more)

    monkeypatch.setattr("tarmak_iam.files.atomic.replace_file", replaced)
    result = shell.run("-c", ".", "check", "--fix", code=1)
    assert config_text(home) == f"{CONFIG}contact: ann\n".replace("010", "8")
    assert "note: another program has changed the file; the edit is repeated" in result.err
    assert result.err.count(": fixed: ") == 1
    assert result.err.endswith("1 error, 1 fixed\n")


@pytest.mark.parametrize("error", [FileChanged, FileError])
def test_all_files_are_written_or_none(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch, error: type[FileError]
) -> None:
    """A fix is verified with all files as they are then. After a change by another program, everything is done again,
    and counted once."""
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(f"{GOOD}---\nnot: read\n")
    failures: list[Path] = []

    def replaced(target: Path, data: bytes, **more: Any) -> None:
        if target.name == path.name and not failures:
            failures.append(target)
            raise error("cannot be written", place=Place(str(target)))
        replace_file(target, data, **more)

    monkeypatch.setattr("tarmak_iam.files.atomic.replace_file", replaced)
    if error is FileError:
        result = shell.run("-c", ".", "check", "--fix", code=2)
        assert (config_text(home), ": fixed: " in result.err) == (CONFIG, False)
        assert path.read_text() == f"{GOOD}---\nnot: read\n"
    else:
        result = shell.run("-c", ".", "check", "--fix", code=1)
        assert result.err.count(": fixed: ") == 2
        assert result.err.endswith("1 error, 2 fixed\n")
        assert config_text(home) == CONFIG.replace("010", "8")
        assert path.read_text() == f"{GOOD}# ---\n# not: read\n"


def test_a_file_of_two_clusters_is_not_fixed_for_one_of_them(shell: Shell, home: Path) -> None:
    """The releases read the groups differently: what is safe for one cluster changes access to the other."""
    both = CONFIG.replace("v1.12.9", "1.12.9").replace("  instancePools:\n  - minCount: 010\n", "")
    (home / "tarmak.yaml").write_text(f"{both}- environment: test\n  metadata:\n    name: cluster\n")
    shared = f"{GOOD}  - roleARN: {ADMIN}2\n    username: two\n    groups: a,b\n"
    for name, version in (("dev", "0.4.0"), ("test", "0.7.9")):
        (home / f"{name}-cluster").mkdir()
        image = f"image: registry.example.com/aws-iam-authenticator:v{version}\n"
        (home / f"{name}-cluster" / "tarmak-iam.yaml").write_text(image)
    (home / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(shared)
    (home / "test-cluster" / "aws-iam-authenticator.yaml").symlink_to("../dev-cluster/aws-iam-authenticator.yaml")
    for options, count in ((("--all-clusters",), 2), ((), 1)):
        result = shell.run("-c", ".", "check", *options, "--fix", "--unsafe-fixes", code=1)
        assert result.out.count("[IAM061]") == count
        assert "fix]" not in result.out
        assert (home / "dev-cluster" / "aws-iam-authenticator.yaml").read_text() == shared


def test_what_is_read_as_stdin_is_only_checked(home: Path) -> None:
    """A pipe, and a file."""
    mappings = home / "mappings.yaml"
    text = GOOD.replace("role/", "role/path/")
    mappings.write_text(text)
    notes = "/dev/stdin: note: nothing is fixed: stdin and pipes are only checked\n"

    def check(name: str, **stdin: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tarmak_iam", "check", "--fix", "--unsafe-fixes", name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, **stdin, capture_output=True, text=True, cwd=home, env=environment, check=False)
        assert (done.returncode, ": fixed:" in done.stderr) == (1, False)
        assert notes in done.stderr
        return done

    for name in ("/dev/stdin", "-"):
        done = check(name, input=CONFIG)
        assert done.stdout.startswith("/dev/stdin:9:14: error: ")
        assert "010" in done.stdout
    with (home / "tarmak.yaml").open() as file:
        config = check("-", stdin=file)
    assert config.stderr.startswith(
        "/dev/stdin: note: checked only by the rules that need no other file: "
        f"the files of its clusters are not known\n{notes}"
    )
    with mappings.open() as file:
        assert check("-", stdin=file).stdout.startswith("/dev/stdin:3:14: ")
    assert (config_text(home), mappings.read_text()) == (CONFIG, text)


def test_a_repaired_file_of_two_clusters(shell: Shell, home: Path) -> None:
    """It is written once. Whoever repairs it for one cluster is told of the other."""
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: cluster\n")
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(UNQUOTED)
    (home / "test-cluster").symlink_to("dev-cluster")
    line = (
        "effect: dev-cluster/aws-iam-authenticator.yaml: shared with test-cluster; "
        "access to them changes too, and was not checked\n"
    )
    for options, count in ((("--all-clusters",), 0), ((), 1)):
        err = shell.run("-c", ".", "check", *options, "--diff", "--unsafe-fixes", code=1).err
        assert err.count("put the template in quotes") == (1 if count else 2)
        assert err.count(line) == count
    (home / "test-cluster").unlink()
    link = home / "test-cluster" / "aws-iam-authenticator.yaml"
    link.parent.mkdir()
    link.symlink_to("../dev-cluster/aws-iam-authenticator.yaml")
    result = shell.run("-c", ".", "check", "--all-clusters", "--fix", "--unsafe-fixes")
    assert "the edit is repeated" not in result.err
    quoted = UNQUOTED.replace("{{AccountID}}", '"{{AccountID}}"')
    assert (path.read_text(), link.is_symlink()) == (quoted, True)


def test_a_pipe_is_not_read_again(shell: Shell, tmp_path: Path) -> None:
    """For a fix, which could not be written to it."""
    pipe = tmp_path / "aws-iam-authenticator.yaml"
    os.mkfifo(pipe)

    def write() -> None:
        for _ in range(2):
            pipe.write_text("server:\n  mapRoles:\n  - {roleARN: a, username: {{SessionName}}}\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert "--fix" not in shell.run("check", pipe, code=2).err
    finally:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # for what is left to be written
        writer.join()
        os.close(reader)
