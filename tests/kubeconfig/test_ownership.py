"""Which entries of an existing kubeconfig are ours to change."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.kubeconfig.ownership import Claim, claim, is_tunnel
from tests.support.tables import rows

PUBLIC = "https://api.example.com"
CA = "LS0tLS1CRUdJTg=="


@pytest.mark.parametrize(("found", "server", "against"), rows(__file__, "test_a_cluster"))
def test_a_cluster(found: dict[str, str], server: str, against: str | None) -> None:
    wanted = {"server": server, "certificate-authority-data": CA}
    assert claim("cluster", found, wanted) == Claim(wanted, against)


@pytest.mark.parametrize(("found", "against"), rows(__file__, "test_a_cluster_without_a_ca_of_its_own"))
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


@pytest.mark.parametrize(("before", "wanted", "command", "expected"), rows(__file__, "test_the_name_of_a_role_session"))
def test_the_name_of_a_role_session(before: list[str], wanted: list[str], command: str, expected: list[str]) -> None:
    """One that is there stays unless another is asked for."""
    assert session_args(before, wanted, command) == expected


@pytest.mark.parametrize(("server", "expected"), rows(__file__, "test_tunnels"))
def test_tunnels(server: str, expected: bool) -> None:
    assert is_tunnel(server) is expected
