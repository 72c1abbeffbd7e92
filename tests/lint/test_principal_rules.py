"""Rules about AWS principals: ARNs, accounts, and the role that describes instances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.authenticator import Authenticator, whois
from tarmak_iam.identity.caller import identity_of
from tests.lint.mapped import ADMIN, CONFIG, DEV, ROLES, SSO, located, only, places, report

WAY_IN = "the admin certificate was not examined"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            "nonsense",
            "4:14 IAM010 'nonsense' is not the ARN of a role or user: it does not begin with 'arn:'; authenticator",
        ),
        ("arn:aws:iam::111122223333:instance-profile/Dev", "4:14 IAM010 'arn:aws:iam::111122223333:instance-profile/"),
        ("arn:aws:iam::111122223333:role/Dev/", "4:14 IAM010 arn:aws:iam::111122223333:role/Dev/ never matches"),
        ("arn:aws:iam::111122223333:role", "4:14 IAM010 arn:aws:iam::111122223333:role never matches: the name of"),
        (
            f"'{DEV} '",
            f"4:14 IAM010 '{DEV} ' never matches: whitespace and control characters are part of the ARN; write {DEV}",
        ),
        (
            "arn:aws:iam::111122223333:role/team/Dev",
            "4:14 IAM050 arn:aws:iam::111122223333:role/team/Dev never matches: STS omits the path of a role; map",
        ),
        ("arn:aws:iam::111122223333:role/Dev*", "4:14 IAM051 'arn:aws:iam::111122223333:role/Dev*' never matches"),
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
    assert f"only the last entry takes effect, and the groups of the first are lost; {WAY_IN}" in only(
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
    joined = [each for each in said if each.endswith("add the groups there, and remove this entry")]
    assert len(joined) == 1
    assert f"is already mapped in line {line}: " in joined[0]


def test_an_unknown_partition_is_that_of_the_others() -> None:
    wrong = role("arn:aws-china:iam::111122223333:role/Dev")
    assert only(ROLES + wrong).endswith(f"; write {DEV}")
    assert only(wrong.join(["server:\n  mapRoles:\n", ""])).endswith(
        "; the partitions are aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc"
    )
    assert only(ROLES + role("arn:aws-moon:iam::111122223333:role/Dev")).endswith(f"; write {DEV}")


COMPARE = "compare it with the account ID that `aws sts get-caller-identity` prints"
ENDS = (
    "so authenticator v0.5.0 and later does not start, and IAM login is not possible; "
    "the admin certificate was not examined"
)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (
            "mapAccounts: [012345678901]",
            (
                "4:17 IAM054 the account 012345678901 is read as the number 12345678901, so it never matches; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: [012345670123]",
            (
                "4:17 IAM054 the account 012345670123 is read as the number 1402433619, so it never matches; "
                'put it in quotes: "012345670123"'
            ),
        ),
        (
            "mapAccounts: [0123_4567_8901]",
            (
                "4:17 IAM054 the account 0123_4567_8901 is read as the number 12345678901, so it never matches; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: ['1']",
            f"4:17 IAM053 the account '1' has 1 digit, not 12, so it never matches; 11 digits are missing: {COMPARE}",
        ),
        (
            "mapAccounts: 012345678901",
            (
                "4:16 IAM054 the account 012345678901 is read as the number 12345678901, so it never matches; "
                'put it in quotes: "012345678901"'
            ),
        ),
        (
            "mapAccounts: [12345678901]",
            (
                "4:17 IAM054 the account '12345678901' has 11 digits, so it never matches; it probably "
                f"lost its leading zero when it was handled as a number; one digit is missing: {COMPARE}; "
                'if it begins with a zero, write "012345678901"'
            ),
        ),
        (
            "mapAccounts: ['12345678901']",
            (
                f"4:17 IAM053 the account '12345678901' has 11 digits, not 12, so it never matches; one digit "
                f"is missing: {COMPARE}"
            ),
        ),
        (
            "mapAccounts: [1234567890]",
            (
                "4:17 IAM053 the account '1234567890' has 10 digits, not 12, so it never matches; 2 digits are "
                "missing: "
                f"{COMPARE}"
            ),
        ),
        (
            "mapAccounts: ['1111-2222-3333']",
            ("4:17 IAM053 the account '1111-2222-3333' is not 12 digits, so it never matches; write \"111122223333\""),
        ),
        (
            "mapAccounts: ['1111222233334']",
            (
                "4:17 IAM053 the account '1111222233334' has 13 digits, not 12, so it never matches; one digit is "
                f"too many: {COMPARE}"
            ),
        ),
        (
            "mapAccounts: [all]",
            f"4:17 IAM053 the account 'all' is not 12 digits, so it never matches; {COMPARE}",
        ),
        (
            "scrubbedAccounts: [012345678901]",
            (
                "4:22 IAM054 the scrubbed account 012345678901 is read as the number 12345678901, so it never "
                'matches; put it in quotes: "012345678901"'
            ),
        ),
        (
            "scrubbedAccounts: '111122223333,444455556666'",
            (
                "4:21 IAM053 the scrubbed account '111122223333,444455556666' is not 12 digits, so it never "
                'matches; write a list: ["111122223333", "444455556666"]'
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
                f"12, so it never matches; one digit is missing: {COMPARE}"
            ),
        ),
        (
            "1111-2222-3333",
            (
                "4:14 IAM053 the account '1111-2222-3333' of arn:aws:iam::1111-2222-3333:role/Dev is not 12 "
                "digits, so it never matches; write arn:aws:iam::111122223333:role/Dev"
            ),
        ),
        (
            "",
            (f"4:14 IAM053 the account '' of arn:aws:iam:::role/Dev is not 12 digits, so it never matches; {COMPARE}"),
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
            "the account ' 4444' is not 12 digits, so it never matches; "
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
        "arn:aws:iam::111122223333:role/Dev is already mapped in line 7: add the groups there, and remove this entry"
    )


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
        ("arn:aws:iam::111122223333:role/*", "it contains a wildcard, but STS assumes one role"),
        ("arn:aws:iam::111122223333:role/team/D?", "it contains a wildcard, but STS assumes one role"),
        ("arn:aws:iam::111122223333:user/Describe", "it is a user"),
        ("arn:aws:iam::111122223333:root", "it is a root user"),
        ("arn:aws:sts::111122223333:assumed-role/Describe/me", "it is a session of a role"),
        ("arn:aws:iam::111122223333:role/", "it does not name a role"),
        ("arn:aws:iam::111122223333:role/Des cribe", "no role has such an ARN"),
        ("arn:aws:iam:eu-west-1:111122223333:role/Describe", "no role has such an ARN"),
        (
            "arn:aws:iam::111122223333:instance-profile/Describe",
            "'instance-profile/Describe' is not a role, user or root",
        ),
        ("arn:aws:ec2::111122223333:role/Describe", "the service is 'ec2', not iam or sts"),
        ("arn:aws-mars:iam::111122223333:role/Describe", "unknown partition 'aws-mars'"),
        ("'arn:aws:iam::111122223333:role/Describe '", "it contains whitespace or control characters"),
    ],
)
@pytest.mark.parametrize("version", ["v0.4.0", "v0.5.9", "v0.7.18"])
def test_a_role_that_cannot(value: str, reason: str, version: str) -> None:
    text = value.strip("'")
    found = only(mappings(value), image=f"example.com/x:{version}")
    assert found.startswith(
        f"4:32 IAM109 server.ec2DescribeInstancesRoleARN is '{text}', not the ARN of a role: {reason};"
    )
    assert "does not start" not in found
    assert found.endswith(
        "write the ARN of a role, such as arn:aws:iam::111122223333:role/NAME, or remove the key: "
        "Tarmak's masters may describe instances themselves"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Describe", "it does not begin with 'arn:'"),
        ("111122223333", "it does not begin with 'arn:'"),
        ("arn:aws:iam::role/Describe", "it has fewer than six sections"),
        ("' arn:aws:iam::111122223333:role/Describe'", "it contains whitespace or control characters"),
    ],
)
def test_what_is_no_arn_ends_all_but_the_oldest(value: str, reason: str) -> None:
    for version in ("v0.4.0", "v0.5.0", "v0.6.20", "v0.7.18"):
        found = only(mappings(value), image=f"example.com/x:{version}")
        assert f"not the ARN of a role: {reason}" in found
        started = whois(f"clusterID: a\n{mappings(value)}", identity_of(GOOD), version).started
        assert started == ("does not start" not in found) == (version == "v0.4.0")


def test_a_value_that_is_no_text_is_ignored() -> None:
    for value, kind in (("[a]", "list"), ("{a: b}", "YAML mapping")):
        found = only(mappings(value))
        assert f"is a {kind}, which the authenticator ignores; write the ARN of a role" in found
        assert whois(f"clusterID: a\n{mappings(value)}", identity_of(GOOD)).started


def test_another_partition() -> None:
    for config, expected in ((CONFIG, []), (EUROPE, []), (CHINA, ["IAM109"])):
        found = [each.finding for each in report(mappings(GOOD), config).findings if each.finding.id == "IAM109"]
        assert [each.id for each in found] == expected
    assert (
        "it is in partition aws, but the cluster is in partition aws-cn; write the ARN of a role, such as arn:aws-cn:"
        in found[0].text
    )


def test_a_comment_leaves_the_daemon_that_does_not_start() -> None:
    ignored = mappings("nonsense # tarmak-iam: ignore[IAM109] for now")
    assert [each.finding.id for each in located(ignored)] == ["IAM022"]


NODE = "  - {roleARN: 'arn:aws:iam::111122223333:role/Node', username: 'system:node:{{EC2PrivateDNSName}}', %s}\n"
NODES = NODE % "groups: ['system:bootstrappers', 'system:nodes']"


def test_a_burst_with_which_the_authenticator_crashes() -> None:
    for text, expected in (
        (mappings(GOOD).replace(ROLES, ROLES + NODES) + "  ec2DescribeInstancesBurst: 0\n", ["6:30 IAM130"]),
        (mappings(GOOD).replace(ROLES, ROLES + NODES) + "  ec2DescribeInstancesBurst: 1\n", []),
        (mappings(GOOD) + "  ec2DescribeInstancesBurst: 0\n", []),  # nobody makes it ask EC2
        (ROLES + NODES + "  ec2DescribeInstancesBurst: 0\n", []),
    ):
        assert places(text) == expected
        assert places(text, daemonVersion="v0.7.2") == []
    found = only(mappings(GOOD).replace(ROLES, ROLES + NODES) + "  ec2DescribeInstancesBurst: 0\n")
    assert found.startswith(
        "6:30 IAM130 server.ec2DescribeInstancesBurst is 0: the authenticator crashes when it asks EC2, and it does "
        "for entries with {{EC2PrivateDNSName}}; "
    )
    assert found.endswith("; remove the key: the default is 5")


def test_a_source_arn_that_is_not_an_arn() -> None:
    text = mappings(GOOD) + "  sourceARN: nonsense\n"
    assert only(text).startswith(
        "5:14 IAM022 authenticator v0.7.18 does not start: server.sourceARN: 'nonsense' is not a valid ARN: it does not"
    )
    assert only(text).endswith("; remove the key, or set it to the ARN of a cluster")
    assert only(text, daemonVersion="v0.6.25").startswith("5:3 IAM086 authenticator v0.6.25 does not know")
    assert places(ROLES + "  sourceARN: nonsense\n") == []
