"""Colours: the option over the environment over the terminal, for each stream by itself, and never in JSON."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarmak_iam.cli.console import colour_of_choice, with_coloured_severity
from tests.support import ADMIN, Shell
from tests.support.forks import TARMAK_IAM, forked, write_program
from tests.support.terminal import on_terminal

ESCAPE = "\x1b["
ERROR, WARNING = f"{ESCAPE}31merror{ESCAPE}0m", f"{ESCAPE}33mwarning{ESCAPE}0m"


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


def test_the_severity_is_marked() -> None:
    assert with_coloured_severity("error: no") == f"{ERROR}: no"
    assert with_coloured_severity("a.yaml:1:2: warning: error: no") == f"a.yaml:1:2: {WARNING}: error: no"
    assert with_coloured_severity("tarmak-iam: error: no") == f"tarmak-iam: {ERROR}: no"
    assert with_coloured_severity("the error: no") == "the error: no"
    assert with_coloured_severity("note: no") == "note: no"


@pytest.mark.parametrize("before", [True, False])
def test_the_option_stands_before_and_behind_the_command(shell: Shell, before: bool) -> None:
    def run(*args: str, code: int = 0) -> tuple[str, str]:
        done = shell.dev(*(["--color", "always", *args] if before else [*args, "--color", "always"]), code=code)
        return done.out, done.err

    out, err = run("enable", "--dry-run")
    assert f"{ESCAPE}32m+" in out
    assert ESCAPE not in err
    out, err = run("settings", "set", "x", "y", code=2)
    assert (out, err.startswith(f"{ERROR}: ")) == ("", True)
    assert run("map", "nothing", code=2)[1].startswith(ERROR if before else "error")


def test_findings_and_errors(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an error of a file, what is marked is behind its place."""
    failed = shell.run("check", "--color", "always", "-c", tmp_path / "none", code=2)
    assert failed.err.startswith(f"{tmp_path / 'none'}: {ERROR}: directory not found")
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("clusterID: other\n")
    assert f": {ERROR}: " in shell.dev("check", "--color=always", code=1).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert f": {ERROR}: " in shell.dev("check", code=1).out
    assert ESCAPE not in shell.dev("check", "--color=never", code=1).out


def test_json_is_never_coloured(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "a")
    for command in (
        "check",
        "show",
        "map list",
        f"map add {ADMIN} --username b --dry-run",
        "settings show",
        "manifests",
        "kubeconfig",
        f"kubeconfig --merge {shell.single}/kubeconfig --dry-run",
        "flags",
        f"whois {ADMIN}",
        f"render --output-dir {shell.single}/out --dry-run",
    ):
        done = shell.dev("--color", "always", *command.split(), "-o", "json", code=1 if command == "check" else 0)
        assert ESCAPE not in done.out
        assert done.out.startswith(("{", "["))


@pytest.fixture
def program(tmp_path: Path) -> str:
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)
    return str(tmp_path / "tarmak-iam")


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "TERM": "xterm", **variables}


def test_each_stream_is_asked_for_itself(shell: Shell, tmp_path: Path, program: str) -> None:
    """stderr is a terminal, stdout a file, and then the other way round."""
    edit = f"{program} -c {shell.single} config set internalELBAccessLogs.bucket logs --dry-run -v"
    shown = on_terminal(["sh", "-c", f"{edit} >out"], environment(), tmp_path)
    assert f"{ESCAPE}2m* read" in shown
    assert ESCAPE not in (tmp_path / "out").read_text()
    shown = on_terminal(["sh", "-c", f"{edit} 2>err"], environment(), tmp_path)
    assert f"{ESCAPE}32m+" in shown
    assert ESCAPE not in (tmp_path / "err").read_text()


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours(shell: Shell, tmp_path: Path, program: str, variables: dict[str, str]) -> None:
    shown = on_terminal([program, "-c", str(shell.single), "enable", "-v"], environment(**variables), tmp_path)
    assert "awsIAMAuthenticatorInit is on" in shown
    assert ESCAPE not in shown
    failed = on_terminal([program, "-c", "none", "check"], environment(**variables), tmp_path)
    assert "none: error: directory not found" in failed
    assert ESCAPE not in failed


def test_an_error_before_any_option_was_read(tmp_path: Path, program: str) -> None:
    assert f"{ESCAPE}31merror" in on_terminal([program, "--bogus"], environment(), tmp_path)
    assert ESCAPE not in on_terminal([program, "--bogus"], environment(NO_COLOR="1"), tmp_path)
    done = forked(TARMAK_IAM, "--bogus", environment=environment(FORCE_COLOR="1"))
    assert done.stderr.startswith(f"{ERROR}: unknown option --bogus")
