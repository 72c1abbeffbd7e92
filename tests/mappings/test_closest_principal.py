"""Which mapped principal somebody probably means who names another one."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.entries import closest_principal

HERE, THERE = "arn:aws:iam::111122223333", "arn:aws:iam::444455556666"
RESERVED = f"{HERE}:role/AWSReservedSSO_Admins_0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        (f"{HERE}:role/team/Dev", [f"{HERE}:role/Ops", f"{HERE}:role/Dev"], f"{HERE}:role/Dev"),
        (f"{HERE}:role/Dev", [f"{HERE}:role/team/Dev", f"{HERE}:role/Dev2"], f"{HERE}:role/team/Dev"),
        (f"{HERE}:user/Dev", [f"{HERE}:role/Dev"], f"{HERE}:role/Dev"),
        (f"{HERE}:role/Dve", [f"{HERE}:role/Dev", f"{HERE}:role/Operations"], f"{HERE}:role/Dev"),
        (f"{HERE}:role/dev-ops", [f"{HERE}:role/DevOps"], f"{HERE}:role/DevOps"),
        (f"{THERE}:role/Dev", [f"{HERE}:role/Dev"], f"{HERE}:role/Dev"),
        (f"{HERE}:role/Dev", [f"{HERE}:role/Admin"], None),
        ("arn:aws:sts::111122223333:assumed-role/Dve/me", [f"{HERE}:role/Dev"], f"{HERE}:role/Dev"),
        (RESERVED, ["sso:111122223333/Admins"], "sso:111122223333/Admins"),
        ("sso:111122223333/Admins", [RESERVED], RESERVED),
        ("sso:444455556666/Admins", ["sso:111122223333/Admins"], "sso:111122223333/Admins"),
        ("111122223333/Admins", ["sso:111122223333/Admins"], "sso:111122223333/Admins"),
        ("Dev", [f"{HERE}:role/Dev"], f"{HERE}:role/Dev"),
        ("111122223334", ["444455556666", "111122223333"], "111122223333"),
        ("11112222333", ["111122223333"], "111122223333"),
        ("999988887777", ["111122223333"], None),
        ("111122223333", [f"{HERE}:role/Dev"], None),
        ("", [f"{HERE}:role/Dev", "111122223333", ""], None),
        (f"{HERE}:role/Dev", [], None),
    ],
)
def test_the_closest_principal(text: str, known: list[str], expected: str | None) -> None:
    assert closest_principal(text, known) == expected
