"""What docs/hook.md says of kills is what comes of them; `make reference` writes it anew."""

from __future__ import annotations

import pytest

from tests.support.kill_table import PAGE, with_tables


@pytest.mark.thorough
def test_they_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run `make reference`"
