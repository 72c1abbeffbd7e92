"""Whom a login can be verified as, and in which order they are named."""

from __future__ import annotations

from tarmak_iam.hook.login.verify import Candidate, advice, candidates
from tests.support.installations import installation

ROLE = "arn:aws:iam::111122223333:role"
MIXED = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: {ROLE}/Node, username: "system:node:{{{{EC2PrivateDNSName}}}}", groups: [system:nodes]}}
  - {{roleARN: {ROLE}/Instance, username: "{{{{EC2PrivateDNSName}}}}", groups: [system:masters]}}
  - {{roleARN: {ROLE}/Reader, username: reader, groups: [readers]}}
  - {{roleARN: {ROLE}/AWSReservedSSO_Admin_0123456789abcdef, username: sso, groups: [system:masters]}}
  - {{roleARN: {ROLE}/Admin, username: admin, groups: [system:masters]}}
  mapUsers:
  - {{userARN: "arn:aws:iam::111122223333:user/Bob", username: bob, groups: [readers]}}
  mapAccounts: ["444455556666"]
"""


def test_roles_that_can_be_assumed_come_first_and_of_those_the_admins() -> None:
    assert candidates(installation(mappings=MIXED)) == (
        Candidate(f"{ROLE}/Admin", f"{ROLE}/Admin"),
        Candidate(f"{ROLE}/Reader", f"{ROLE}/Reader"),
        Candidate(f"{ROLE}/AWSReservedSSO_Admin_0123456789abcdef"),
        Candidate("arn:aws:iam::111122223333:user/Bob"),
        Candidate("every other principal of account 444455556666"),
    )


def test_an_sso_entry_is_named_as_people_write_it() -> None:
    mappings = """\
clusterID: dev-cluster
server:
  mapRoles:
  - {sso: {permissionSetName: Admin, accountID: "111122223333"}, username: sso, groups: [system:masters]}
"""
    found = candidates(installation(mappings=mappings, featureGates={"SSORoleMatch": True}))
    assert found == (Candidate("sso:111122223333/Admin"),)


def test_without_a_mappings_file() -> None:
    assert candidates(installation(mappings=None)) == ()


def test_what_to_do() -> None:
    some = tuple(map(Candidate, "abcde"))
    assert advice(()) == "no mapping can be used for a verification"
    assert advice(some[:1]) == "verify as a, with --role ARN or AWS_PROFILE"
    assert advice(some[:3]) == "verify as one of: a, b, c, with --role ARN or AWS_PROFILE"
    assert advice(some) == "verify as one of: a, b, c or 2 more, with --role ARN or AWS_PROFILE"
