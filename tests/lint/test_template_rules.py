"""Templates in usernames and groups, and who could become more than was meant by them."""

from __future__ import annotations

import pytest

from tests.lint.mapped import DEV, ROLES, SSO, only, places, report

USER = "arn:aws:iam::111122223333:user/Ann"
NODE = (
    "  - roleARN: arn:aws:iam::111122223333:role/Node\n    username: system:node:{{EC2PrivateDNSName}}\n"
    "    groups: ['system:bootstrappers', 'system:nodes']\n"
)


def entry(username: str, groups: str = "[dev]", arn: str = DEV) -> str:
    return f"  - roleARN: {arn}\n    username: '{username}'\n    groups: {groups}\n"


def test_a_sensible_file_has_no_findings() -> None:
    assert places(ROLES + NODE + entry("dev:{{SessionName}}") + entry("ops", "[ops]", DEV + "Ops")) == []


@pytest.mark.parametrize(
    ("username", "meant"),
    [
        ("dev:{{ SessionName }}", "{{SessionName}}?"),
        ("dev:{{sessionname}}", "{{SessionName}}?"),
        ("dev:{{.SessionName}}", "{{SessionName}}?"),
        ("dev:{{SessionName}", "{{SessionName}}?"),
        ("dev:{SessionName}", "{{SessionName}}?"),
        ("dev:${SessionName}", "{{SessionName}}?"),
        ("dev:{{{SessionName}}}", "{{SessionName}}?"),
        ("dev:{{SesionName}}", "{{SessionName}}?"),
        ("dev:{{Session}}", "{{SessionName}}?"),
        ("dev:{{Account}}", "{{AccountID}}?"),
        ("dev:{{SessionNameraw}}", "{{SessionNameRaw}}?"),
        ("dev:{{PrivateDNSName}}", "{{EC2PrivateDNSName}}?"),
        ("dev:{{Team}}", "{{SessionNameRaw}}, {{AccessKeyID}}, {{EC2PrivateDNSName}}"),
        ("dev:{{", "{{SessionNameRaw}}, {{AccessKeyID}}, {{EC2PrivateDNSName}}"),
    ],
)
def test_an_unknown_template(username: str, meant: str) -> None:
    found = only(ROLES + entry(username))
    assert found.startswith("5:15 IAM065 the authenticator knows no template {") or username.startswith("dev:$")
    assert found.endswith(meant)


def test_an_unknown_template_in_a_group() -> None:
    assert places(ROLES + entry("dev", "[dev, 'team-{{Team}}', 'x-{{Team}}']")) == ["6:19 IAM065", "6:36 IAM065"]


@pytest.mark.parametrize(
    "username", ["dev", "dev:{{AccountID}}:{{SessionName}}", "dev:{{SessionName}}{{AccessKeyID}}", "a}"]
)
def test_templates_that_are_known(username: str) -> None:
    assert places(ROLES + entry(username)) == []


OTHER = NODE.replace("111122223333:role/Node", "444455556666:role/Node")
DESCRIBE = "  ec2DescribeInstancesRoleARN: arn:aws:iam::444455556666:role/team/Describe\n"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (NODE, []),
        (NODE + NODE.replace("role/Node", "role/Other"), []),
        (OTHER, []),  # the account of the masters is not in tarmak.yaml
        (NODE + OTHER, ["8:15 IAM066"]),
        (NODE + OTHER + OTHER.replace("Node", "Third"), ["8:15 IAM066", "11:15 IAM066"]),
        (NODE + entry("dev:{{SessionName}}", arn="arn:aws:iam::444455556666:role/Dev"), []),
        (NODE + DESCRIBE.replace("444455556666", "111122223333"), []),
        (NODE + DESCRIBE, ["5:15 IAM066"]),
        (OTHER + DESCRIBE, []),
        (NODE + OTHER + DESCRIBE, ["5:15 IAM066"]),
        (NODE + entry("ops", "['x:{{EC2PrivateDNSName}}']", "arn:aws:iam::444455556666:role/Ops"), ["9:14 IAM067"]),
    ],
)
def test_instances_of_another_account(rest: str, expected: list[str]) -> None:
    assert places(ROLES + rest) == expected


