"""The README is short. Its table and that of docs/command-line.md have every command; tests/docs runs the blocks."""

from __future__ import annotations

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
