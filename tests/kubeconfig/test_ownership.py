"""Which entries of an existing kubeconfig are ours to change."""

from __future__ import annotations

import pytest

from tarmak_iam.kubeconfig.ownership import Claim, claim, is_tunnel

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


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://127.0.0.1:40123", True),
        ("https://127.9.9.9", True),
        ("https://localhost:1", True),
        ("https://[::1]:1", True),
        ("https://api.example.com", False),
        ("https://10.0.0.1", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_tunnels(server: str, expected: bool) -> None:
    assert is_tunnel(server) is expected
