"""Runs a page in a session, and compares it with the actual output. A line `...` on the page matches any lines."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.docs.pages import Page, Step
from tests.docs.session import Ran, Session, session

__all__ = ["Mismatch", "matches", "run_page", "updated"]

ANY = "..."


class Mismatch(NamedTuple):
    """`output`: the lines that the page should show for the step; None if another output would not help."""

    text: str
    step: Step
    output: tuple[str, ...] | None = None


def run_page(page: Page, root: Path) -> list[Mismatch]:
    """`root`: an empty directory. Raises PageError for a page with an unsupported block."""
    steps = page.steps()
    with session(root) as shell:
        return [mismatch for step in steps for mismatch in _run(page.name, step, shell)]


def updated(page: Page, mismatches: list[Mismatch]) -> str:
    """The page's text with the actual output; where the page leaves lines out, it is for a person to shorten."""
    lines = page.text.splitlines()
    for _, step, output in sorted(mismatches, key=lambda each: each.step.output_line, reverse=True):
        if output is not None and step.output is not None and ANY not in step.output:
            new = [f"{step.indent}{line}".rstrip() for line in output]
            lines[step.output_line - 1 : step.output_line - 1 + len(step.output)] = new
    return "\n".join(lines) + "\n"


def matches(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Ignores trailing spaces: they are invisible, and editors remove them."""
    pattern = "".join(r"(?:.*\n)*?" if line.rstrip() == ANY else re.escape(line.rstrip()) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in got)) is not None


def _run(name: str, step: Step, shell: Session) -> Iterator[Mismatch]:
    at = f"{name}:{step.line}"
    match step.kind:
        case "setup":
            yield from _failed(f"{at}: setup: {step.text}", step, shell.run(step.text))
        case "script":
            ran = shell.run_script(step.text)
            number = ran.failed_line or 1
            yield from _failed(f"{name}:{step.line + number - 1}: {step.text.splitlines()[number - 1]}", step, ran)
        case "file":
            shell.write(step.name, step.text)
        case "command":
            ran = shell.run(step.text)
            yield from _differs(f"{at}: $ {step.text}", step, ran)
            if not step.asks_code:
                unasked = ", and the next command is not `echo $?`"
                yield from _failed(f"{at}: $ {step.text}", step, ran, unasked)
        case "program":
            ran = shell.run_python(step.text)
            yield from _failed(f"{at}: the program fails", step, ran)
            if not ran.code:
                yield from _differs(f"{at}: the program's output", step, ran)


def _differs(what: str, step: Step, ran: Ran) -> Iterator[Mismatch]:
    got = tuple(ran.output.splitlines())
    if step.output is not None and not matches(step.output, got):
        diff = "\n".join(difflib.unified_diff(step.output, got, "page", "actual output", lineterm="", n=2))
        yield Mismatch(f"{what}\n{textwrap.indent(diff, '    ')}", step, got)


def _failed(what: str, step: Step, ran: Ran, more: str = "") -> Iterator[Mismatch]:
    if ran.code:
        yield Mismatch(f"{what}\n    exit code {ran.code}{more}\n{textwrap.indent(ran.output, '    ')}", step)
