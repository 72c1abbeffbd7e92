"""Which entries of an existing kubeconfig are ours to change."""

from __future__ import annotations

import pytest

from tarmak_iam.kubeconfig.ownership import Claim, claim

TUNNEL, OTHER_TUNNEL, PUBLIC = "https://127.0.0.1:40123", "https://127.0.0.1:40124", "https://api.example.com"
CA = "LS0tLS1CRUdJTg=="


@pytest.mark.parametrize(
    ("found", "server", "against"),
    [
        ({"server": OTHER_TUNNEL, "certificate-authority-data": CA}, TUNNEL, None),
        ({"server": OTHER_TUNNEL}, TUNNEL, f"its server is {OTHER_TUNNEL}, not {TUNNEL}"),
        (
            {"server": OTHER_TUNNEL, "certificate-authority-data": ""},
            TUNNEL,
            f"its server is {OTHER_TUNNEL}, not {TUNNEL}",
        ),
        (
            {"server": OTHER_TUNNEL, "certificate-authority-data": "eA=="},
            TUNNEL,
            f"its server is {OTHER_TUNNEL}, not {TUNNEL}",
        ),
        ({"server": TUNNEL}, TUNNEL, None),
        ({"server": TUNNEL, "certificate-authority-data": "eA=="}, TUNNEL, "its CA is another"),
        ({"certificate-authority-data": "eA=="}, TUNNEL, "its CA is another"),
        ({"server": PUBLIC, "certificate-authority-data": "eA=="}, PUBLIC, None),
        ({"server": PUBLIC, "certificate-authority-data": CA}, TUNNEL, f"its server is {PUBLIC}, not {TUNNEL}"),
    ],
)
def test_a_cluster(found: dict[str, str], server: str, against: str | None) -> None:
    wanted = {"server": server, "certificate-authority-data": CA}
    assert claim("cluster", found, wanted) == Claim(wanted, against)
