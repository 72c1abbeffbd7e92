"""Runs a page in a session, and compares it with the actual output."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.compare import difference, matches, shortened
from tests.docs.pages import Command, File, Page, Program, Script, Setup, Step
from tests.docs.session import Ran, Session, session

__all__ = ["Mismatch", "Output", "run_page", "updated"]


@dataclass(frozen=True)
class Output:
    """The output that a page should show. `line` is the first line of the present output on the page, from 1."""

    line: int
    shown: int
    """The number of lines of the present output."""
    lines: tuple[str, ...]
    indent: str


@dataclass(frozen=True)
class Mismatch:
    """`output` is None if another output on the page would not fix the mismatch."""

    text: str
    output: Output | None = None

    def __str__(self) -> str:
        return self.text


def run_page(page: Page, root: Path) -> list[Mismatch]:
    """`root`: an empty directory. Raises PageError for a page with an unsupported block."""
    steps = page.steps()
    with session(root) as shell:
        return [each for step in steps for each in _run(page, step, shell)]


def updated(page: Page, mismatches: list[Mismatch]) -> str:
    """The page's text with the actual output."""
    lines = page.text.splitlines()
    outputs = [each.output for each in mismatches if each.output is not None]
    for output in sorted(outputs, key=lambda each: each.line, reverse=True):
        new = [f"{output.indent}{line}".rstrip() for line in output.lines]
        lines[output.line - 1 : output.line - 1 + output.shown] = new
    return "\n".join(lines) + "\n"


def _run(page: Page, step: Step, shell: Session) -> Iterator[Mismatch]:
    at = f"{page.name}:{step.line}"
    match step:
        case Setup():
            yield from _succeeds(f"{at}: setup: {step.command}", shell.run(step.command))
        case Script():
            yield from _script(page, step, shell)
        case File():
            shell.write(step.name, step.text)
        case Command():
            yield from _command(at, step, shell.run(step.command))
        case Program():
            yield from _program(at, step, shell.run_python(step.text))


def _command(at: str, step: Command, ran: Ran) -> Iterator[Mismatch]:
    got = tuple(ran.output.splitlines())
    if not matches(step.output, got):
        shown = Output(step.output_line, len(step.output), tuple(shortened(step.output, got)), step.indent)
        yield Mismatch(f"{at}: $ {step.command}\n{_indented(difference(step.output, got))}", shown)
    if ran.code and not step.asks_code:
        yield Mismatch(
            f"{at}: $ {step.command}\n    exit code {ran.code}, and the next command is not `echo $?`\n"
            + _indented(ran.output)
        )


def _script(page: Page, step: Script, shell: Session) -> Iterator[Mismatch]:
    ran = shell.run_script(step.text)
    if ran.code:
        number = ran.failed_line or 1
        line = step.text.splitlines()[number - 1]
        yield from _succeeds(f"{page.name}:{step.line + number - 1}: {line}", ran)


def _program(at: str, step: Program, ran: Ran) -> Iterator[Mismatch]:
    if ran.code:
        yield from _succeeds(f"{at}: the program fails", ran)
        return
    got = tuple(ran.output.splitlines())
    if step.output is not None and not matches(step.output, got):
        shown = Output(step.output_line, len(step.output), tuple(shortened(step.output, got)), step.indent)
        yield Mismatch(f"{at}: the program's output\n{_indented(difference(step.output, got))}", shown)


def _succeeds(what: str, ran: Ran) -> Iterator[Mismatch]:
    if ran.code:
        yield Mismatch(f"{what}\n    exit code {ran.code}\n{_indented(ran.output)}")


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
