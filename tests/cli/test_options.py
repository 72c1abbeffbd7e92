"""The options that every command has: before its name or behind it, the last one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Shell

CHOSEN = [
    "-c multi --current-cluster prod-blue show",
    "show -c multi --current-cluster prod-blue",
    "-c multi show --current-cluster=prod-blue",
    "--current-cluster prod-blue show --config-directory=multi",
    "show -cmulti -o text --current-cluster prod-blue",
    "-c multi --cluster prod-blue show",
    "show -c multi --cluster=prod-blue",
    "--cluster x show -c multi --current-cluster prod-blue",
    "--current-cluster x show -c multi --cluster prod-blue",
    "-c single --current-cluster x show -c multi --current-cluster prod-blue",
    "-c none -c multi show --current-cluster x --current-cluster prod-blue",
]


def test_the_last_one_counts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shell.single.parent)
    for words in CHOSEN:
        assert "publicELBAccessLogs.bucket: example-public-elb-logs\n" in shell.run(*words.split()).out, words


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
