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


def assert_as_whois_says(stage: Stage, version: str, command: str, *names: str) -> None:
    """Everybody who is mapped, or these, and that nobody else gets in."""
    for name in names or MAPPED:
        login = stage.login(name, "--exec", command)
        assert (login.username, login.groups) == expected(stage, name, version), login.refused
    assert "Unauthorized" in stage.login("unmapped", "--exec", command).refused
    assert stage.sts.asked[-1] == PRINCIPALS["unmapped"].arn


@skews(CURRENT, TARMAKS, also=(TARMAKS_WITH_A_NEW_KUBECTL,), daemons=components.OLD_DAEMONS[:1])
def test_everybody_becomes_who_whois_says(stage: Stage, version: str) -> None:
    """And what RBAC then allows them; the audit log shows who has logged in, of v0.4.0 by the username alone."""
    stage.home.map(MAPPINGS)
    written, log = stage.plane.directory / "audit.log", stage.home.state / "audit.log"
    with stage.daemon(version):
        assert_as_whois_says(stage, version, "aws-iam-authenticator")
        start = written.stat().st_size
        assert stage.kubectl_as("admin", "get", "nodes").code == 0
        for name in ("user", "twice", "account"):
            assert "Forbidden" in stage.kubectl_as(name, "get", "nodes").err
        assert "Unauthorized" in stage.kubectl_as("unmapped", "get", "nodes").err
    log.write_bytes(written.read_bytes()[start:])
    (cluster,) = json.loads(stage.home.run("report", "--audit-log", log, "-o", "json"))["clusters"]
    logins = {each["principal"].rpartition("/")[2]: each["logins"]["requests"] for each in cluster["principals"]}
    assert (logins["Admin"] >= 1, logins["Bob"] >= 1, logins["Deployer"]) == (True, True, 0)
    assert (cluster["auditLog"]["unreadable"], cluster["auditLog"]["unexplained"]) == (0, [])


@skews(TARMAKS, daemons=(components.DAEMONS[-1], components.OLD_DAEMONS[-1]))
def test_newer_releases_on_an_old_kubernetes(stage: Stage, version: str) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(version):
        assert_as_whois_says(stage, version, "aws-iam-authenticator")


@MOSTLY_ON_CURRENT
def test_every_other_command_that_makes_tokens(stage: Stage, version: str) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(version):
        assert_as_whois_says(stage, version, "tarmak-iam")
        if shutil.which("aws") is None:
            pytest.skip("the AWS CLI is not installed")
        assert_as_whois_says(stage, version, "aws", "admin", "user")


def test_the_admin_certificate_logs_in_without_a_daemon(stage: Stage) -> None:
    stage.home.map(MAPPINGS)
    done = json.loads(stage.live("verify", "--admin", "-o", "json").out)
    method = "SelfSubjectReview" if stage.plane.knows_whoami else "SelfSubjectAccessReview"
    assert (done["ok"], done["method"]) == (True, method)
    assert "; it last logged in on " in stage.home.run("report")
    (stage.home.kubeconfig.parent / "tarmak-iam.admin-login.json").unlink()
