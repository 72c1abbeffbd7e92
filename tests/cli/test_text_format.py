"""The line under a finding: the mark stands below the column, whatever the characters before it take."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.cli.formats import excerpt
from tests.support import ADMIN, Shell
from tests.support.forks import TARMAK_IAM, write_program
from tests.support.terminal import on_terminal


@pytest.mark.parametrize(
    ("line", "column", "shown", "mark"),
    [
        ("  colour: blue", 3, " 12 |   colour: blue", "    |   ^"),
        ("\tkey: x", 2, " 12 |         key: x", "    |         ^"),
        ("  \tkey: x", 4, " 12 |         key: x", "    |         ^"),
        ("n: 名前: x", 6, " 12 | n: 名前: x", "    |        ^"),
        ("e\u0301: x", 4, " 12 | e\u0301: x", "    |   ^"),
        ("k: \U0001f600 x", 6, " 12 | k: \U0001f600 x", "    |       ^"),
        ("k: \x1b[31m x", 9, " 12 | k: \\x1b[31m x", "    |            ^"),
        ("k: \u202ex", 5, " 12 | k: \\u202ex", "    |          ^"),
        ("k:   ", 4, " 12 | k:", "    |    ^"),
        ("k", 9, " 12 | k", "    |  ^"),
        ("a" * 70, 1, f" 12 | {'a' * 30}...", "    | ^"),
        ("a" * 70, 70, f" 12 | ...{'a' * 30}", f"    | {' ' * 32}^"),
        ("a" * 70, 71, f" 12 | ...{'a' * 30}", f"    | {' ' * 33}^"),
        ("b" * 34 + "x" + "a" * 35, 35, f" 12 | ...{'b' * 13}x{'a' * 13}...", f"    | {' ' * 16}^"),
    ],
)
def test_the_mark_is_below_the_column(line: str, column: int, shown: str, mark: str) -> None:
    assert excerpt(line, 12, column, 40) == (shown, mark)


@given(st.text(st.characters(exclude_categories=("Mn", "Me")), max_size=60), st.integers(1, 70), st.integers(1, 90))
def test_it_fits_and_is_harmless(line: str, column: int, width: int) -> None:
    shown, mark = excerpt(line, 7, column, width)
    assert shown.isprintable()
    assert mark.endswith("^")
    assert len(mark) <= max(width, 26)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200), st.data())
def test_the_mark_is_below_that_character(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(line)))
    shown, mark = excerpt(line, 7, column, 50)
    assert shown[len(mark) - 1] == line[column - 1]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> Shell:
    """Both streams are one, of 80 columns."""
    monkeypatch.setattr("tarmak_iam.cli.formats.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    return shell


MAPPINGS = f"""\
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: "adm名in{{{{SesionName}}}}"
    groups: ["system:masters"]
"""


def test_below_a_finding(terminal: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = terminal.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(MAPPINGS)
    first, *shown = click.unstyle(terminal.dev("check", code=1).out).splitlines()
    what = "the authenticator does not know the template {{SesionName}}"
    assert first.startswith(f"{path}:4:15: error: {what}")
    assert first.endswith(" [IAM065]")
    assert shown == [
        ' 4 |     username: "adm名in{{SesionName}}"',
        "   |               ^",
        "  write a fixed username: {{SessionName}} is not for admins",
    ]
    for output in ("json", "sarif", "github"):
        assert " 4 | " not in terminal.dev("check", "-o", output, code=1).out
    # As Python 3.10 has it for a terminal of unknown width.
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((0, 0)))
    assert click.unstyle(terminal.dev("check", code=1).out).splitlines()[2] == "   |               ^"


def test_on_a_terminal_and_not_in_a_pipe(shell: Shell, tmp_path: Path) -> None:
    """A finding with its line; an error with problem, remedy and recovery access in sentences of their own."""
    path = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(MAPPINGS)
    program = tmp_path / "tarmak-iam"
    write_program(program, TARMAK_IAM)
    environment = {**{name: value for name, value in os.environ.items() if name != "CI"}, "COLUMNS": "80"}

    def shown(words: str) -> list[str]:
        typed = f"{program} -c {shell.single} {words}"
        return click.unstyle(on_terminal(["sh", "-c", typed], environment, tmp_path)).splitlines()

    assert shown("check 2>/dev/null")[2] == "   |               ^"
    assert len(shell.dev("check", code=1).out.splitlines()) == 1
    path.write_text(MAPPINGS.replace("{{SesionName}}", ""))
    problem, remedy, recovery, *rest = shown(f"map remove {ADMIN}")
    what = f"the last mapping to system:masters would be lost ({ADMIN}); nothing was changed"
    assert (problem, remedy, rest) == (f"error: {what}", "  use --force to do it anyway", [])
    assert recovery.startswith("  no recovery access: the current context of ")
    piped = shell.dev("map", "remove", ADMIN, code=2).err
    assert piped == f"{problem}; {remedy.strip()}; {recovery.strip()}\n"


def test_below_an_error_that_ends_a_command(terminal: Shell) -> None:
    """But never a line that may hold a secret."""
    home = terminal.single / "dev-cluster"
    path = home / "aws-iam-authenticator.yaml"
    path.write_text(f"server:\n  mapRoles:\n  - rolearn: {ADMIN}\n   username: x\n")
    first, *shown = click.unstyle(terminal.dev("map", "list", code=2).err).splitlines()
    assert first.startswith(f"{path}:4:4: error: ")
    assert shown == [" 4 |    username: x", "   |    ^"]
    (home / "kubeconfig").write_text("apiVersion: v1\n  token: hidden\n")
    failed = terminal.dev("kubeconfig", code=2)
    assert failed.err.startswith(f"{home / 'kubeconfig'}:2:8: error: ")
    assert "hidden" not in failed.err
