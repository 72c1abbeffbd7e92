"""Colours: the option over the environment over the terminal, for each stream by itself, and never in JSON."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tarmak_iam.cli.console import colour_of_choice, with_coloured_severity
from tests.support import ADMIN, ROOT, Shell
from tests.support.terminal import on_terminal

ESCAPE = "\x1b["


@pytest.mark.parametrize(
    ("choice", "environment", "expected"),
    [
        (None, {}, None),
        ("auto", {}, None),
        ("always", {}, True),
        ("never", {}, False),
        (None, {"TERM": "xterm"}, None),
        (None, {"TERM": "dumb"}, False),
        (None, {"NO_COLOR": "1"}, False),
        (None, {"NO_COLOR": "0"}, False),
        (None, {"NO_COLOR": ""}, None),
        (None, {"FORCE_COLOR": "1"}, True),
        (None, {"FORCE_COLOR": "0"}, None),
        (None, {"FORCE_COLOR": ""}, None),
        (None, {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        (None, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "1"}, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_what_decides(choice: str | None, environment: dict[str, str], expected: bool | None) -> None:
    assert colour_of_choice(choice, environment) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("error: no", f"{ESCAPE}31merror{ESCAPE}0m: no"),
        ("a.yaml:1:2: warning: error: no", f"a.yaml:1:2: {ESCAPE}33mwarning{ESCAPE}0m: error: no"),
        ("tarmak-iam: error: no", f"tarmak-iam: {ESCAPE}31merror{ESCAPE}0m: no"),
        ("the error: no", "the error: no"),
        ("note: no", "note: no"),
    ],
)
def test_the_severity_is_marked(line: str, expected: str) -> None:
    assert with_coloured_severity(line) == expected


@pytest.mark.parametrize("before", [True, False])
def test_the_option_stands_before_and_behind_the_command(shell: Shell, before: bool) -> None:
    def run(*args: str, code: int = 0) -> tuple[str, str]:
        done = shell.dev(*(["--color", "always", *args] if before else [*args, "--color", "always"]), code=code)
        return done.out, done.err

    out, err = run("enable", "--dry-run")
    assert f"{ESCAPE}32m+" in out
    assert ESCAPE not in err
    assert run("settings", "set", "x", "y", code=2) == ("", run("settings", "set", "x", "y", code=2)[1])
    assert run("settings", "set", "x", "y", code=2)[1].startswith(f"{ESCAPE}31merror{ESCAPE}0m: ")
    assert run("map", "nothing", code=2)[1].startswith("error" if not before else f"{ESCAPE}31merror{ESCAPE}0m: ")


def test_an_error_of_a_file_is_marked_behind_its_place(shell: Shell, tmp_path: Path) -> None:
    failed = shell.run("check", "--color", "always", "-c", tmp_path / "none", code=2)
    assert failed.err.startswith(f"{tmp_path / 'none'}: {ESCAPE}31merror{ESCAPE}0m: directory not found")


def test_findings_and_notes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("clusterID: other\n")
    found = shell.dev("check", "--color=always", code=1)
    assert f": {ESCAPE}31merror{ESCAPE}0m: " in found.out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert f": {ESCAPE}31merror{ESCAPE}0m: " in shell.dev("check", code=1).out
    assert ESCAPE not in shell.dev("check", "--color=never", code=1).out


def test_json_is_never_coloured(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "a")
    for command in (
        ["check"],
        ["show"],
        ["map", "list"],
        ["map", "add", ADMIN, "--username", "b", "--dry-run"],
        ["settings", "show"],
        ["manifests"],
        ["kubeconfig"],
        ["kubeconfig", "--merge", str(shell.single / "kubeconfig"), "--dry-run"],
        ["flags"],
        ["whois", ADMIN],
        ["render", "--output-dir", str(shell.single / "out"), "--dry-run"],
    ):
        done = shell.dev("--color", "always", *command, "-o", "json", code=1 if command == ["check"] else 0)
        assert ESCAPE not in done.out
        assert done.out.startswith(("{", "["))


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "tarmak_iam", *args]


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **variables}


def test_each_stream_is_asked_for_itself(shell: Shell, tmp_path: Path) -> None:
    """stderr is a terminal, stdout a file, and then the other way round."""
    args = " ".join(
        command("-c", str(shell.single), "config", "set", "internalELBAccessLogs.bucket", "logs", "--dry-run", "-v")
    )
    shown = on_terminal(["sh", "-c", f"{args} >out"], environment(), tmp_path)
    assert f"{ESCAPE}2m* read" in shown
    assert ESCAPE not in (tmp_path / "out").read_text()
    shown = on_terminal(["sh", "-c", f"{args} 2>err"], environment(), tmp_path)
    assert f"{ESCAPE}32m+" in shown
    assert ESCAPE not in (tmp_path / "err").read_text()


@pytest.mark.sample(1)
@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours(shell: Shell, tmp_path: Path, variables: dict[str, str]) -> None:
    enable = command("-c", str(shell.single), "enable", "-v")
    shown = on_terminal(enable, environment(**variables), tmp_path)
    assert "awsIAMAuthenticatorInit is on" in shown
    assert ESCAPE not in shown
    failed = on_terminal(command("-c", "none", "check"), environment(**variables), tmp_path)
    assert re.search(r"none: error: directory not found", failed)
    assert ESCAPE not in failed


@pytest.mark.thorough
def test_an_error_before_any_option_was_read(tmp_path: Path) -> None:
    assert f"{ESCAPE}31merror" in on_terminal(command("--bogus"), environment(), tmp_path)
    assert ESCAPE not in on_terminal(command("--bogus"), environment(NO_COLOR="1"), tmp_path)
    done = subprocess.run(
        command("--bogus"), env=environment(FORCE_COLOR="1"), capture_output=True, text=True, check=False
    )
    assert done.stderr.startswith(f"{ESCAPE}31merror{ESCAPE}0m: unknown option --bogus")
