"""Every command, program and file of the documentation's pages, run as a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Page, pages
from tests.docs.running import run_page
from tests.docs.session import needs_bash

PAGES = pages()
NOT_RUN = {
    "README.md": ["makes a virtual environment from a package index", "installs from a package index"],
    "docs/guides/lock-out.md": ["needs a master"],
    "docs/guides/trust-policies.md": ["the roles are in AWS", "the role is in AWS"],
    "docs/releasing.md": [
        "it runs the whole test suite many times over",
        "there is no such tag before there is a release",
        "the wheel comes from the step before",
        "it publishes",
    ],
    "docs/rollback.md": ["the times are those of the moment"],
    "docs/start.md": ["installs from a package index"],
}
"""All blocks that are not run, with their reasons: few, and each for what cannot be had offline."""


@needs_bash
@pytest.mark.sample(3)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_is_what_comes(page: Page, tmp_path: Path) -> None:
    mismatches = run_page(page, tmp_path / "session")
    assert not mismatches, "\n\n" + "\n\n".join(each.text for each in mismatches)


def test_what_is_not_run_is_known() -> None:
    found = {page.name: [step.name for step in page.steps() if step.kind == "exempt"] for page in PAGES}
    assert {name: reasons for name, reasons in found.items() if reasons} == NOT_RUN
