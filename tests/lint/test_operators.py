"""Correct configurations have no finding, and give the access that they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Identity
from tests.lint.operator_cases import CASES, access_of, copied, grants_of, installations
from tests.support import Shell

# Correct, and reported all the same.


@pytest.mark.sample(24)
@pytest.mark.parametrize("case", CASES)
def test_check_has_no_finding(case: str, tmp_path: Path, shell: Shell) -> None:
    directory = copied(case, tmp_path)
    found = shell.run("-c", directory, "check", "--all-clusters", code=None)
    assert found.out == ""
    assert found.code == 0
    assert json.loads(shell.run("-c", directory, "check", "--all-clusters", "-o", "json").out) == []


@pytest.mark.sample(36)
@pytest.mark.parametrize("case", CASES)
def test_access_is_what_the_case_says(case: str, tmp_path: Path) -> None:
    made, access = installations(copied(case, tmp_path)), access_of(case)
    assert {name: grants_of(each.loaded) for name, each in made.items()} == access.grants
    for cluster, arn, username, groups in access.callers:
        answer = made[cluster].loaded.whois(_caller(arn))
        assert (answer.username, answer.groups or []) == (username, groups), arn


@pytest.mark.sample(24)
@pytest.mark.parametrize("case", CASES)
def test_the_daemon_gets_the_same(case: str, tmp_path: Path) -> None:
    """`delivery` refuses what would come to something else; its configuration is what the pods have."""
    for name, each in installations(copied(case, tmp_path)).items():
        config = each.payloads.config
        if "MountedFile" in each.settings.backends:
            loaded = Authenticator.load(
                config, version=str(each.daemon_version), cluster_id=name, args=each.daemon.of_file.args
            )
            assert grants_of(loaded) == access_of(case).grants[name]


def _caller(arn: str) -> Identity:
    account, session = arn.split(":")[4], arn.rpartition("/")[2]
    is_session = ":assumed-role/" in arn
    return Identity(arn, account, f"AROAEXAMPLE:{session}" if is_session else "AIDAEXAMPLE", "ASIAEXAMPLE")
