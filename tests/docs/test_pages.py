"""Every command, program and file of the documentation's pages, run as a reader would."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.docs.pages import Exempt, Page, pages
from tests.docs.running import Mismatch, run_page
from tests.docs.session import missing

PAGES = pages()
NOT_RUN = {
    "README.md": ["makes a virtual environment from a package index", "installs from a package index"],
    "docs/guides/lock-out.md": ["needs a master"],
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


Runs = dict[str, "Future[list[Mismatch]]"]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The pages that are asked for, side by side: each has a world of its own, and they take minutes in a row."""
    if missing():
        pytest.skip(str(missing()))
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [page for each in asked if isinstance(page := each.get("page"), Page)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        roots = (tmp_path_factory.mktemp("page") / "session" for _ in wanted)
        yield {page.name: pool.submit(run_page, page, root) for page, root in zip(wanted, roots, strict=False)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_is_what_comes(page: Page, runs: Runs) -> None:
    mismatches = runs[page.name].result()
    assert not mismatches, "\n\n" + "\n\n".join(map(str, mismatches))


def test_what_is_not_run_is_known() -> None:
    found = {page.name: [step.reason for step in page.steps() if isinstance(step, Exempt)] for page in PAGES}
    assert {name: reasons for name, reasons in found.items() if reasons} == NOT_RUN
