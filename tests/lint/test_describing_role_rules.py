"""The role that the daemon describes instances with, on what it may be and on what keeps STS from assuming it."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.authenticator import whois
from tarmak_iam.identity.caller import identity_of
from tests.lint.mapped import CONFIG, ROLES, located, only, places, report

GOOD = "arn:aws:iam::111122223333:role/Describe"
CHINA = CONFIG + "environments:\n- metadata: {name: dev}\n  location: cn-north-1\n"
EUROPE = CHINA.replace("cn-north-1", "eu-west-1")


def mappings(value: str) -> str:
    return f"{ROLES}  ec2DescribeInstancesRoleARN: {value}\n"


@pytest.mark.parametrize("value", [GOOD, GOOD.replace("Describe", "team/ops/Describe"), f'"{GOOD}"', "", "''", "~"])
def test_a_role_that_can_be_assumed(value: str) -> None:
    assert places(mappings(value)) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("arn:aws:iam::11112222333:role/Describe", "an account must have 12 digits"),
        ("'arn:aws:iam:::role/Describe'", "an account must have 12 digits"),
        ("arn:aws:iam::111122223333:role/*", "it has a wildcard, and STS assumes one role"),
        ("arn:aws:iam::111122223333:role/team/D?", "it has a wildcard, and STS assumes one role"),
        ("arn:aws:iam::111122223333:user/Describe", "it is a user"),
        ("arn:aws:iam::111122223333:root", "it is a root"),
        ("arn:aws:sts::111122223333:assumed-role/Describe/me", "it is a session of a role"),
        ("arn:aws:iam::111122223333:role/", "it names no role"),
        ("arn:aws:iam::111122223333:role/Des cribe", "no role has such an ARN"),
        ("arn:aws:iam:eu-west-1:111122223333:role/Describe", "no role has such an ARN"),
        ("arn:aws:iam::111122223333:instance-profile/Describe", "'instance-profile/Describe' is no role, user or root"),
        ("arn:aws:ec2::111122223333:role/Describe", "the service is 'ec2', not iam or sts"),
        ("arn:aws-mars:iam::111122223333:role/Describe", "the partition 'aws-mars' is not known"),
        ("'arn:aws:iam::111122223333:role/Describe '", "it has blanks or control characters"),
    ],
)
@pytest.mark.parametrize("version", ["v0.4.0", "v0.5.9", "v0.7.18"])
def test_a_role_that_cannot(value: str, reason: str, version: str) -> None:
    text = value.strip("'")
    found = only(mappings(value), image=f"example.com/x:{version}")
    assert found.startswith(
        f"4:32 IAM109 server.ec2DescribeInstancesRoleARN is '{text}', not the ARN of a role: {reason};"
    )
    assert "would not start" not in found
    assert found.endswith(
        "write one such as arn:aws:iam::111122223333:role/NAME, or remove the key: Tarmak's masters may describe "
        "instances themselves"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Describe", "it does not begin with 'arn:'"),
        ("111122223333", "it does not begin with 'arn:'"),
        ("arn:aws:iam::role/Describe", "it has fewer than six sections"),
        ("' arn:aws:iam::111122223333:role/Describe'", "it has blanks or control characters"),
    ],
)
def test_what_is_no_arn_ends_all_but_the_oldest(value: str, reason: str) -> None:
    for version in ("v0.4.0", "v0.5.0", "v0.6.20", "v0.7.18"):
        found = only(mappings(value), image=f"example.com/x:{version}")
        assert f"not the ARN of a role: {reason}" in found
        started = whois(f"clusterID: a\n{mappings(value)}", identity_of(GOOD), version).started
        assert started == ("would not start" not in found) == (version == "v0.4.0")


def test_a_value_that_is_no_text_is_ignored() -> None:
    for value, kind in (("[a]", "list"), ("{a: b}", "mapping")):
        found = only(mappings(value))
        assert f"is a {kind}, which the authenticator ignores; write one" in found
        assert whois(f"clusterID: a\n{mappings(value)}", identity_of(GOOD)).started


def test_another_partition() -> None:
    for config, expected in ((CONFIG, []), (EUROPE, []), (CHINA, ["IAM109"])):
        found = [each.finding for each in report(mappings(GOOD), config).findings if each.finding.id == "IAM109"]
        assert [each.id for each in found] == expected
    assert "the partition is 'aws', and the cluster's is 'aws-cn'; write one such as arn:aws-cn:iam::" in found[0].text


def test_a_comment_leaves_the_daemon_that_does_not_start() -> None:
    ignored = mappings("nonsense # tarmak-iam: ignore[IAM109] for now")
    assert [each.finding.id for each in located(ignored)] == ["IAM022"]
