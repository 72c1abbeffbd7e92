"""Which mapped principal somebody probably means who names another one."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.entries import closest_principal
from tests.support.tables import rows


@pytest.mark.parametrize(("text", "known", "expected"), rows(__file__, "test_the_closest_principal"))
def test_the_closest_principal(text: str, known: list[str], expected: str | None) -> None:
    assert closest_principal(text, known) == expected
