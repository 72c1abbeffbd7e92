"""The README is short, its table and that of docs/command-line.md have every command, and the targets of make exist;
tests/docs runs the blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tarmak_iam.cli.main import cli
from tests.support import ROOT

MOST_LINES = 150


@pytest.mark.parametrize(
    ("page", "head"), [("README.md", "| to | commands |"), ("docs/command-line.md", "| command | does |")]
)
def test_every_command_is_in_the_table(page: str, head: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    table = text[text.index(head) :].split("\n\n", 1)[0]
    for name in cli.list_commands(None):  # type: ignore[arg-type]  # the context is not looked at
        assert f"`{name}" in table


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < MOST_LINES


def test_the_make_targets_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    targets = (
        "demo",
        "test",
        "test-all",
        "lint",
        "schemas",
        "reference",
        "goldens",
        "docs",
        "e2e",
        "e2e-all",
        "e2e-node",
        "bench",
        "comparison",
        "compat",
    )
    for target in (*targets, "dist"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
