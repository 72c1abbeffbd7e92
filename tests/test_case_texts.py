"""A case that would pass by accident is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.case_texts import Section, read_cases

BEGIN = "@begin part a.yaml\nx:\n\n"


def cases(folder: Path, text: str) -> list[tuple[str, list[Section]]]:
    (folder / "some.txt").write_text(text, encoding="utf-8")
    return list(read_cases(folder, r"a\.yaml|found"))


def test_cases(tmp_path: Path) -> None:
    assert cases(tmp_path, f"{BEGIN}@case one\n@part\n  y\n@found\n1:1\n\n@case two\n@a.yaml\nx\n") == [
        ("some:4", [Section("a.yaml", "x:\n  y\n", "x:\n"), Section("found", "1:1\n")]),
        ("some:10", [Section("a.yaml", "x\n")]),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@case one\n1:1 IAM001\n@a.yaml\nx\n", "text that belongs to no section"),
        ("@case one\n@a.yaml\nx\n@fuond\n1:1 IAM001\n", "unknown section @fuond"),
        ("@case one\n@b.yaml\nx\n", r"unknown section @b\.yaml"),
        ("@case one\n@a.yaml\nx\n@found\n1\n@found\n2\n", "@found stands twice in a case"),
        ("@cases one\n@a.yaml\nx\n", "not a case"),
        ("@begin part b.yaml\nx\n", r"unknown file b\.yaml"),
        (f"{BEGIN}{BEGIN}", "a second beginning part"),
        (f"{BEGIN}@found\n1\n", "text that belongs to no case"),
        (f"{BEGIN}@case one\n@a.yaml\nx\n", "no case has the beginnings {'part'}"),
    ],
)
def test_a_case_that_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        cases(tmp_path, text)
