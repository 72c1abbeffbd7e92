"""`check --fix`, `--unsafe-fixes` and `--diff`: what is written, printed and returned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import FileChanged, FileError, Place
from tarmak_iam.files.atomic import replace_file
from tests.cli.commands.fixable import CONFIG, GOOD, NOTE, text
from tests.support import ADMIN, ROOT, Shell


def test_unsafe_fixes(shell: Shell, home: Path) -> None:
    result = shell.run("-c", ".", "check", "--fix", "--unsafe-fixes")
    assert result.out == ""
    assert result.err == (
        f"{NOTE}tarmak.yaml:11:15: fixed: write 8, as Tarmak reads 010 [IAM035]\n"
        "tarmak.yaml:9:14: fixed: write 1.12.9 [IAM040]\neffect: kubernetes.version: v1.12.9 -> 1.12.9\n"
        "no findings, 2 fixed\n"
    )
    assert text(home) == CONFIG.replace("010", "8").replace("v1.", "1.")
    before = os.stat(home / "tarmak.yaml")
    assert shell.run("-c", ".", "check", "--fix", "--unsafe-fixes").err == f"{NOTE}no findings\n"
    assert os.stat(home / "tarmak.yaml").st_mtime_ns == before.st_mtime_ns


def found(shell: Shell, output: str) -> Any:
    return json.loads(shell.run("-c", ".", "check", "-o", output, code=1).out)


def test_fixes_for_programs(shell: Shell, home: Path) -> None:
    assert home.exists()
    version, octal = found(shell, "json")
    assert version["fix"]["safe"] is False
    assert octal["fix"] == {
        "title": "write 8, as Tarmak reads 010",
        "safe": True,
        "edits": [
            {
                "file": "./tarmak.yaml" if octal["file"].startswith(".") else "tarmak.yaml",
                "line": 11,
                "column": 15,
                "endLine": 11,
                "endColumn": 18,
                "text": "8",
            }
        ],
    }
    results = found(shell, "sarif")["runs"][0]["results"]
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
    lines = shell.run("-c", ".", "check", "-o", "github", code=1).out.splitlines()
    assert [line.endswith("(`check --fix` fixes it)") for line in lines] == [False, True]
    assert lines[0].endswith("(`check --fix --unsafe-fixes` fixes it)")


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
    assert text(home) == f"{CONFIG}contact: ann\n".replace("010", "8")
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
        assert (text(home), ": fixed: " in result.err) == (CONFIG, False)
        assert path.read_text() == f"{GOOD}---\nnot: read\n"
    else:
        result = shell.run("-c", ".", "check", "--fix", code=1)
        assert result.err.count(": fixed: ") == 2
        assert result.err.endswith("1 error, 2 fixed\n")
        assert text(home) == CONFIG.replace("010", "8")
        assert path.read_text() == f"{GOOD}# ---\n# not: read\n"


def test_every_file_of_every_cluster(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shell.multi)
    files = [shell.multi / name / "aws-iam-authenticator.yaml" for name in ("prod-blue", "prod-green")]
    for path in files:
        path.write_text(f"{GOOD}---\nnot: read\n")
    config = (shell.multi / "tarmak.yaml").read_text()
    (shell.multi / "tarmak.yaml").write_text(f"{config}---\nnot: read\n")
    result = shell.run("-c", ".", "check", "--all-clusters", "--fix")
    assert result.err.count("fixed: make what comes after the first document a comment") == 3
    assert [each.read_text() for each in files] == [f"{GOOD}# ---\n# not: read\n"] * 2
    assert (shell.multi / "tarmak.yaml").read_text() == f"{config}# ---\n# not: read\n"


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


def test_a_link_out_of_the_directory_is_not_followed(shell: Shell, home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("server: {}\n---\nnot: read\n")
    inside = home / "work" / "dev-cluster"
    inside.mkdir(parents=True)
    (home / "work" / "tarmak.yaml").write_text(CONFIG)
    (inside / "aws-iam-authenticator.yaml").symlink_to(outside / "secret.yaml")
    shell.run("-c", "work", "check", "--fix", code=2)
    assert (outside / "secret.yaml").read_text() == "server: {}\n---\nnot: read\n"


@pytest.mark.parametrize("name", ["/dev/stdin", "-"])
def test_what_comes_from_a_pipe_is_only_checked(home: Path, name: str) -> None:
    command = [sys.executable, "-m", "tarmak_iam", "check", "--fix", name]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, input=CONFIG, capture_output=True, text=True, cwd=home, env=env, check=False)
    assert (result.returncode, ": fixed:" in result.stderr) == (1, False)
    assert "/dev/stdin: note: nothing is fixed: stdin and pipes are only checked\n" in result.stderr
    assert result.stdout.startswith("/dev/stdin:9:14: error: ")
    assert "010" in result.stdout


def test_a_file_that_is_read_as_stdin_is_only_checked_too(home: Path) -> None:
    mappings = home / "mappings.yaml"
    mappings.write_text(GOOD.replace("role/", "role/path/"))
    found = []
    for name in ("tarmak.yaml", mappings.name):
        command = [sys.executable, "-m", "tarmak_iam", "check", "--fix", "--unsafe-fixes", "-"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (home / name).open() as file:
            found.append(
                subprocess.run(command, stdin=file, capture_output=True, text=True, cwd=home, env=env, check=False)
            )
    assert found[0].stderr.startswith(
        "/dev/stdin: note: checked only by the rules that need no other file: "
        "the files of its clusters are not known\n"
        "/dev/stdin: note: nothing is fixed: stdin and pipes are only checked\n"
    )
    assert [each.stdout.split(" ", 1)[0] for each in found] == ["/dev/stdin:9:14:", "/dev/stdin:3:14:"]
    assert (text(home), mappings.read_text()) == (CONFIG, GOOD.replace("role/", "role/path/"))
