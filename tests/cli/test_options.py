"""The options that every command has: before its name or behind it, the last one counts."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.support import Shell
from tests.support.commands import COMMANDS, CONTEXTS

NAMES = ["-c", "--config-directory", "--current-cluster", "--cluster", "--color", "-v", "--verbose"]


@COMMANDS
def test_every_command_has_each_of_them_once(context: click.Context) -> None:
    found = [name for each in context.command.get_params(context) for name in (*each.opts, *each.secondary_opts)]
    assert [found.count(name) for name in NAMES] == [1] * len(NAMES)


@pytest.mark.parametrize("context", CONTEXTS[1:], ids=[each.command_path for each in CONTEXTS[1:]])
def test_one_line_of_help_is_enough(context: click.Context) -> None:
    text = context.get_help()
    assert text.count("Common options: see tarmak-iam --help.") == 1
    assert "--current-cluster ENV-NAME" not in text


@pytest.mark.parametrize(
    "args",
    [
        ["-c", "multi", "--current-cluster", "prod-blue", "show"],
        ["show", "-c", "multi", "--current-cluster", "prod-blue"],
        ["-c", "multi", "show", "--current-cluster=prod-blue"],
        ["--current-cluster", "prod-blue", "show", "--config-directory=multi"],
        ["show", "-cmulti", "-o", "text", "--current-cluster", "prod-blue"],
        ["-c", "multi", "--cluster", "prod-blue", "show"],
        ["show", "-c", "multi", "--cluster=prod-blue"],
        ["--cluster", "x", "show", "-c", "multi", "--current-cluster", "prod-blue"],
        ["--current-cluster", "x", "show", "-c", "multi", "--cluster", "prod-blue"],
        ["-c", "single", "--current-cluster", "x", "show", "-c", "multi", "--current-cluster", "prod-blue"],
        ["-c", "none", "-c", "multi", "show", "--current-cluster", "x", "--current-cluster", "prod-blue"],
    ],
)
def test_the_last_one_counts(shell: Shell, monkeypatch: pytest.MonkeyPatch, args: list[str]) -> None:
    shell.run(
        "-c", shell.multi, "--current-cluster", "prod-blue", "config", "set", "publicELBAccessLogs.bucket", "blue-logs"
    )
    monkeypatch.chdir(shell.single.parent)
    assert "publicELBAccessLogs.bucket: blue-logs\n" in shell.run(*args).out


def test_tarmaks_own_arguments_are_not_looked_at(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tarmak = tmp_path / "bin" / "tarmak"
    tarmak.parent.mkdir()
    tarmak.write_text(f'#!/bin/sh\necho "$@" TARMAK_CONFIG=$TARMAK_CONFIG >{tmp_path / "args"}\n')
    tarmak.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tarmak.parent}:/usr/bin:/bin")
    words = ["tarmak", "version", "-c", "x", "-v", "--color"]
    for args in (["run", "--", *words], ["run", *words], ["run", "--color", "never", "--", *words]):
        shell.run(*args)
        assert (tmp_path / "args").read_text() == "version -c x -v --color TARMAK_CONFIG=\n"
    shell.run("run", "-c", shell.single, "--", "tarmak", "version")
    assert (tmp_path / "args").read_text() == f"version TARMAK_CONFIG={shell.single}\n"
