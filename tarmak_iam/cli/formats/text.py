"""A finding as text: its line, on a terminal the source with a mark below the column, and the sum of all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from tarmak_iam.cli.console import SEVERITY_COLOURS, cell_width, is_terminal, print_line, with_coloured_severity
from tarmak_iam.cli.formats import CheckReport
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Severity
from tarmak_iam.text import one_line

_MARK = "^"

_TAB = 8

_CUT = "..."

_LEAST = 20

_SHOWN = frozenset({"tarmak.yaml", "aws-iam-authenticator.yaml", "tarmak-iam.yaml"})
"""The only files that are read again to be shown: others, a kubeconfig above all, may hold what nobody is to see. Nor
is a link to one of those."""


def excerpt(line: str, number: int, column: int, width: int) -> tuple[str, str]:
    """The line behind its number, and the mark below a column (in code points, from 1), in `width` cells of a terminal.

    Tabs are blanks, and what a terminal would act on is an escape; a line that is too long is cut around the column.
    """
    cells = list(_cells(line))
    total = cells[-1][0] + cells[-1][2] if cells else 0
    at = cells[column - 1][0] if column <= len(cells) else total
    gutter = f" {number} | "
    room = max(width - len(gutter) - 1, _LEAST)
    begin = 0 if total <= room else min(max(at - room // 2, 0), total - room)
    end = total if total <= room else begin + room
    left, right = begin + len(_CUT) if begin else 0, end - len(_CUT) if end < total else end
    seen = [cell for cell in cells if cell[0] >= left and cell[0] + cell[2] <= right]
    shown = "".join(text for _, text, _ in seen)
    first = seen[0][0] if seen else 0
    before, behind = _CUT if begin else "", _CUT if end < total else ""
    blanks = len(before) + at - first
    return f"{gutter}{before}{shown.rstrip()}{behind}", f"{' ' * (len(gutter) - 2)}| {' ' * blanks}{_MARK}"


def _cells(line: str) -> Iterator[tuple[int, str, int]]:
    """Where each character begins in a line of a terminal, how it is shown, and how many cells that takes."""
    start = 0
    for character in line:
        text = _text(character, start)
        width = cell_width(text)
        yield start, text, width
        start += width


def _text(character: str, start: int) -> str:
    if character == "\t":
        return " " * (_TAB - start % _TAB)
    return character if character.isprintable() else repr(character)[1:-1]


def print_excerpt(line: str, place: Place, colour: str, *, err: bool = False) -> None:
    """Where the stream is a terminal, and the place one in a line."""
    if not is_terminal(sys.stderr if err else sys.stdout) or not line or place.line is None or place.column is None:
        return
    if not _is_itself(Path(place.filename)):
        return
    shown, mark = excerpt(line, place.line, place.column, shutil.get_terminal_size().columns)
    print_line(shown, err=err)
    print_line(mark.removesuffix(_MARK) + click.style(_MARK, fg=colour, bold=True), err=err)


def print_excerpt_of_error(place: Place | None) -> None:
    """The same on stderr, of a file that is not at hand any more."""
    if place is not None and place.line is not None and is_terminal(sys.stderr):
        print_excerpt(_line_of_file(place, place.line), place, SEVERITY_COLOURS["error"], err=True)


def _is_itself(path: Path) -> bool:
    """Whether it is no link to a file of another name, unless that is one that may be shown anyway."""
    return os.path.basename(os.path.realpath(path)) in {*_SHOWN, path.name}


def _line_of_file(place: Place, number: int) -> str:
    """Empty for what is no file of ours, or cannot be read."""
    from tarmak_iam.config.locate import CONFIG_NAME
    from tarmak_iam.document.files import Boundary, read_if_present
    from tarmak_iam.document.source import Source

    path = Path(place.filename)
    boundary = None if path.name == CONFIG_NAME else Boundary(path.parent.parent)
    try:
        data = read_if_present(path, boundary) if path.name in _SHOWN and path.is_file() else b""
        return Source.decode((data or b"").decode("utf-8", "replace"), place.filename).line(number)
    except (TarmakIamError, OSError):
        return ""


def print_findings(report: CheckReport) -> None:
    """A line such as `file:1:2: error: message [ID]` for each, its severity in the colour of it; on a terminal with the
    line of the source."""
    for each in report.unsuppressed:
        finding = each.finding
        line = f"{one_line(str(each.place))}: {finding.severity}: {finding.text} [{finding.id}]"
        print_line(with_coloured_severity(line))
        print_excerpt(report.line_of(each.place), each.place, SEVERITY_COLOURS[finding.severity])


def severity_summary(found: Iterable[Severity]) -> str:
    """`2 errors, 1 warning`, or that there are none."""
    severities = list(found)
    counts = [(str(severity), severities.count(severity)) for severity in Severity]
    parts = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts if count]
    return ", ".join(parts) or "nothing to complain about"
