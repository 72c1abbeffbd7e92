"""Accounts of a mappings file: digits that are missing, and zeros that YAML takes away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.authenticator import Authenticator
from tests.lint.mapped import ROLES, SSO, located, only, places

COMPARE = "compare it with the account ID that `aws sts get-caller-identity` prints"
ENDS = "so the daemon does not start, and nobody gets access; the admin certificate was not examined"


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (
            "mapAccounts: [012345678901]",
            (
                "4:17 IAM054 the account 012345678901 is read as the number 12345678901, so it matches nobody; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: [012345670123]",
            (
                "4:17 IAM054 the account 012345670123 is read as the number 1402433619, so it matches nobody; "
                'put it in quotes: "012345670123"'
            ),
        ),
        (
            "mapAccounts: [0123_4567_8901]",
            (
                "4:17 IAM054 the account 0123_4567_8901 is read as the number 12345678901, so it matches nobody; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: 012345678901",
            (
                "4:16 IAM054 the account 012345678901 is read as the number 12345678901, so it matches nobody; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: [12345678901]",
            (
                "4:17 IAM054 the account '12345678901' has 11 digits, so it matches nobody; as a number it "
                "probably lost "
                f'its leading zero; one digit is missing: {COMPARE}; if it begins with a zero, write "012345678901"'
            ),
        ),
        (
            "mapAccounts: ['12345678901']",
            (
                f"4:17 IAM053 the account '12345678901' has 11 digits, not 12, so it matches nobody; one digit "
                f"is missing: "
                f"{COMPARE}"
            ),
        ),
        (
            "mapAccounts: [1234567890]",
            (
                "4:17 IAM053 the account '1234567890' has 10 digits, not 12, so it matches nobody; 2 digits are "
                "missing: "
                f"{COMPARE}"
            ),
        ),
        (
            "mapAccounts: ['1111-2222-3333']",
            "4:17 IAM053 the account '1111-2222-3333' is not 12 digits, so it matches nobody; write \"111122223333\"",
        ),
        (
            "mapAccounts: ['1111222233334']",
            (
                "4:17 IAM053 the account '1111222233334' has 13 digits, not 12, so it matches nobody; one digit is too "
                f"many: {COMPARE}"
            ),
        ),
        (
            "mapAccounts: [all]",
            f"4:17 IAM053 the account 'all' is not 12 digits, so it matches nobody; {COMPARE}",
        ),
        (
            "scrubbedAccounts: [012345678901]",
            (
                "4:22 IAM054 the scrubbed account 012345678901 is read as the number 12345678901, so it matches "
                "nobody; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "scrubbedAccounts: '111122223333,444455556666'",
            (
                "4:21 IAM053 the scrubbed account '111122223333,444455556666' is not 12 digits, so it matches nobody; "
                'write a list: ["111122223333", "444455556666"]'
            ),
        ),
    ],
)
def test_accounts(server: str, expected: str) -> None:
    assert only(ROLES + f"  {server}\n") == expected


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (
            "12345678901",
            (
                "4:14 IAM053 the account '12345678901' of arn:aws:iam::12345678901:role/Dev has 11 digits, not "
                "12, so it "
                f"matches nobody; one digit is missing: {COMPARE}"
            ),
        ),
        (
            "1111-2222-3333",
            (
                "4:14 IAM053 the account '1111-2222-3333' of arn:aws:iam::1111-2222-3333:role/Dev is not 12 "
                "digits, so it "
                "matches nobody; write arn:aws:iam::111122223333:role/Dev"
            ),
        ),
        (
            "",
            f"4:14 IAM053 the account '' of arn:aws:iam:::role/Dev is not 12 digits, so it matches nobody; {COMPARE}",
        ),
    ],
)
def test_the_account_of_an_arn(account: str, expected: str) -> None:
    entry = f"  - roleARN: arn:aws:iam::{account}:role/Dev\n    username: dev\n    groups: [dev]\n"
    assert only(ROLES + entry) == expected


def test_several_accounts_in_one_text() -> None:
    found = located(ROLES + "  mapAccounts: '111122223333, 4444'\n", image="x:v0.6.20")
    assert [each.finding.text for each in found if each.finding.id == "IAM053"] == [
        (
            "the account ' 4444' is not 12 digits, so it matches nobody; "
            "write the accounts as a list, each with its 12 digits in quotes"
        )
    ]


@given(st.text("0123456789", min_size=1, max_size=14))
def test_only_a_number_is_said_to_have_lost_its_zero(digits: str) -> None:
    """In quotes, and in an ARN, a digit is missing, and no one knows which."""
    quoted = ROLES + f'  mapAccounts: ["{digits}"]\n'
    arn = ROLES + f"  - {{roleARN: 'arn:aws:iam::{digits}:role/Dev', username: dev, groups: [dev]}}\n"
    assert places(quoted) == (["4:17 IAM074"] if len(digits) == 12 else ["4:17 IAM053"])
    assert places(arn) == ([] if len(digits) == 12 else ["4:15 IAM053"])
    assert len(digits) == 12 or "zero" not in only(quoted) + only(arn)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (
            "012345678901",
            f"IAM054 sso.accountID 012345678901 is read as the number 12345678901, {ENDS}; put it in quotes: ",
        ),
        ("'12345678901'", f"IAM053 sso.accountID '12345678901' has 11 digits, not 12, {ENDS}; one digit is missing: "),
    ],
)
def test_an_account_of_an_sso_entry(account: str, expected: str) -> None:
    entry = f"  - sso: {{accountID: {account}, permissionSetName: Dev}}\n    username: dev\n    groups: [dev]\n"
    found = only(ROLES + entry, **SSO)
    assert found.startswith(f"4:22 {expected}")
    for version in ("v0.5.9", "v0.6.1", "v0.6.20", "v0.6.35", "v0.7.9"):
        made = Authenticator.load("clusterID: dev-cluster\n" + ROLES + entry, version=version)
        assert made.config is None
    written = account.strip("'").rjust(12, "0")
    assert places(ROLES + entry.replace(account, f'"{written}"'), **SSO) == []


def test_an_account_with_dashes_whose_principal_is_mapped_already() -> None:
    entries = [
        f"  - roleARN: arn:aws:iam::{account}:role/Dev\n    username: dev\n    groups: [dev]\n"
        for account in ("1111-2222-3333", "111122223333")
    ]
    assert only(ROLES + "".join(entries)).endswith(
        "arn:aws:iam::111122223333:role/Dev is mapped in line 7 already: add the groups there, and remove this"
    )
