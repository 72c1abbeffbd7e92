"""Which entries of an existing kubeconfig are ours to change."""

from __future__ import annotations

from typing import Any

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
        ({"server": TUNNEL, "certificate-authority-data": "eA=="}, TUNNEL, "its CA is different"),
        ({"certificate-authority-data": "eA=="}, TUNNEL, "its CA is different"),
        ({"server": PUBLIC, "certificate-authority-data": "eA=="}, PUBLIC, None),
        ({"server": PUBLIC, "certificate-authority-data": CA}, TUNNEL, f"its server is {PUBLIC}, not {TUNNEL}"),
    ],
)
def test_a_cluster(found: dict[str, str], server: str, against: str | None) -> None:
    wanted = {"server": server, "certificate-authority-data": CA}
    assert claim("cluster", found, wanted) == Claim(wanted, against)


@pytest.mark.parametrize(
    ("found", "against"),
    [
        ({"server": PUBLIC}, None),
        ({"server": PUBLIC, "certificate-authority-data": CA}, None),
        ({"server": PUBLIC, "certificate-authority-data": CA, "proxy-url": "http://proxy"}, None),
        ({"certificate-authority-data": CA}, None),
        ({"server": TUNNEL, "certificate-authority-data": CA}, f"its server is {TUNNEL}, not {PUBLIC}"),
        ({"server": PUBLIC, "insecure-skip-tls-verify": True}, "it contains insecure-skip-tls-verify"),
    ],
)
def test_a_cluster_without_a_ca_of_its_own(found: dict[str, Any], against: str | None) -> None:
    """What the entry contains stays: its CA, and its proxy."""
    value = {key: each for key, each in found.items() if key != "insecure-skip-tls-verify"}
    assert claim("cluster", found, {"server": PUBLIC}) == Claim({**value, "server": PUBLIC}, against)


def test_a_proxy_of_its_own_replaces_the_one_that_is_there() -> None:
    wanted = {"server": PUBLIC, "certificate-authority-data": CA, "proxy-url": "http://new"}
    assert claim("cluster", {**wanted, "proxy-url": "http://old"}, wanted) == Claim(wanted)
    assert claim("cluster", {"server": PUBLIC, "certificate-authority-data": CA}, wanted) == Claim(wanted)


def session_args(before: list[str], wanted: list[str], command: str = "aws-iam-authenticator") -> object:
    exec_of = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws-iam-authenticator"}
    own = {"exec": {**exec_of, "command": command, "args": wanted}}
    found = claim("user", {"exec": {**exec_of, "args": before}}, own)
    assert found.against is None
    return found.value["exec"]["args"]


TOKEN = ["token", "-i", "dev-cluster", "-r", "arn:aws:iam::111122223333:role/Admin"]


@pytest.mark.parametrize(
    ("before", "wanted", "command", "expected"),
    [
        ([*TOKEN, "-s", "alice"], TOKEN, "aws-iam-authenticator", [*TOKEN, "-s", "alice"]),
        ([*TOKEN, "-s", "alice"], [*TOKEN, "-s", "bob"], "aws-iam-authenticator", [*TOKEN, "-s", "bob"]),
        (
            [*TOKEN, "--session-name=bob"],
            [*TOKEN, "-s", "bob"],
            "aws-iam-authenticator",
            [*TOKEN, "--session-name=bob"],
        ),
        (
            [*TOKEN, "--cache", "--forward-session-name"],
            [*TOKEN, "-s", "bob"],
            "aws-iam-authenticator",
            [*TOKEN, "-s", "bob", "--cache"],
        ),
        (
            [*TOKEN, "-s", "alice"],
            [*TOKEN, "--region", "eu-west-1"],
            "tarmak-iam",
            [*TOKEN, "--region", "eu-west-1", "-s", "alice"],
        ),
    ],
)
def test_the_name_of_a_role_session(before: list[str], wanted: list[str], command: str, expected: list[str]) -> None:
    """One that is there stays unless another is asked for."""
    assert session_args(before, wanted, command) == expected


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
