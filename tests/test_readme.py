"""The README's Python block runs, and its table has every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tarmak_iam.cli.main import cli
from tests.support import ROOT

README = (ROOT / "README.md").read_text()


BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
EDITED = """\
['# until the move']
# the clusters of the payments team
clusters:
- name: prod
- name: dev     # small
  version: 1.13.4

"""


def output_of(block: str, capsys: pytest.CaptureFixture[str]) -> str:
    exec(compile(block, "README.md", "exec"), {})
    return capsys.readouterr().out


def test_the_first_python_block_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    out = output_of(BLOCKS[0], capsys)
    assert "awsIAMAuthenticatorInit: true" in out
    assert out.endswith(
        "arn:aws:iam::111122223333:user/alice None account 111122223333 is in mapAccounts: "
        "the username is the ARN, without groups\n"
    )


def test_the_second_python_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BLOCKS) == 2
    assert output_of(BLOCKS[1], capsys) == EDITED


def test_the_block_about_the_hook_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "hook.md").read_text(), re.DOTALL)
    assert output_of(block, capsys) == "True [] \n"


def test_every_command_is_in_the_table() -> None:
    table = README[README.index("| command |") :]
    for name in cli.list_commands(None):  # type: ignore[arg-type]  # the context is not looked at
        assert f"`{name}" in table


def test_the_make_targets_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    for target in ("demo", "test", "lint", "schemas", "goldens", "e2e", "bench", "comparison", "compat", "dist"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
