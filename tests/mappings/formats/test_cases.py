"""Files of each format, and what is read of them: tests/mappings/formats/cases/FORMAT.txt.

tests/support/case_texts.py explains the format. Each case has the file, and as tests/mappings/formats/reports.py says
it, the entries and what is left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mappings.formats.reports import read
from tests.support.case_texts import Section, read_cases

CASES = list(read_cases(Path(__file__).with_name("cases"), r"f\.yaml|read"))


@pytest.mark.parametrize("sections", [sections for _, sections in CASES], ids=[name for name, _ in CASES])
def test_case(sections: list[Section]) -> None:
    file, expected = sections
    assert read(file.text) == expected.text.splitlines()
    # Line ends of Windows change neither places nor entries.
    assert read(file.text.replace("\n", "\r\n")) == expected.text.splitlines()
