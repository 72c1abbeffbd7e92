"""Lines of every kind on stdout and stderr: none of them is acted on by a terminal or by what runs a workflow."""

from __future__ import annotations

import sys

import click
import pytest

from tarmak_iam.cli.console import (
    MARK,
    PREFIX,
    error_sentences,
    note,
    print_diff,
    print_json,
    print_line,
    print_payload,
    print_styled_line,
)
from tarmak_iam.errors import ConfigError

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


def test_lines_on_stdout(capsys: Captured) -> None:
    print_line("::add-mask::a")
    print_line("a ##[group]b")
    print_line("a\x1b]0;title\x07\u202eb\n::error::c")
    assert capsys.readouterr().out == (
        "\\u003a:add-mask::a\na \\u0023#[group]b\na\\x1b]0;title\\x07\\u202eb ::error::c\n"
    )


def test_lines_on_stderr(capsys: Captured) -> None:
    print_styled_line("::add-mask::a", err=True)
    note("::error::a\n\x1b[2Jb")
    note("a ##vso[task.complete]b")
    with click.Context(click.Command("run")) as context:
        context.meta[MARK] = PREFIX
        note("::stop-commands::a", plain=True)
        note("a ##[group]\x07b")
        note(*error_sentences(ConfigError("##[error]a"), then="b"))
    assert capsys.readouterr().err == (
        "\\u003a:add-mask::a\n"
        "\\u003a:error::a \\x1b[2Jb\n"
        "a \\u0023#vso[task.complete]b\n"
        "\\u003a:stop-commands::a\n"
        "tarmak-iam: a \\u0023#[group]\\x07b\n"
        "tarmak-iam: error: \\u0023#[error]a; b\n"
    )


def test_differences(capsys: Captured) -> None:
    print_diff("@@ -1 +1 @@\n-::a::\x1b[2J\n+##[group]b\n  ::c::\n")
    assert capsys.readouterr().out == "@@ -1 +1 @@\n-::a::\\u001b[2J\n+\\u0023#[group]b\n  \\u003a:c::\n"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("##[group]\x7f\x9b\u202e", '"\\u0023#[group]\\u007f\\u009b\\u202e"\n'),
        ("##[group]\x7f\udcff", '"\\u0023#[group]\\u007f\\udcff"\n'),  # a file name that is not UTF-8
    ],
)
def test_json(capsysbinary: pytest.CaptureFixture[bytes], text: str, printed: str) -> None:
    print_json(text)
    assert capsysbinary.readouterr().out == printed.encode()


@pytest.mark.parametrize("data", ["a: 1\n", b"a: 1\n"])
def test_a_closed_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch, data: bytes | str) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        print_payload(data)
