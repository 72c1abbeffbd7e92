"""The README's table has every command, and its targets of make exist; tests/docs runs its blocks."""

from __future__ import annotations

import re
from pathlib import Path

from tarmak_iam.cli.main import cli
from tests.support import ROOT

README = (ROOT / "README.md").read_text()


def test_every_command_is_in_the_table() -> None:
    table = README[README.index("| command |") :]
    for name in cli.list_commands(None):  # type: ignore[arg-type]  # the context is not looked at
        assert f"`{name}" in table


def test_the_make_targets_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    for target in ("demo", "test", "lint", "schemas", "reference", "goldens", "docs", "e2e", "bench"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
