"""The stand-ins of tarmak, kubectl and aws, by a page of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.docs.running import run_page
from tests.docs.session import missing


@pytest.mark.thorough
def test_what_they_do(tmp_path: Path) -> None:
    if missing():
        pytest.skip(str(missing()))
    mismatches = run_page(Page.read(Path(__file__).with_name("stand_ins.md")), tmp_path / "session")
    assert not mismatches, "\n\n" + "\n\n".join(map(str, mismatches))
