"""Cases in text files: what a case gives and what is expected of it, in sections that lines with @ begin.

    @begin NAME FILE      the beginning of a file that several cases share
    @case TITLE           a case: its sections follow
    @FILE, or @NAME       the text of a file, or the rest of one that begins as NAME says
    @ANYTHING ELSE        as the tests of the folder say

An empty line is between cases. NEWEST_RELEASE and NEWEST_READ stand for the newest release of the authenticator and the
newest whose source was read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.identity.releases import NEWEST, NEWEST_READ

_RELEASES = {"NEWEST_RELEASE": str(NEWEST), "NEWEST_READ": str(NEWEST_READ)}


class Section(NamedTuple):
    """`begin` is how the text of a file begins, as its NAME says; `marker` is then the name of the file."""

    marker: str
    text: str
    begin: str = ""


def read_cases(folder: Path, markers: str) -> Iterator[tuple[str, list[Section]]]:
    """The sections of each case; its name is FILE:LINE. `markers`: a pattern of what a section may be."""
    for path in sorted(folder.iterdir()):
        beginnings: dict[str, tuple[str, str]] = {}
        unused = set()
        line = 1
        text = re.sub("|".join(_RELEASES), lambda name: _RELEASES[name[0]], path.read_text(encoding="utf-8"))
        for block in re.split("\n(?=@(?:begin|case) )", text):
            place = f"{path}:{line}"
            _, head, text, *parts = re.split("^@(.*)\n", block, flags=re.MULTILINE)
            if head.startswith("begin "):
                _, name, filename = head.split()
                assert name not in beginnings, f"{place}: a second beginning {name}"
                assert not parts, f"{place}: text that belongs to no case"
                assert re.fullmatch(markers, filename), f"{place}: unknown file {filename}"
                beginnings[name] = filename, text
                unused.add(name)
            else:
                assert head.startswith("case "), f"{place}: not a case"
                assert not text, f"{place}: text that belongs to no section"
                sections = []
                for marker, content in zip(parts[::2], parts[1::2], strict=True):
                    filename, begin = beginnings.get(marker, (marker, ""))
                    assert re.fullmatch(markers, filename), f"{place}: unknown section @{marker}"
                    unused.discard(marker)
                    sections.append(Section(filename, begin + content, begin))
                repeated = [name for name, count in Counter(each.marker for each in sections).items() if count > 1]
                assert not repeated, f"{place}: @{repeated[0]} stands twice in a case"
                yield f"{path.stem}:{line}", sections
            line += block.count("\n") + 1
        assert not unused, f"{path}: no case has the beginnings {unused}"
