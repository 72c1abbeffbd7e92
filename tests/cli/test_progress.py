"""Progress: one line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import pty
import sys

import pytest

from tarmak_iam.cli.console import progress


def on_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What arrives at a terminal of that width."""
    ours, theirs = pty.openpty()
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress(lambda _: pytest.fail("not plain"), "us: ") as tell:
            tell("1 of 3 nodes")
            tell("2 of 3\nnodes \x1b[31m")
    shown = ""
    with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
        while arrived := os.read(ours, 1000):  # a busy machine hands it over in pieces
            shown += arrived.decode()
    os.close(ours)
    return shown


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    anew = "\r\x1b[K"
    assert on_terminal(80, monkeypatch) == f"{anew}us: 1 of 3 nodes{anew}us: 2 of 3 nodes \\x1b[31m{anew}"
    assert on_terminal(10, monkeypatch) == f"{anew}us: 1 of {anew}us: 2 of {anew}"


@pytest.mark.parametrize("term", ["", "dumb"])
def test_on_one_that_cannot(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    told: list[str] = []
    with progress(told.append) as tell:
        tell("a line")
    assert told == ["a line"]


def test_elsewhere() -> None:
    told: list[str] = []
    with progress(told.append) as tell:
        tell("a line")
    assert told == ["a line"]