def test_what_to_do_about_instances_of_another_account() -> None:
    assert only(ROLES + NODE + OTHER) == (
        "8:15 IAM066 {{EC2PrivateDNSName}} is used for instances of the accounts 111122223333 and 444455556666, "
        "and the authenticator finds those of one account only; remove the entry of the account that the masters are "
        "not in: its instances cannot log in"
    )
    assert only(ROLES + NODE + DESCRIBE) == (
        "5:15 IAM066 {{EC2PrivateDNSName}} is looked up with arn:aws:iam::444455556666:role/team/Describe, which finds "
        "no instance of account 111122223333: nobody can log in by this entry; write a role of account 111122223333 in "
        "server.ec2DescribeInstancesRoleARN"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            entry("dev", "[dev, 'host:{{EC2PrivateDNSName}}']"),
            "6:19 IAM067 {{EC2PrivateDNSName}} refuses everyone whose",
        ),
        (
            entry("{{EC2PrivateDNSName}}", "['system:masters']"),
            "5:15 IAM067 {{EC2PrivateDNSName}} refuses everyone who",
        ),
        (
            entry("n:{{EC2PrivateDNSName}}", "[a]", USER),
            "5:15 IAM067 {{EC2PrivateDNSName}} needs a session named by an",
        ),
    ],
)
def test_only_instances_get_in(entries: str, expected: str) -> None:
    assert only(ROLES + entries).startswith(expected)


def test_a_user_has_no_session() -> None:
    assert only(ROLES + entry("u:{{SessionName}}", "[dev]", USER)).startswith(
        "5:15 IAM068 a user has no session name, so the username is 'u:'; write the username itself, as in Ann"
    )
    assert places(ROLES + entry("ann", "['{{SessionNameRaw}}']", USER)) == ["6:14 IAM068"]


@pytest.mark.parametrize(
    ("version", "username", "arn", "expected"),
    [
        ("v0.4.0", "dev:{{SessionName}}", DEV, []),
        ("v0.4.0", "dev:{{SessionNameRaw}}", DEV, ["5:15 IAM080"]),
        ("v0.5.0", "dev:{{SessionNameRaw}}", DEV, []),
        ("v0.5.1", "dev:{{AccessKeyID}}", DEV, ["5:15 IAM080"]),
        ("v0.5.2", "dev:{{AccessKeyID}}", DEV, []),
    ],
)
def test_a_template_that_is_newer_than_the_daemon(version: str, username: str, arn: str, expected: list[str]) -> None:
    assert places(ROLES + entry(username, arn=arn), daemonVersion=version) == expected


@pytest.mark.parametrize(
    ("username", "first"), [("dev:{{SessionNameRaw}}", "v0.5.0"), ("dev:{{AccessKeyID}}", "v0.5.2")]
)
def test_the_release_that_a_template_needs(username: str, first: str) -> None:
    found = only(ROLES + entry(username), image="example.com/x:v0.4.0")
    assert found.endswith(f"; choose an image of {first} or later, or leave the template out")
    assert places(ROLES + entry(username), image=f"example.com/x:{first}") == []


def test_the_oldest_daemon_leaves_templates_of_users_alone() -> None:
    text = ROLES + f"  mapUsers:\n  - {{userARN: '{USER}', username: 'u:{{{{AccountID}}}}', groups: [dev]}}\n"
    assert places(text, daemonVersion="v0.4.0") == ["5:63 IAM080"]
    assert places(text, daemonVersion="v0.5.0") == []


