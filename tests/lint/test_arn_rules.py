"""Principals of a mappings file: each flaw at its place, and what is right left alone."""

from __future__ import annotations

import pytest

from tests.lint.mapped import ADMIN, DEV, ROLES, located, only, places

WAY_IN = "the admin certificate was not examined"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            "nonsense",
            "4:14 IAM010 'nonsense' is no ARN of a role or user: it does not begin with 'arn:'; write it as in",
        ),
        ("arn:aws:iam::111122223333:instance-profile/Dev", "4:14 IAM010 'arn:aws:iam::111122223333:instance-profile/"),
        ("arn:aws:iam::111122223333:role/Dev/", "4:14 IAM010 arn:aws:iam::111122223333:role/Dev/ would never match"),
        ("arn:aws:iam::111122223333:role", "4:14 IAM010 arn:aws:iam::111122223333:role would never match: it names no"),
        (f"'{DEV} '", f"4:14 IAM010 '{DEV} ' would never match: blanks and control characters count; write {DEV}"),
        (
            "arn:aws:iam::111122223333:role/team/Dev",
            "4:14 IAM050 arn:aws:iam::111122223333:role/team/Dev would never match: STS leaves the path of a role ou",
        ),
        ("arn:aws:iam::111122223333:role/Dev*", "4:14 IAM051 'arn:aws:iam::111122223333:role/Dev*' would never match"),
        ("arn:aws:iam::*:role/Dev", "4:14 IAM051 "),
        ("arn:aws-moon:iam::111122223333:role/Dev", "4:14 IAM052 "),
        ("arn:aws:iam::1111222233334:role/Dev", "4:14 IAM053 the account '1111222233334' of arn:aws:iam::11112222333"),
        ("arn:aws:iam:::role/Dev", "4:14 IAM053 the account '' of"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/ann", "4:14 IAM055 "),
        ("arn:aws:iam::111122223333:root", "4:14 IAM056 arn:aws:iam::111122223333:root is the root user"),
        ("arn:aws:sts::111122223333:federated-user/ann", "4:14 IAM056 "),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_one_flaw(arn: str, expected: str, newline: str) -> None:
    text = ROLES + f"  - roleARN: {arn}\n    username: dev\n    groups: [dev]\n"
    assert only(text.replace("\n", newline)).startswith(expected)


@pytest.mark.parametrize(
    "arn",
    [
        DEV,
        "arn:aws:iam::111122223333:user/team/Ann",  # users keep their path
        "arn:aws:iam::111122223333:role/Dev_1+=,.@-",
        "arn:aws-us-gov:iam::111122223333:role/Dev",
        "arn:aws:iam::012345678901:role/Dev",
    ],
)
def test_what_is_right_is_left_alone(arn: str) -> None:
    version = {"daemonVersion": "v0.7.9"}  # which takes tokens of every amazonaws.com
    assert places(ROLES + f"  - {{RoleArn: '{arn}', username: dev, groups: [dev]}}\n", **version) == []


def test_capitals_are_the_matter_of_releases_that_read_an_arn_as_it_is_written() -> None:
    text = ROLES + "  - {roleARN: 'arn:aws:IAM::111122223333:Role/Dev', username: dev, groups: [dev]}\n"
    assert places(text, daemonVersion="v0.6.20") == []
    assert places(text, daemonVersion="v0.7.9") == ["4:15 IAM022"]


def test_an_admin_who_is_locked_out_is_told_of_the_other_door() -> None:
    (finding,) = places(ROLES.replace("role/Admin", "role/team/Admin"))
    assert finding == "3:15 IAM050"
    assert WAY_IN in only(ROLES.replace("role/Admin", "role/team/Admin"))
    assert WAY_IN not in only(ROLES + "  - {roleARN: 'arn:aws:iam::1:role/Dev', username: dev, groups: [dev]}\n")


def test_an_entry_without_an_arn() -> None:
    assert only(ROLES + "  - username: dev\n    groups: [dev]\n").startswith("4:5 IAM010 the entry has no roleARN, so")
    assert only(ROLES + "  - username: dev\n    roleARN:\n    groups: [dev]\n").startswith("5:13 IAM010 ")
    assert only(ROLES + "  mapUsers:\n  - username: ann\n").startswith("5:5 IAM010 the entry has no userARN")


def test_duplicates() -> None:
    text = (
        f"server:\n  mapRoles:\n  - {{roleARN: '{DEV}', username: a, groups: ['system:masters']}}\n"
        f"  - {{roleARN: '{DEV.upper()}', username: a, groups: [b]}}\n"
        f"  mapUsers:\n  - {{userARN: '{DEV.lower()}', username: a, groups: [b]}}\n"
        "  mapAccounts: ['444455556666', '444455556666']\n"
    )
    # From v0.6.30 on the daemon ends at an ARN in capitals.
    assert places(text, image="x:v0.6.20") == ["4:15 IAM011", "6:15 IAM011", "7:17 IAM074", "7:33 IAM011"]
    assert f"the last entry wins, and the first one's groups are lost; {WAY_IN}" in only(
        ADMIN.join(["server:\n  mapRoles:\n", "  - {roleARN: 'arn:aws:iam::111122223333:role/ADMIN', username: a}\n"])
    )


def test_a_session_is_a_duplicate_of_its_role() -> None:
    session = (
        "  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/Admin/ann', username: ann, groups: ['system:masters']}\n"
    )
    assert places(ROLES + session) == ["4:15 IAM011", "4:15 IAM055"]


def test_sso_duplicates() -> None:
    entry = "  - {sso: {accountID: '111122223333', permissionSetName: %s}, username: dev, groups: [dev]}\n"
    gate = {"daemonVersion": "v0.7.9", "featureGates": {"SSORoleMatch": True}}
    assert places(ROLES + entry % "Dev" + entry % "dev", **gate) == ["5:11 IAM011"]


def role(arn: str, groups: str = "[dev]") -> str:
    return f"  - {{roleARN: '{arn}', username: dev, groups: {groups}}}\n"


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        (role(DEV) + role("arn:aws:iam::111122223333:role/team/Dev"), 4),
        (role("arn:aws:iam::111122223333:role/team/Dev") + role(DEV), 5),
        (role("arn:aws:iam::111122223333:role/team/Dev") + role("arn:aws:iam::111122223333:role/x/dev"), 4),
        (role(f"{DEV} ") + role("arn:aws:iam::111122223333:role:Dev"), 4),
    ],
)
def test_what_would_be_mapped_twice_afterwards_is_joined(entries: str, line: int) -> None:
    said = [each.finding.remedy for each in located(ROLES + entries)]
    joined = [each for each in said if each.endswith("add the groups there, and remove this")]
    assert len(joined) == 1
    assert f"is mapped in line {line} already: " in joined[0]


def test_an_unknown_partition_is_that_of_the_others() -> None:
    wrong = role("arn:aws-china:iam::111122223333:role/Dev")
    assert only(ROLES + wrong).endswith(f"; write {DEV}")
    assert only(wrong.join(["server:\n  mapRoles:\n", ""])).endswith(
        "; did you mean arn:aws-cn:iam::111122223333:role/Dev?"
    )
    assert only(ROLES + role("arn:aws-moon:iam::111122223333:role/Dev")).endswith(f"; write {DEV}")
