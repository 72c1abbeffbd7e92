"""A login through everything: kubeconfig, token, API server, webhook, daemon, STS; as `whois` says."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.e2e import components
from tests.e2e.conftest import (
    CURRENT,
    MOSTLY_ON_CURRENT,
    ON_BOTH,
    PRINCIPALS,
    TARMAKS,
    TARMAKS_WITH_A_NEW_KUBECTL,
    Stage,
    skews,
)

MAPPINGS = """\
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin   # admins
    username: "admin:{{SessionName}}"
    groups: ["system:masters"]
  - roleARN: arn:aws:iam::111122223333:role/Deployer
    username: deployer
    groups: [deployers, "it's: \\"odd\\" #1"]
  - {roleARN: "arn:aws:iam::111122223333:role/Twice", username: first, groups: ["system:masters"]}
  - {roleARN: "arn:aws:iam::111122223333:role/twice", username: second, groups: [readers]}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/team/Bob", username: bob, groups: [readers]}
  mapAccounts: ["444455556666"]
"""
MAPPED = ("admin", "path", "twice", "user", "account")
pytestmark = ON_BOTH


def expected(stage: Stage, name: str, version: str) -> tuple[str, tuple[str, ...]]:
    who = PRINCIPALS[name]
    args = ("whois", who.arn, "--user-id", who.user_id, "-o", "json", "--daemon-version", version)
    answer = json.loads(stage.home.run(*args))
    return answer["username"], (*(answer["groups"] or ()), "system:authenticated")


@skews(CURRENT, TARMAKS, also=(TARMAKS_WITH_A_NEW_KUBECTL,), daemons=(*components.OLD_DAEMONS, components.DAEMONS[-1]))
def test_everybody_becomes_who_whois_says_and_nobody_else_gets_in(stage: Stage, version: str) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(version):
        for name in MAPPED:
            login = stage.login(name, "--exec", "aws-iam-authenticator")
            assert (login.username, login.groups) == expected(stage, name, version), login.refused
        assert "Unauthorized" in stage.login("unmapped").refused
    assert stage.sts.asked[-1] == PRINCIPALS["unmapped"].arn


@MOSTLY_ON_CURRENT
@pytest.mark.parametrize("command", ["tarmak-iam", "aws"])
def test_every_other_command_that_makes_tokens(stage: Stage, command: str, version: str) -> None:
    if command == "aws" and shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not installed")
    stage.home.map(MAPPINGS)
    with stage.daemon(version):
        for name in MAPPED:
            login = stage.login(name, "--exec", command)
            assert (login.username, login.groups) == expected(stage, name, version), login.refused
        assert "Unauthorized" in stage.login("unmapped", "--exec", command).refused


def test_rbac_lets_the_admin_in_and_the_others_not(stage: Stage, version: str) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(version):
        assert stage.kubectl_as("admin", "get", "nodes").code == 0
        for name in ("user", "path", "twice", "account"):
            assert "Forbidden" in stage.kubectl_as(name, "get", "nodes").err
        assert "Unauthorized" in stage.kubectl_as("unmapped", "get", "nodes").err


@skews(CURRENT, TARMAKS, daemons=(components.OLD_DAEMONS[0], components.DAEMONS[-1]))
def test_who_has_logged_in_by_the_audit_log(stage: Stage, version: str) -> None:
    """Releases that log the ARN, and v0.4.0, of which the username is all that is known."""
    stage.home.map(MAPPINGS)
    written, log = stage.plane.directory / "audit.log", stage.home.state / "audit.log"
    start = written.stat().st_size
    with stage.daemon(version):
        for name in ("admin", "user"):
            stage.kubectl_as(name, "get", "configmaps")
    log.write_bytes(written.read_bytes()[start:])
    review = json.loads(stage.home.run("report", "--audit-log", log, "-o", "json"))
    (cluster,) = review["clusters"]
    logins = {each["principal"].rpartition("/")[2]: each["logins"] for each in cluster["principals"]}
    assert (logins["Admin"]["requests"] >= 1, logins["Bob"]["requests"] >= 1, logins["Deployer"]["requests"]) == (
        True,
        True,
        0,
    )
    assert (cluster["auditLog"]["unreadable"], cluster["auditLog"]["unexplained"]) == (0, [])


def test_the_admin_certificate_logs_in_without_a_daemon(stage: Stage) -> None:
    stage.home.map(MAPPINGS)
    done = json.loads(stage.live("verify", "--admin", "-o", "json").out)
    method = "SelfSubjectReview" if stage.plane.knows_whoami else "SelfSubjectAccessReview"
    assert (done["ok"], done["method"]) == (True, method)
    assert "; it last logged in on " in stage.home.run("report")
    (stage.home.kubeconfig.parent / "tarmak-iam.admin-login.json").unlink()
