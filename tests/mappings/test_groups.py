"""Groups that mean something to Kubernetes, and several in one text."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.groups import is_group_within, joined_groups


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("dev", None),
        ("Domain Users", None),
        ("cn=ops,dc=example", None),
        ("cn=ops;dc=example", None),
        ("a|b", None),
        ("dev,ops", ("dev", "ops")),
        ("dev; ops", ("dev", "ops")),
        ("dev\uff0cops", ("dev", "ops")),
        ("'dev', \"ops\"", ("dev", "ops")),
        ("[dev, ops]", ("dev", "ops")),
        ("['dev', 'ops']", ("dev", "ops")),
        ("system:masters dev", ("system:masters", "dev")),
        ("dev,", ("dev",)),
        (",", ()),
    ],
)
def test_several_groups_in_one_text(text: str, parts: tuple[str, ...] | None) -> None:
    assert joined_groups(text) == parts


def test_a_family_of_groups() -> None:
    assert is_group_within("system:serviceaccounts", "system:serviceaccounts")
    assert is_group_within("system:serviceaccounts:a", "system:serviceaccounts")
    assert not is_group_within("system:serviceaccountsx", "system:serviceaccounts")
