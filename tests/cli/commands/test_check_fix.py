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

OCTAL = (
    "tarmak.yaml:11:15: warning: Tarmak reads 010 as 8: a leading zero makes a number octal; write 8, or remove the "
    "leading zero"
)
VERSION = (
    "tarmak.yaml:9:14: error: Kubernetes 'v1.12.9' is not a release number: Puppet would download vv1.12.9; "
    "write 1.12.9"
)


def test_what_can_be_fixed_is_marked(shell: Shell, home: Path) -> None:
    result = shell.run("-c", ".", "check", code=1)
    assert result.out == f"{VERSION} [unsafe fix] [IAM040]\n{OCTAL} [fix] [IAM035]\n"
    assert result.err == (f"{NOTE}can be fixed: 1 with `--fix`, 1 with `--fix --unsafe-fixes`\n1 error, 1 warning\n")
    assert text(home) == CONFIG


@pytest.mark.parametrize("which", [["tarmak.yaml"], ["."], ["-c"]])
def test_safe_fixes_are_written_and_the_others_remain(shell: Shell, home: Path, which: list[str]) -> None:
    args = ["-c", ".", "check"] if which == ["-c"] else ["check", *which]
    result = shell.run(*args, "--fix", code=1)
    assert result.out == f"{VERSION} [unsafe fix] [IAM040]\n"
    assert "tarmak.yaml:11:15: fixed: write 8, as Tarmak reads 010 [IAM035]\n" in result.err
    assert result.err.endswith("can be fixed: 1 with `--fix --unsafe-fixes`\n1 error, 1 fixed\n")
    assert text(home) == CONFIG.replace("010", "8")
    assert shell.run(*args, "--fix", "--fail-on", "error", code=1).err.endswith("1 error\n")


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


def test_the_diff_writes_nothing(shell: Shell, home: Path) -> None:
    result = shell.run("-c", ".", "check", "--diff", code=1)
    assert result.out == (
        "--- tarmak.yaml\n+++ tarmak.yaml\n@@ -8,4 +8,4 @@\n   kubernetes:\n     version: v1.12.9\n"
        "   instancePools:\n-  - minCount: 010\n+  - minCount: 8\n"
    )
    assert result.err == (
        f"{NOTE}tarmak.yaml:11:15: would be fixed: write 8, as Tarmak reads 010 [IAM035]\n"
        "1 finding would be fixed, 1 more with --unsafe-fixes\n"
    )
    assert text(home) == CONFIG
    (home / "tarmak.yaml").write_text(CONFIG.replace("010", "8"))
    err = shell.run("check", "tarmak.yaml", "--diff").err
    assert err == f"{NOTE}nothing would be fixed, 1 more with --unsafe-fixes\n"
    assert "version: 1.12.9" in shell.run("check", "tarmak.yaml", "--fix", "--unsafe-fixes", "--diff", code=1).out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--unsafe-fixes"], "--unsafe-fixes requires --fix or --diff"),
        (["--diff", "-o", "json"], "--diff prints a unified diff; remove -o json"),
    ],
)
def test_options_that_need_others(shell: Shell, home: Path, args: list[str], message: str) -> None:
    assert message in shell.run("-c", home, "check", *args, code=2).err


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


def test_the_report_names_the_command(shell: Shell, home: Path) -> None:
    assert home.exists()
    out = shell.run("-c", ".", "report").out
    assert "write 8, or remove the leading zero (fix: `tarmak-iam -c . check --fix`)" in out
    assert "write 1.12.9 (fix: `tarmak-iam -c . check --fix --unsafe-fixes`)" in out


