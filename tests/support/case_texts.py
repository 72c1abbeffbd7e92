"""Cases in text files: what a case gives and what is expected of it, in sections that lines with @ begin.

    @begin NAME FILE      the beginning of a file that several cases share
    @case TITLE           a case: its sections follow
    @FILE, or @NAME       the text of a file, or the rest of one that begins as NAME says
    @ANYTHING ELSE        as the tests of the folder say

An empty line is between cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Section(NamedTuple):
    """`begin` is how the text of a file begins, as its NAME says; `marker` is then the name of the file."""

    marker: str
    text: str
    begin: str = ""


def read_cases(folder: Path) -> Iterator[tuple[str, list[Section]]]:
    """The sections of each case; its name is FILE:LINE."""
    for path in sorted(folder.iterdir()):
        beginnings: dict[str, tuple[str, str]] = {}
        line = 1
        for block in re.split("\n(?=@(?:begin|case) )", path.read_text(encoding="utf-8")):
            head, *parts = re.split("^@(.*)\n", block, flags=re.MULTILINE)[1:]
            if head.startswith("begin "):
                _, name, filename = head.split()
                beginnings[name] = filename, parts[0]
            else:
                assert head.startswith("case "), f"{path}:{line}"
                sections = []
                for marker, text in zip(parts[1::2], parts[2::2], strict=True):
                    filename, begin = beginnings.get(marker, (marker, ""))
                    sections.append(Section(filename, begin + text, begin))
                yield f"{path.stem}:{line}", sections
            line += block.count("\n") + 1
