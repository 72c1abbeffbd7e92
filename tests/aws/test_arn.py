"""Roles that AWS makes, by their names."""

from __future__ import annotations

import pytest

from tarmak_iam.aws.arn import (
    Principal,
    canonicalize,
    claims_sso_role,
    is_role_name,
    is_sso_role,
    parse_arn,
    permission_set_like,
    permission_set_of,
    with_plain_account,
)

WHOLE = "AWSReservedSSO_Dev_Ops_0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "claims", "whole"),
    [
        (WHOLE, True, "Dev_Ops"),
        (WHOLE.upper(), True, "DEV_OPS"),
        ("AWSReservedSSO_Dev", True, ""),
        ("AWSReservedSSO_Dev_", True, ""),
        ("AWSReservedSSO_0123456789abcdef", True, ""),
        ("AWSReservedSSO_Dev_0123456789abcdeg", True, ""),
        ("AWSReservedSSO-Dev", True, ""),
        ("MyAWSReservedSSO_Dev", False, ""),
    ],
)
def test_a_role_of_identity_center(name: str, claims: bool, whole: str) -> None:
    assert claims_sso_role(name) is claims
    assert (is_sso_role(name), permission_set_of(name)) == (bool(whole), whole)


@pytest.mark.parametrize(
    ("text", "permission_set"),
    [
        ("Dev", "Dev"),
        ("AWSReservedSSO_Dev", "Dev"),
        ("AWSReservedSSO_Dev_", "Dev"),
        ("AWSReservedSSO_Dev_*", "Dev"),
        ("AWSReservedSSO_Dev_0123456789abcdef", "Dev"),
        ("AWSReservedSSO_Dev_0123456789abcde", "Dev"),
        ("Dev_0123456789abcdef", "Dev"),
        ("Dev_2024", "Dev_2024"),
        ("AWSReservedSSO_", ""),
    ],
)
def test_the_permission_set_that_is_meant(text: str, permission_set: str) -> None:
    assert permission_set_like(text) == permission_set


def test_a_role_in_the_place_of_its_permission_set() -> None:
    assert is_role_name("AWSReservedSSO_Dev")
    assert is_role_name("Dev_0123456789abcdef")
    assert not is_role_name("Dev_0123456789")


@pytest.mark.parametrize(
    ("text", "kind", "canonical"),
    [
        ("arn:aws:iam::111122223333:role/a:b", Principal.ROLE, "arn:aws:iam::111122223333:role/a:b"),
        ("arn:aws:iam::111122223333:user/a:b:c/d", Principal.USER, "arn:aws:iam::111122223333:user/a:b:c/d"),
        (
            "arn:aws:sts::111122223333:assumed-role/a:b/s:t",
            Principal.ASSUMED_ROLE,
            "arn:aws:iam::111122223333:role/a:b",
        ),
        (
            "arn:aws:sts::111122223333:federated-user/a:b",
            Principal.FEDERATED_USER,
            "arn:aws:sts::111122223333:federated-user/a:b",
        ),
    ],
)
def test_colons_are_part_of_the_resource(text: str, kind: Principal, canonical: str) -> None:
    """The sixth section of an ARN is all that is left."""
    assert parse_arn(text).resource == text.removeprefix("arn:aws:").split("::111122223333:")[1]
    assert canonicalize(text) == (kind, canonical)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("1111-2222-3333", "111122223333"),
        ("sso:1111-2222-3333/Admin", "sso:111122223333/Admin"),
        ("SSO:1111-2222-3333/Admin", "SSO:111122223333/Admin"),
        ("arn:aws:iam::1111-2222-3333:role/Admin", "arn:aws:iam::111122223333:role/Admin"),
        ("arn:aws:sts::1111-2222-3333:assumed-role/Admin/al", "arn:aws:sts::111122223333:assumed-role/Admin/al"),
        ("arn:aws:iam::1111-2222-3333:root", "arn:aws:iam::111122223333:root"),
        ("arn:aws:iam::111122223333:role/1111-2222-3333", "arn:aws:iam::111122223333:role/1111-2222-3333"),
        ("111122223333", "111122223333"),
        ("11112-222-3333", "11112-222-3333"),
        ("1111-2222-33334", "1111-2222-33334"),
        ("", ""),
    ],
)
def test_an_account_as_the_console_shows_it(typed: str, plain: str) -> None:
    assert with_plain_account(typed) == plain