def test_the_report_names_the_command_for_the_cluster_of_the_file(shell: Shell) -> None:
    text = "  mapRoles:\n  - {roleARN: ' arn:aws:iam::111122223333:role/X', username: x}\n"
    for name in ("prod-blue", "prod-green"):
        path = Path(shell.multi, name, "aws-iam-authenticator.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"clusterID: {name}\nserver:\n{text}")
    out = shell.run("-c", shell.multi, "report", "--all-clusters").out
    start = f"tarmak-iam -c {shell.multi}"
    for name, command in (("prod-blue", f"{start} check"), ("prod-green", f"{start} --cluster prod-green check")):
        begin = f"{name}/aws-iam-authenticator.yaml:4:"
        (line,) = (each for each in out.splitlines() if begin in each and "IAM010" in each)
        assert f"(fix: `{command} --fix" in line


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


def test_the_effects_of_unsafe_fixes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shell.multi)
    dev = "  - roleARN: arn:aws:iam::111122223333:role/team/Dev\n    username: dev\n    groups: [dev]\n"
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").write_text(GOOD + dev)
    (shell.multi / "prod-green" / "aws-iam-authenticator.yaml").write_text(GOOD)
    result = shell.run("-c", ".", "check", "--all-clusters", "--fix", "--unsafe-fixes")
    assert "\neffect: prod-blue: arn:aws:iam::111122223333:role/Dev: can log in as dev with group dev\n" in result.err
    one = shell.run("-c", ".", "--cluster", "prod-blue", "check", "--fix", "--unsafe-fixes")
    assert one.err.startswith("no findings")


def test_comments_that_went_are_named_whatever_is_fixed_after_them(shell: Shell, home: Path) -> None:
    """The second document goes in a round of its own, after the entry."""
    other = f"  - roleARN: {ADMIN.upper().replace('ARN:AWS:IAM', 'arn:aws:iam').replace('ROLE/', 'role/')}\n"
    first = f"  # the first\n  - roleARN: {ADMIN}  # one\n    username: admin\n    groups: ['system:masters']\n"
    last = f"{other}    username: admin\n    groups: ['system:masters']\n"
    (home / "dev-cluster").mkdir()
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(f"server:\n  mapRoles:\n  # all\n\n{first}{last}---\na: 1\n")
    result = shell.run("-c", ".", "check", "--fix", code=1)
    assert "# one" not in path.read_text()
    assert path.read_text().endswith("# ---\n# a: 1\n")
    name = "dev-cluster/aws-iam-authenticator.yaml"
    title = "remove the entry in line 6: that in line 9 takes effect"
    assert f"{name}:9:14: fixed: {title} (removed with it: the comments # the first, # one) [IAM011]\n" in result.err


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


def test_a_cluster_whose_name_cannot_be_a_directory(shell: Shell, home: Path) -> None:
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: a/b\n")
    assert "tarmak.yaml:11:15: fixed: " in shell.run("-c", ".", "check", "--fix", code=None).err


def test_a_mappings_file_without_a_cluster(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    admin = "server:\n  mapRoles:\n  - {roleARN: 'arn:aws:iam::111122223333:role/A', username: a, groups: [x]}\n"
    path = tmp_path / "aws-iam-authenticator.yaml"
    path.write_text(f"{admin}---\nnot: read\n")
    assert "fixed: make what comes" in shell.run("check", path.name, "--fix").err
    assert path.read_text() == f"{admin}# ---\n# not: read\n"


def test_the_settings_of_a_cluster(shell: Shell, home: Path) -> None:
    path = home / "dev-cluster" / "tarmak-iam.yaml"
    path.parent.mkdir()
    path.write_text("# ours\nexec: aws  # tarmak-iam: ignore[IAM105] old\n")
    result = shell.run("-c", ".", "check", "--fix", code=1)
    assert "fixed: remove the comment: it suppresses nothing [IAM095]\n" in result.err
    assert path.read_text() == "# ours\nexec: aws\n"


def test_one_line_for_one_change(shell: Shell, home: Path) -> None:
    """Of a comment that two findings are about."""
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(f"# tarmak-iam: ignore[IAM070, IAM073] why\n{GOOD}")
    result = shell.run("-c", ".", "check", "--diff", code=1)
    title = "would be fixed: remove the comment: it suppresses nothing [IAM095]"
    assert result.err.count(f"dev-cluster/aws-iam-authenticator.yaml:1:1: {title}\n") == 1
    assert "\n3 findings would be fixed" in result.err


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


def test_nothing_is_written_for_a_file_that_cannot_be_read(shell: Shell, home: Path) -> None:
    broken = CONFIG + "clusters: [\n"
    (home / "tarmak.yaml").write_text(broken)
    shell.run("-c", ".", "check", "--fix", code=2)
    assert text(home) == broken


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


def test_a_file_named_like_stdin(shell: Shell, home: Path) -> None:
    (home / "-").write_text(CONFIG)
    assert shell.run("check", "-", "--fix", code=1).err.count("-:11:15: fixed: ") == 1
    assert (home / "-").read_text() == CONFIG.replace("010", "8")
