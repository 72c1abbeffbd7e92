"""The README's Python block runs, and its table has every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tarmak_iam.cli.main import cli
from tests.support import ROOT

README = (ROOT / "README.md").read_text()


def test_the_python_block_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "awsIAMAuthenticatorInit: true" in out
    assert out.endswith(
        "arn:aws:iam::111122223333:user/alice None account 111122223333 is in mapAccounts: "
        "the username is the ARN, without groups\n"
    )


def test_every_command_is_in_the_table() -> None:
    table = README[README.index("| command |") :]
    for name in cli.list_commands(None):  # type: ignore[arg-type]  # the context is not looked at
        assert f"`{name}" in table


def test_the_make_targets_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    for target in ("demo", "test", "lint", "schemas"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
