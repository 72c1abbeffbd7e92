"""Roles that AWS makes, by their names."""

from __future__ import annotations

import pytest

from tarmak_iam.aws.arn import (
    canonicalize,
    claims_sso_role,
    is_role_name,
    is_sso_role,
    parse_arn,
    permission_set_like,
    permission_set_of,
    with_plain_account,
)
from tests.support.tables import rows


@pytest.mark.parametrize(("name", "claims", "whole"), rows(__file__, "test_a_role_of_identity_center"))
def test_a_role_of_identity_center(name: str, claims: bool, whole: str) -> None:
    assert claims_sso_role(name) is claims
    assert (is_sso_role(name), permission_set_of(name)) == (bool(whole), whole)


@pytest.mark.parametrize(("text", "permission_set"), rows(__file__, "test_the_permission_set_that_is_meant"))
def test_the_permission_set_that_is_meant(text: str, permission_set: str) -> None:
    assert permission_set_like(text) == permission_set


def test_a_role_in_the_place_of_its_permission_set() -> None:
    assert is_role_name("AWSReservedSSO_Dev")
    assert is_role_name("Dev_0123456789abcdef")
    assert not is_role_name("Dev_0123456789")


@pytest.mark.parametrize(("text", "kind", "canonical"), rows(__file__, "test_colons_are_part_of_the_resource"))
def test_colons_are_part_of_the_resource(text: str, kind: str, canonical: str) -> None:
    """The sixth section of an ARN is all that is left."""
    assert parse_arn(text).resource == text.removeprefix("arn:aws:").split("::111122223333:")[1]
    assert canonicalize(text) == (kind, canonical)


@pytest.mark.parametrize(("typed", "plain"), rows(__file__, "test_an_account_as_the_console_shows_it"))
def test_an_account_as_the_console_shows_it(typed: str, plain: str) -> None:
    assert with_plain_account(typed) == plain
