"""Findings as text: a line each, on a terminal with the source line and a mark below the column."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import click

from tarmak_iam.cli.console import SEVERITY_COLOURS, cell_width, is_terminal, print_styled_line, with_coloured_severity
from tarmak_iam.cli.formats import CheckReport
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.text import one_line

_MARK = "^"
_TAB = 8
_CUT = "..."
_LEAST = 20
_SHOWN = frozenset({"tarmak.yaml", "aws-iam-authenticator.yaml", "tarmak-iam.yaml"})
"""The only files of which lines are shown: others, such as a kubeconfig, may contain secrets. A link with one of these
names to such a file is not shown either."""


def excerpt(line: str, number: int, column: int, width: int) -> tuple[str, str]:
    """The line with its number, and a line with a mark below the column (in code points, from 1), in `width` cells of a
    terminal.

    Tabs become blanks, and control characters become escapes. A line that is too long is cut on both sides of the
    column.
    """
    cells, total = [], 0  # of each character its first cell, how it is shown, and how many cells that takes
    for character in line:
        text = character if character.isprintable() else repr(character)[1:-1]
        text = " " * (_TAB - total % _TAB) if character == "\t" else text
        cells.append((total, text, cell_width(text)))
        total += cell_width(text)
    at = cells[column - 1][0] if column <= len(cells) else total
    gutter = f" {number} | "
    room = max(width - len(gutter) - 1, _LEAST)
    begin = 0 if total <= room else min(max(at - room // 2, 0), total - room)
    end = total if total <= room else begin + room
    before, after = _CUT if begin else "", _CUT if end < total else ""
    seen = [cell for cell in cells if cell[0] >= begin + len(before) and cell[0] + cell[2] <= end - len(after)]
    shown = "".join(text for _, text, _ in seen)
    blanks = len(before) + at - (seen[0][0] if seen else 0)
    return f"{gutter}{before}{shown.rstrip()}{after}", f"{' ' * (len(gutter) - 2)}| {' ' * blanks}{_MARK}"


def print_excerpt(line: str, place: Place, colour: str, *, err: bool = False) -> None:
    """Only if the stream is a terminal, and the place has a line and a column."""
    if not is_terminal(sys.stderr if err else sys.stdout) or not line or place.line is None or place.column is None:
        return
    path = Path(place.filename)
    if os.path.basename(os.path.realpath(path)) not in {*_SHOWN, path.name}:  # a link to a file of another name
        return
    width = shutil.get_terminal_size().columns or 80  # Python 3.10 has 0 for a terminal that does not know
    shown, mark = excerpt(line, place.line, place.column, width)
    print_styled_line(shown, err=err)
    print_styled_line(mark.removesuffix(_MARK) + click.style(_MARK, fg=colour, bold=True), err=err)


def print_excerpt_of_error(place: Place | None) -> None:
    """The same on stderr, for an error: its file is read again, if it is one that may be shown."""
    if place is None or place.line is None or not is_terminal(sys.stderr):
        return
    from tarmak_iam.document.source import Source
    from tarmak_iam.files.boundary import Boundary
    from tarmak_iam.files.read import read_if_present

    path = Path(place.filename)
    boundary = None if path.name == "tarmak.yaml" else Boundary(path.parent.parent)
    with suppress(TarmakIamError, OSError):
        if path.name in _SHOWN and path.is_file():
            text = (read_if_present(path, boundary) or b"").decode("utf-8", "replace")
            line = Source.decode(text, place.filename).line(place.line)
            print_excerpt(line, place, SEVERITY_COLOURS["error"], err=True)


def print_findings(report: CheckReport) -> None:
    """A line such as `file:1:2: error: message [ID]` for each, the severity coloured; on a terminal with the source
    line. `[fix]` is before the ID if `check --fix` fixes it."""
    for result in report.unsuppressed:
        finding = result.finding
        mark = "" if result.fix is None else " [fix]" if result.fix.is_safe else " [unsafe fix]"
        line = f"{one_line(str(result.place))}: {finding.severity}: {finding.text}{mark} [{finding.id}]"
        print_styled_line(with_coloured_severity(line))
        print_excerpt(report.line_of(result.place), result.place, SEVERITY_COLOURS[finding.severity])
