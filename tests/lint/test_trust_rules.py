"""What the trust policies of the mapped roles make of findings, and a role that anybody can assume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tarmak_iam.aws.trust_files import RolePolicy, TrustPolicies
from tarmak_iam.lint import Subjects, examine
from tarmak_iam.lint.trust_rules import trust_lines
from tarmak_iam.mappings.mappings_file import Mappings

ROOT = "arn:aws:iam::111122223333:root"
BOUND = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
CHOSEN = "the caller sets the session name when it assumes the role"


def subjects(username: str, groups: str = "[dev]", comment: str = "", **policies: Any) -> Subjects:
    text = (
        "server:\n  mapRoles:\n"
        "  - {roleARN: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}\n"
        f"  - roleARN: arn:aws:iam::111122223333:role/Dev\n    username: '{username}'{comment}\n    groups: {groups}\n"
    )
    written = tuple(RolePolicy("111122223333", name, policy, f"{name}.json") for name, policy in policies.items())
    return replace(Subjects(mappings=Mappings.parse(text, "m.yaml")), trust_policies=TrustPolicies(written))


def policy(condition: Any = None, principal: str = ROOT) -> Any:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition or {}}]}


def found(given: Subjects) -> list[str]:
    return [f"{located.finding.id} {located.finding.message}" for located in examine(given).findings]


NO_NAME = "statement 1 has no condition on sts:RoleSessionName"
NOT_MODELLED = "statement 1: StringEquals sts:RoleSessionName"


@pytest.mark.parametrize(
    ("policies", "consequences"),
    [
        ({"Dev": policy(BOUND)}, []),
        ({"Dev": policy()}, [f"its trust policy (Dev.json) does not set it: {NO_NAME}"]),
        (
            {"Dev": policy({"StringEquals": {"sts:RoleSessionName": "ann"}})},
            [f"whether its trust policy (Dev.json) sets it is not evaluated: {NOT_MODELLED}"],
        ),
        ({}, ["whether its trust policy sets it is not evaluated: no file has the trust policy of this role"]),
    ],
    ids=["bound", "chosen", "not evaluated", "no policy"],
)
def test_a_username_that_the_caller_chooses(policies: dict[str, Any], consequences: list[str]) -> None:
    chooses = f"IAM070 the username '{{{{SessionName}}}}' lets the caller use any name: {CHOSEN}"
    assert found(subjects("{{SessionName}}", **policies)) == [f"{chooses}; {text}" for text in consequences]


@pytest.mark.parametrize(
    ("rule", "username", "groups"),
    [("IAM071", "system:node:{{SessionName}}", "[dev]"), ("IAM072", "dev", "['{{SessionName}}']")],
)
def test_a_reserved_username_and_a_group_stay_findings(rule: str, username: str, groups: str) -> None:
    (message,) = found(subjects(username, groups, Dev=policy(BOUND)))
    assert message.startswith(f"{rule} ")
    assert message.endswith(f"{CHOSEN}; its trust policy (Dev.json) sets the session name to ${{aws:username}}")


def test_a_comment_that_is_needed_without_the_policy_is_not_unused() -> None:
    given = subjects("{{SessionName}}", comment="  # tarmak-iam: ignore[IAM070] the policy", Dev=policy(BOUND))
    assert found(given) == []


def test_a_role_that_anybody_can_assume() -> None:
    organization = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    given = subjects("dev:{{SessionName}}", Dev=policy(principal="*"), Admin=policy(organization, "*"))
    role = "arn:aws:iam::111122223333:role/{0}"
    what = f"IAM133 anybody with an AWS account {{1}} assume {role}: its trust policy in {{0}}.json allows *"
    assert found(given) == [
        f"{what.format('Admin', 'may be able to')} (not evaluated: statement 1: StringEquals aws:PrincipalOrgID)",
        what.format("Dev", "can"),
    ]


def test_the_lines_of_roles() -> None:
    given = subjects("dev:{{SessionName}}", Dev=policy(BOUND))
    without, line = trust_lines(given.trusted)
    role = "arn:aws:iam::111122223333:role/"
    assert without == f"{role}Admin: trusts not evaluated: no file has the trust policy of this role"
    assert line.startswith(f"{role}Dev: trusts {ROOT}: everybody in account 111122223333 whose own policies allow ")
    assert "; session bound to ${aws:username}; MFA not required: statement 1; external ID " in line
    assert list(trust_lines(replace(given, trust_policies=None).trusted)) == []
