"""Whom a person means, and what is said about it."""

from __future__ import annotations

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.mappings.principals import NamedPrincipal, parse_principal, principal_key

WITH_PATH = "arn:aws:iam::111122223333:role/team/Admin"
RESERVED = (
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Ad_min_0123456789abcdef"
)
STRIPPED = "arn:aws:iam::111122223333:role/AWSReservedSSO_Ad_min_0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("arn:aws:iam::111122223333:role/Admin", "role"),
        ("arn:aws:iam::111122223333:user/team/bob", "user"),
        ("arn:aws:iam::111122223333:root", "user"),
        ("111122223333", "account"),
    ],
)
def test_plain_ones(text: str, kind: str) -> None:
    assert parse_principal(text) == NamedPrincipal(kind, text)
    assert str(parse_principal(text)) == text


def test_a_path_goes_on_request_only() -> None:
    with pytest.raises(ConfigError, match=r"map arn:aws:iam::111122223333:role/Admin instead .*, or use --strip-path$"):
        parse_principal(WITH_PATH)
    why = "STS omits the path of a role, so the entry matches every role of that name in the account, whatever its path"
    stripped = "arn:aws:iam::111122223333:role/Admin"
    told = f"{WITH_PATH} is mapped as {stripped}: {why}"
    assert parse_principal(WITH_PATH, strip_path=True) == NamedPrincipal("role", stripped, (told,))
    user = "arn:aws:iam::111122223333:user/team/bob"
    assert parse_principal(user, strip_path=True).text == user


def test_a_role_of_identity_center() -> None:
    found = parse_principal(RESERVED)
    assert (found.kind, found.text) == ("role", STRIPPED)
    assert [note.partition(": ")[0] for note in found.notes[:1]] == [f"{RESERVED} is mapped as {STRIPPED}"]
    suffix = (
        "the suffix 0123456789abcdef changes if all assignments of the permission set in the account are removed and "
        "a new one is created; the entry never matches again then; "
        "sso:111122223333/Ad_min does not need it, with authenticator v0.6.30 or later"
    )
    assert found.notes[1:] == (suffix,)
    assert parse_principal(STRIPPED).notes == (suffix,)


def test_a_permission_set() -> None:
    found = parse_principal("SSO:111122223333/Admin")
    assert (found.kind, found.text, str(found), found.key) == (
        "sso",
        "111122223333/Admin",
        "sso:111122223333/Admin",
        "sso:111122223333/admin",
    )
    assert found.partition == "aws"
    assert "whose name begins with Admin_" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sso:Admin", "'sso:Admin' does not name a permission set; use the form sso:111122223333/Admin"),
        ("sso:111122223333/", "does not name a permission set"),
        ("sso:1234/Admin", "the account '1234' of sso:1234/Admin must have 12 digits; check the account"),
        (
            "sso:1111-2222-3333/Admin",
            (
                "the account '1111-2222-3333' of sso:1111-2222-3333/Admin must have 12 digits; "
                "write sso:111122223333/Admin"
            ),
        ),
        ("1111-2222-3333", "'1111-2222-3333' is not a valid account ID; write \"111122223333\""),
        ("sso:111122223333/a b", "'a b' is not a valid name of a permission set; use up to 32 letters"),
        ("sso:111122223333/" + "x" * 33, "is not a valid name of a permission set"),
        (
            "111122223333/Admin",
            "'111122223333/Admin' is not an ARN; write sso:111122223333/Admin for the permission set",
        ),
        (
            "11112222333",
            "'11112222333' is not a valid account ID; write all 12 digits; in YAML, put an account with a leading",
        ),
        (
            "sso:111122223333/AWSReservedSSO_Dev",
            "is the name of a role, not of a permission set; write sso:111122223333/Dev",
        ),
        ("arn:aws:iam::111122223333:role/AWSReservedSSO_Dev", "a role of IAM Identity Center is named AWSReservedSSO_"),
        ("", "is not the ARN of a role or user"),
    ],
)
def test_what_names_nobody(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_principal(text)
    assert message in str(caught.value)


def test_keys() -> None:
    assert principal_key("arn:aws:sts::111122223333:assumed-role/Dev/x") == principal_key(
        "arn:aws:iam::111122223333:role/DEV"
    )
    assert principal_key("arn:aws:iam::111122223333:role/Dev") != principal_key("arn:aws:iam::111122223333:user/Dev")
    assert principal_key("012345678901") == "012345678901"
