"""Files of each format, and what is read of them: tests/mappings/formats/cases/FORMAT.txt.

tests/support/case_texts.py explains the format. Each case has a file, and as tests/mappings/formats/reports.py says it:

    @read                       the mappings, and what is left out
    @access entries             the access entries of EKS, and what is left out
    @convert BACKEND RELEASE    what the mappings become for a backend, and what is left out
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mappings.formats.reports import access_entries, converted, read
from tests.support.case_texts import Section, read_cases

CASES = list(read_cases(Path(__file__).with_name("cases"), r"f\.yaml|read|access entries|convert \w+ v\S+"))


@pytest.mark.parametrize("sections", [sections for _, sections in CASES], ids=[name for name, _ in CASES])
def test_case(sections: list[Section]) -> None:
    file, *expected = sections
    for text in (file.text, file.text.replace("\n", "\r\n")):  # line ends change neither places nor entries
        for each in expected:
            assert shown(text, each.marker) == each.text.splitlines()


def shown(text: str, marker: str) -> list[str]:
    match marker.split():
        case ["read"]:
            return read(text)
        case ["convert", backend, release]:
            return converted(text, backend, release)
    return access_entries(text)
