"""What is typed, and what happens: the transcripts in the folder `transcripts`, a file for each subject.

A line `== NAME` begins a transcript. It works on a copy of the examples: SINGLE is the directory of one cluster, MULTI
that of several, TMP the directory above them. Lines before a command prepare it: `+ FILE` is written with the lines
below, `~ FILE` has its lines with `-` replaced by those with `+`, `- FILE` is removed, `cd DIRECTORY`, `env NAME=TEXT`,
and a line of stdin after `< `. Below the command, after `$ `, is stdout; a line of stderr is after `! `, the exit code
after `? `, and `> FILE` is a file that was written: with its lines, unless they follow from the diff on stdout. A file
that was removed is after `x `. The lines of files and of stdout are indented; a line `\\` says that there is no newline
at the end.

With TARMAK_IAM_TRANSCRIPTS=write, what is expected is replaced by what happens: review the difference.
"""

from __future__ import annotations

import difflib
import fcntl
import io
import itertools
import os
import re
import shlex
import sys
from collections.abc import Iterator

import pytest

from tarmak_iam.files.unified_diff import unified_diff
from tests.support import ROOT, Shell

FOLDER = ROOT / "tests" / "cli" / "transcripts"
_IS_WRITING = os.environ.get("TARMAK_IAM_TRANSCRIPTS") == "write"
_BEFORE_A_COMMAND = re.compile(r"(\+|~|-|cd|env|<) |<\Z")


def _transcripts() -> Iterator[tuple[str, str]]:
    for path in sorted(FOLDER.glob("*.txt")):
        for part in f"\n{path.read_text(encoding='utf-8')}".split("\n== ")[1:]:
            name, _, text = part.partition("\n")
            yield f"{path.stem}: {name}", text.rstrip("\n")


TRANSCRIPTS = dict(_transcripts())


def _steps(text: str) -> Iterator[list[str]]:
    """The lines of each command, with those that prepare it."""
    step: list[str] = []
    is_over = False
    for line in text.split("\n"):
        if is_over and (line.startswith("$ ") or _BEFORE_A_COMMAND.match(line)):
            yield step
            step, is_over = [], False
        step.append(line)
        is_over = is_over or line.startswith("$ ")
    yield step


def _content(lines: list[str]) -> str:
    """The text of indented lines."""
    text = "".join(f"{line[2:]}\n" for line in lines if line != "\\")
    return text[:-1] if "\\" in lines else text


def _indented(text: str) -> list[str]:
    lines = [f"  {line}".rstrip(" ") if not line.strip(" ") else f"  {line}" for line in text.split("\n")]
    return lines[:-1] if text.endswith("\n") else [*lines, "\\"] if text else []


class _Place:
    """Where a transcript is played."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell, self.monkeypatch, self.root = shell, monkeypatch, shell.single.parent
        self.names = {"SINGLE": str(shell.single), "MULTI": str(shell.multi), "TMP": str(self.root)}

    def real(self, text: str) -> str:
        return re.sub("|".join(self.names), lambda name: self.names[name[0]], text)

    def named(self, text: str) -> str:
        for name, path in self.names.items():
            text = text.replace(path, name)
        return text

    def files(self) -> dict[str, str]:
        paths = (path for path in self.root.rglob("*") if path.is_file() and "lock" not in path.name)
        return {path.relative_to(self.root).as_posix(): path.read_bytes().decode() for path in paths}

    def prepare(self, lines: list[str]) -> None:
        stdin = [line[2:] for line in lines if line == "<" or line.startswith("< ")]
        if stdin:
            data = self.real("".join(f"{line}\n" for line in stdin)).encode()
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        starts = [number for number, line in enumerate(lines) if _BEFORE_A_COMMAND.match(line)]
        for start, end in itertools.pairwise([*starts, len(lines)]):
            kind, _, rest = lines[start].partition(" ")
            below, path = lines[start + 1 : end], self.root / rest
            if kind == "+":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.real(_content(below)), newline="")
            elif kind == "~":
                path.write_text(_replaced(path.read_text(), below), newline="")
            elif kind == "-":
                path.unlink()
            elif kind == "cd":
                self.monkeypatch.chdir(self.real(rest))
            elif kind == "env":
                name, _, value = rest.partition("=")
                self.monkeypatch.setenv(name, self.real(value))

    def run(self, command: str) -> list[str]:
        """What happens, as lines."""
        program, *args = shlex.split(self.real(command))
        assert program == "tarmak-iam"
        before, done = self.files(), self.shell.run(*args, code=None)
        lines = [*_indented(done.out), *(f"! {line}".rstrip(" ") for line in done.err.splitlines())]
        lines += [f"? {done.code}"] if done.code else []
        after = self.files()
        for name in sorted(before.keys() | after.keys()):
            if name not in after:
                lines.append(f"x {name}")
            elif before.get(name) != after[name]:
                diff = unified_diff(before.get(name, ""), after[name], str(self.root / name))
                lines.append(f"> {name}")
                lines += [] if diff in done.out else _indented(after[name])
        return [self.named(line) for line in lines]


def _replaced(text: str, lines: list[str]) -> str:
    hunks = "\n".join(line[2:] for line in lines)
    for old, new in re.findall(r"((?:^-.*\n?)+)((?:^\+.*\n?)*)", hunks, re.MULTILINE):
        removed, added = ("".join(f"{line[1:]}\n" for line in part.splitlines()) for part in (old, new))
        assert text.count(removed) == 1, removed
        text = text.replace(removed, added)
    return text


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_what_happens(name: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    place, text, written = _Place(shell, monkeypatch), TRANSCRIPTS[name], []
    for step in _steps(text):
        at = next(number for number, line in enumerate(step) if line.startswith("$ "))
        place.prepare(step[:at])
        happened = place.run(step[at][2:])
        written += [*step[: at + 1], *happened]
        if not _IS_WRITING:
            assert happened == step[at + 1 :], "\n".join(difflib.ndiff(step[at:], [step[at], *happened]))
    if _IS_WRITING:
        _write(name, "\n".join(written))


def _write(name: str, text: str) -> None:
    subject, _, heading = name.partition(": ")
    with (FOLDER / f"{subject}.txt").open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the processes of xdist write into the same file
        old, new = (f"\n== {heading}\n{each}\n" for each in (TRANSCRIPTS[name], text))
        whole = f"\n{file.read()}".replace(old, new)[1:]
        file.seek(0)
        file.truncate()
        file.write(whole)
