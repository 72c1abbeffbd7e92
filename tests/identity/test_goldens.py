"""Recordings of real daemons: who a caller becomes, and whether the process starts."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.identity import Authenticator, Identity, whois
from tests.support import golden_json

MAPPING = golden_json("authenticator", "mapping.json")
STARTUP = golden_json("authenticator", "startup.json")
VERSIONS = ["v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9", "v0.7.18"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", MAPPING["cases"], ids=lambda case: case["id"])
def test_who_a_caller_becomes(case: dict[str, Any], version: str) -> None:
    caller, expected = case["caller"], case["expected"][version]
    answer = whois(
        MAPPING["configs"][case["config"]],
        Identity(caller["arn"], caller["account"], caller["userid"], caller["access_key_id"]),
        version=version,
        cluster_id=case["cluster_id"],
        args=case["args"],
        files=case["files"],
        private_dns_names=MAPPING["fake_ec2_instances"],
    )
    assert answer.started is expected.get("started", True)
    assert answer.authenticated is expected.get("authenticated", False)
    assert answer.username == expected.get("username")
    assert answer.groups == expected.get("groups")
    assert answer.uid == expected.get("uid")
    assert answer.extra == expected.get("extra")
    assert answer.reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", STARTUP, ids=lambda case: case["id"])
def test_whether_the_process_starts(case: dict[str, Any], version: str) -> None:
    loaded = Authenticator.load(case["config"], version=version, args=case["args"], filename=case["filename"])
    assert (loaded.failure is None) is case["started"][version]
