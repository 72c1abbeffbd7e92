"""Progress: one line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import click
import pytest

from tarmak_iam.cli import console
from tarmak_iam.cli.console import note, progress, working

ANEW = "\r\x1b[K"
CHECKING = re.escape("checking (0 s)")
SECONDS = 600
"""In which a loaded machine shows a line; nothing waits for longer."""


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> Iterator[Callable[[], str]]:
    """stderr is a terminal of that width; yields what has arrived at it once that is called."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    stream = os.fdopen(theirs, "w")
    monkeypatch.setattr(sys, "stderr", stream)

    def arrived() -> str:
        stream.close()
        shown = ""
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            while part := os.read(ours, 1000):  # a busy machine hands it over in pieces
                shown += part.decode()
        return shown

    yield arrived
    os.close(ours)


@pytest.mark.parametrize(
    ("columns", "lines"), [(80, ["us: 1 of 3 nodes", "us: 2 of 3 nodes \\x1b[31m"]), (10, ["us: 1 of ", "us: 2 of "])]
)
def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: list[str]) -> None:
    with terminal(monkeypatch, columns) as arrived:
        with progress(lambda _: pytest.fail("not plain"), "us: ") as tell:
            tell("1 of 3 nodes")
            tell("2 of 3\nnodes \x1b[31m")
        assert arrived() == f"{ANEW}{lines[0]}{ANEW}{lines[1]}{ANEW}"


def test_other_lines_remove_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as arrived:
        with progress(lambda _: pytest.fail("not plain")) as tell:
            tell("1 of 3")
            note("a note")
            note("another")
            tell("2 of 3")
        assert arrived() == f"{ANEW}1 of 3{ANEW}a note\r\nanother\r\n{ANEW}2 of 3{ANEW}"


def told_of_width(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a line is shown: its width is asked for then."""
    asked, width = threading.Event(), os.get_terminal_size

    def size(descriptor: int) -> os.terminal_size:
        asked.set()
        return width(descriptor)

    monkeypatch.setattr(os, "get_terminal_size", size)
    return asked


def test_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_PATIENCE", 0.01)
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: 0.0))
    with terminal(monkeypatch) as arrived:
        shown = told_of_width(monkeypatch)
        with working("checking"):
            assert shown.wait(SECONDS)
        assert re.fullmatch(f"({re.escape(ANEW)}{CHECKING})+{re.escape(ANEW)}", arrived())


def test_a_note_during_long_work_begins_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_PATIENCE", 0.01)
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: 0.0))
    echo, tick, begun = click.echo, console._tick, threading.Event()

    def slow(*args: Any, **kwargs: Any) -> None:
        begun.set()
        time.sleep(0.4)  # in which the other thread would write, if it could
        echo(*args, **kwargs)

    def after_it_has_begun(*args: Any) -> None:
        begun.wait(SECONDS)
        tick(*args)

    monkeypatch.setattr(click, "echo", slow)
    monkeypatch.setattr(console, "_tick", after_it_has_begun)
    with terminal(monkeypatch) as arrived:
        shown = told_of_width(monkeypatch)
        with working("checking"):
            note("a note")
            assert shown.wait(SECONDS)
        assert re.fullmatch(f"a note\r\n({re.escape(ANEW)}{CHECKING})+{re.escape(ANEW)}", arrived())


def test_work_that_takes_a_moment_or_is_done_elsewhere_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch, terminal(patch) as arrived:
        with pytest.raises(KeyError), working("checking"):
            raise KeyError
        assert arrived() == ""
    monkeypatch.setattr(console, "_PATIENCE", 0.01)
    with working("checking"):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "")


def test_on_one_that_cannot_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for term, is_terminal in (("", True), ("dumb", True), ("xterm", False)):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr(sys.stderr, "isatty", lambda is_terminal=is_terminal: is_terminal, raising=False)
        told: list[str] = []
        with progress(told.append) as tell:
            tell("a line")
        assert told == ["a line"]
