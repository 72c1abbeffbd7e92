"""Groups that mean something to Kubernetes, and several in one text."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.groups import is_group_within, joined_groups
from tests.support.tables import rows


@pytest.mark.parametrize(("text", "parts"), rows(__file__, "test_several_groups_in_one_text"))
def test_several_groups_in_one_text(text: str, parts: list[str] | None) -> None:
    assert joined_groups(text) == (None if parts is None else tuple(parts))


def test_a_family_of_groups() -> None:
    assert is_group_within("system:serviceaccounts", "system:serviceaccounts")
    assert is_group_within("system:serviceaccounts:a", "system:serviceaccounts")
    assert not is_group_within("system:serviceaccountsx", "system:serviceaccounts")
