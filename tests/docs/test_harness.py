"""The harness itself: what it does not let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarmak_iam.document import Document
from tests.docs.pages import Page
from tests.docs.running import matches, run_page
from tests.docs.session import needs_bash

pytestmark = needs_bash
CASES = Document.parse(Path(__file__).with_name("harness.yaml").read_bytes()).data


def run(text: str, root: Path) -> list[str]:
    return [each.text for each in run_page(Page("page.md", text), root / "session")]


def test_a_page_is_one_session(tmp_path: Path) -> None:
    assert run(CASES["fine"], tmp_path) == []


def test_failures_are_not_passed_over(tmp_path: Path) -> None:
    found = [each.splitlines()[:2] for each in run(CASES["failing"], tmp_path)]
    assert found == CASES["failures"]


@pytest.mark.parametrize(("expected", "got", "is_same"), CASES["lines"])
def test_three_dots_stand_for_lines(expected: str, got: str, is_same: bool) -> None:
    assert matches(expected.split(), [f"{line} " for line in got.split()]) is is_same