@pytest.mark.parametrize(
    ("username", "groups", "expected"),
    [
        ("{{SessionName}}", "[dev]", ["5:15 IAM070"]),
        ("{{SessionNameRaw}}", "[dev]", ["5:15 IAM070"]),
        ("{{SessionName}}@example.com", "[dev]", ["5:15 IAM070"]),
        ("{{SessionName}}", "['system:masters']", ["5:15 IAM070"]),
        ("admin:{{SessionName}}", "['system:masters']", ["5:15 IAM070"]),
        ("admin:{{SessionName}}", "[dev]", []),
        ("{{AccountID}}:{{SessionName}}", "[dev]", []),
        ("system:node:{{SessionName}}", "['system:nodes']", ["5:15 IAM071"]),
        ("system:{{SessionNameRaw}}", "[dev]", ["5:15 IAM071"]),
        ("eks:{{SessionName}}", "[dev]", ["5:15 IAM071"]),
        ("dev", "['team:{{SessionName}}']", ["6:14 IAM072"]),
        ("dev", "['system:{{SessionName}}']", ["6:14 IAM072"]),
        ("system:admin", "[dev]", ["5:15 IAM073"]),
        ("eks:admin", "[dev]", ["5:15 IAM073"]),
        ("system:node:ip-10-0-0-1.ec2.internal", "['system:nodes']", ["5:15 IAM073"]),
        ("systemd", "[dev]", []),
    ],
)
def test_who_could_become_more(username: str, groups: str, expected: list[str]) -> None:
    assert places(ROLES + entry(username, groups)) == expected


def test_identity_center_names_its_sessions_itself() -> None:
    role = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef"
    sso = "  - {sso: {permissionSetName: Ops, accountID: '111122223333'}, username: 'o:{{SessionName}}', groups: %s}\n"
    named = ROLES + entry("admin:{{SessionName}}", "['system:masters']", role) + sso % "['system:masters']"
    assert places(named, **SSO) == []
    assert places(ROLES + entry("{{SessionName}}", "['system:masters']", role)) == ["5:15 IAM070"]


def test_the_words_of_a_hole() -> None:
    hole = only(ROLES + entry("dev", "['system:{{SessionName}}']"))
    assert hole.startswith(
        "6:14 IAM072 the group 'system:{{SessionName}}' is system:masters for a session named masters:"
    )
    node = only(ROLES + entry("system:node:{{SessionName}}"))
    assert 'write "system:node:{{EC2PrivateDNSName}}" for nodes, and leave system: out for people' in node


def test_everyone_of_an_account_once() -> None:
    assert places(ROLES + "  mapAccounts: ['444455556666', 555566667777]\n") == ["4:17 IAM074", "4:33 IAM074"]
    assert places(ROLES + "  mapAccounts: 444455556666,555566667777\n") == ["4:16 IAM074", "4:16 IAM074"]


def test_no_admin() -> None:
    text = f"server:\n  mapRoles:\n  - {{roleARN: '{DEV}', username: dev, groups: [dev]}}\n"
    assert only(text) == (
        "2:3 IAM084 nobody gets system:masters: no one could mend the cluster by IAM; the admin certificate was "
        "not examined; map an admin role: tarmak-iam map add ARN --username NAME --group system:masters"
    )
    assert places("server: {mapAccounts: ['444455556666']}\n") == ["1:10 IAM084", "1:24 IAM074"]
    assert places("server: {mapRoles: []}\n") == []
    assert report(text).suppressed == ()


def test_who_may_be_an_admin_is_one() -> None:
    """By the name of a session, which a user has not; or by the key that the daemon takes at random."""
    chosen = "  - {{{kind}ARN: '{arn}', username: dev, groups: ['system:{{{{SessionName}}}}']}}\n"
    assert places("server:\n  mapRoles:\n" + chosen.format(kind="role", arn=DEV)) == ["3:77 IAM072"]
    of_user = "server:\n  mapUsers:\n" + chosen.format(kind="user", arn=USER)
    assert places(of_user) == ["2:3 IAM084", "3:77 IAM068"]
    by_chance = (
        f"server:\n  mapRoles:\n  - roleARN: {DEV}\n    username: dev\n    Groups: ['system:masters']\n"
        "    GROUPS: [dev]  # tarmak-iam: ignore[IAM059] somebody has to look into it\n"
    )
    assert places(by_chance) == []


def test_no_admin_is_not_told_beside_its_cause() -> None:
    typo = ROLES.replace("system:masters", "system:master")
    assert places(typo) == ["3:81 IAM064"]
    assert places(ROLES.replace("groups", "group")) == ["3:72 IAM057"]
    assert places(ROLES.replace("aws:iam", "aws-cn:iam")) == ["3:15 IAM023"]
    assert places(ROLES.replace("role/Admin", "role/*")) == ["3:15 IAM051"]
