"""A finding about one entry says so if the daemon does not start because of it: then nobody can log in."""

from __future__ import annotations

import pytest

from tarmak_iam.lint.rule_run import added_findings
from tests.lint.mapped import ROLES, only, report

NEW = "example.com/x:v0.7.18"
OLD = "example.com/x:v0.4.0"
NO_ARN = "'5' is not the ARN of a role or user: it does not begin with 'arn:'"
NO_ACCOUNT = "the account '[111122223333]' is not 12 digits, so it never matches"
NO_SSO = "authenticator v0.5.9 does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
NO_CERTIFICATE = "the admin certificate was not examined"


@pytest.mark.parametrize(
    ("text", "image", "expected"),
    [
        (
            "  - {roleARN: 5, username: x}\n",
            NEW,
            f"4:15 IAM010 {NO_ARN}; authenticator v0.7.18 does not start; {NO_CERTIFICATE}; use the form ",
        ),
        ("  - {roleARN: 5, username: x}\n", OLD, f"4:15 IAM010 {NO_ARN}; use the form "),  # which it skips
        (
            "  mapAccounts: [[111122223333]]\n",
            OLD,
            f"4:17 IAM053 {NO_ACCOUNT}; authenticator v0.4.0 does not start; {NO_CERTIFICATE}; compare it with ",
        ),
        (
            "  - sso: {accountID: '111122223333', permissionSetName: D}\n    username: x\n",
            "example.com/x:v0.5.9",
            f"4:10 IAM082 {NO_SSO}; authenticator v0.5.9 does not start; {NO_CERTIFICATE}; use a newer image, ",
        ),
    ],
)
def test_the_finding_of_one_entry_says_that_nobody_can_log_in(text: str, image: str, expected: str) -> None:
    assert only(ROLES + text, image=image).startswith(expected)


def test_what_the_cause_says_itself_is_not_added() -> None:
    """Two causes of one stop, and one says so."""
    text = only(ROLES + "  ec2DescribeInstancesRoleARN: nonsense\n", image=NEW)
    assert text.count("does not start") == 1
    run = report(ROLES + "  - {roleARN: 5, username: x}\n", image=NEW)
    assert [each.finding.id for each in run.findings] == ["IAM010"]


def test_the_entry_that_stops_it_next_is_not_a_new_finding() -> None:
    """The consequence is that of the first of several entries."""
    first, next_one = (f"  - {{roleARN: {text}, username: x}}\n" for text in ("5", "nonsense"))
    before, after = (report(ROLES + text, image=NEW).findings for text in (first + next_one, next_one))
    assert ["does not start" in str(each) for each in before] == [True, False]
    assert ["does not start" in str(each) for each in after] == [True]
    assert list(added_findings(before, after)) == []
