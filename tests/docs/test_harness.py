"""The harness itself: what it takes for a command, what it runs, and what it does not let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarmak_iam.document import Document
from tests.docs.pages import Page, PageError
from tests.docs.running import matches, run_page, updated
from tests.docs.session import needs_bash

pytestmark = needs_bash
CASES = Document.parse(Path(__file__).with_name("harness.yaml").read_bytes()).data


def run(text: str, root: Path) -> list[str]:
    return [each.text for each in run_page(Page("page.md", text), root / "session")]


@pytest.mark.parametrize(("text", "error"), CASES["wrong"])
def test_what_is_not_in_the_form(text: str, error: str) -> None:
    with pytest.raises(PageError) as raised:
        Page("page.md", text).steps()
    assert str(raised.value).startswith(error)


def test_a_page_is_one_session(tmp_path: Path) -> None:
    assert run(CASES["fine"], tmp_path) == []


def test_a_difference_names_line_and_command(tmp_path: Path) -> None:
    text = "# A\n\n```console\n$ echo one; echo two\none\n```\n"
    (found,) = run(text, tmp_path)
    assert found == (
        "page.md:4: $ echo one; echo two\n    --- page\n    +++ actual output\n    @@ -1 +1,2 @@\n     one\n    +two"
    )


def test_failures_are_not_passed_over(tmp_path: Path) -> None:
    found = [each.splitlines()[:2] for each in run(CASES["failing"], tmp_path)]
    assert found == CASES["failures"]


def test_outputs_can_be_written(tmp_path: Path) -> None:
    page = Page("page.md", "- x\n  ```console\n  $ echo one\n  two\n  three\n  $ echo last\n  ```\n\nend\n")
    text = updated(page, run_page(page, tmp_path / "session"))
    assert text == "- x\n  ```console\n  $ echo one\n  one\n  $ echo last\n  last\n  ```\n\nend\n"


@pytest.mark.parametrize(("expected", "got", "is_same"), CASES["lines"])
def test_three_dots_stand_for_lines(expected: str, got: str, is_same: bool) -> None:
    assert matches(expected.split(), [f"{line} " for line in got.split()]) is is_same
