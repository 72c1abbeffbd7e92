"""Roles of IAM Identity Center and service-linked roles, by ARN and by permission set."""

from __future__ import annotations

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity import Authenticator, Identity
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ROLES, SSO, only, places

HEAD = "arn:aws:iam::111122223333:role/"
WHOLE = "AWSReservedSSO_Dev_0123456789abcdef"
NO_CERTIFICATE = "the admin certificate was not examined"
CALLER = Identity(f"arn:aws:sts::111122223333:assumed-role/{WHOLE}/ann", "111122223333", "AROA:ann")


def by_arn(arn: str, group: str = "dev") -> str:
    return f"  - {{roleARN: '{arn}', username: dev, groups: ['{group}']}}\n"


def by_set(name: str, group: str = "dev", more: str = "") -> str:
    sso = f"{{accountID: '111122223333', permissionSetName: '{name}'{more}}}"
    return f"  - {{sso: {sso}, username: dev, groups: ['{group}']}}\n"


@pytest.mark.parametrize(
    "name",
    [
        "AWSReservedSSO_Dev",
        "AWSReservedSSO_Dev_",
        "awsreservedsso_dev",
        "AWSReservedSSO_Dev_0123456789abcde",
        "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev",
        "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev",
    ],
)
def test_a_role_without_its_digits(name: str) -> None:
    assert places(ROLES + by_arn(HEAD + name)) == ["4:15 IAM120"]
    alone = only("server:\n  mapRoles:\n" + by_arn(HEAD + name, "system:masters"))
    assert alone.startswith(f"3:15 IAM120 {HEAD}{name} never matches: a role of IAM Identity Center is named AWS")
    assert NO_CERTIFICATE in alone


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("AWSReservedSSO_Dev", "Dev"),
        ("AWSReservedSSO_Dev_*", "Dev"),
        ("AWSReservedSSO_Dev_0123456789abcdef", "Dev"),
        ("Dev_0123456789abcdef", "Dev"),
    ],
)
def test_a_role_in_the_place_of_a_permission_set(name: str, written: str) -> None:
    """The remedy lets in whoever has the permission set."""
    text = "clusterID: dev-cluster\n" + ROLES + by_set(name, "system:masters")
    found = [each for each in places(text, **SSO) if not each.endswith("IAM022")]
    assert found == ["5:58 IAM120"]
    args = ["--feature-gates=SSORoleMatch=true"]
    assert not Authenticator.load(text, version="v0.7.9", args=args).whois(CALLER).authenticated
    mended = text.replace(name, written)
    assert places(mended, **SSO) == []
    assert Authenticator.load(mended, version="v0.7.9", args=args).whois(CALLER).groups == ["system:masters"]


def test_what_is_said_of_it() -> None:
    assert only(ROLES + by_set("AWSReservedSSO_Dev", "system:masters"), **SSO) == (
        "4:58 IAM120 'AWSReservedSSO_Dev' is the name of a role, not of a permission set: the entry never "
        f'matches; {NO_CERTIFICATE}; write "Dev"'
    )
    assert only(ROLES + by_set("AWSReservedSSO_"), **SSO).endswith("; write the name of the permission set")


def test_the_names_that_are_right() -> None:
    assert places(ROLES + by_arn(HEAD + WHOLE)) == []
    assert places(ROLES + by_set("Dev"), **SSO) == []
    assert places(ROLES + by_set("Dev_2024"), **SSO) == []


def test_nobody_has_a_grant_by_such_a_name() -> None:
    text = "clusterID: c\n" + ROLES + by_arn(f"{HEAD}AWSReservedSSO_Dev") + by_arn(f"{HEAD}AWSServiceRoleForX")
    loaded = Authenticator.load(
        text + by_set("AWSReservedSSO_X"), version="v0.7.9", args=["--feature-gates=SSORoleMatch=true"]
    )
    assert [each.principal for each in loaded.grants] == [f"{HEAD}Admin"]


@pytest.mark.parametrize(
    "name",
    ["aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "AWSServiceRoleForAutoScaling"],
)
def test_a_service_linked_role(name: str) -> None:
    assert only(ROLES + by_arn(HEAD + name)) == (
        f"4:15 IAM121 {HEAD}{name} never matches: only its AWS service can assume a service-linked role; map the "
        "role that people or instances assume, or remove the entry"
    )
    assert NO_CERTIFICATE in only("server:\n  mapRoles:\n" + by_arn(HEAD + name, "system:masters"))


@pytest.mark.parametrize("principal", [f"{HEAD}AWSReservedSSO_Dev", "sso:111122223333/AWSReservedSSO_Dev"])
def test_map_add_refuses_them(principal: str) -> None:
    with pytest.raises(ConfigError):
        Mappings.parse(ROLES).add(principal, "dev", ["dev"])


def test_map_add_names_the_permission_set() -> None:
    with pytest.raises(
        ConfigError, match=r"is the name of a role, not of a permission set; write sso:111122223333/Dev$"
    ):
        Mappings.parse(ROLES).add("sso:111122223333/AWSReservedSSO_Dev", "dev", ["dev"])


def test_the_partition_of_an_sso_entry() -> None:
    assert only(ROLES + by_set("Dev", more=", partition: aws"), **SSO).endswith("; remove the partition")
    assert places(ROLES + by_set("Dev", more=", partition: aws-cn"), **SSO) == ["4:76 IAM077"]
    assert only(ROLES + by_set("Dev", more=", partition: aws-cn"), **SSO).endswith(
        "; map the role AWSReservedSSO_Dev_... of aws-cn by its ARN: SSO entries work in aws only"
    )
