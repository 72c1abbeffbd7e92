"""Usernames and groups as texts: what copying and editing leave in them, and templates."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tarmak_iam.identity import Authenticator, Identity
from tests.lint.mapped import DEV, ROLES, SSO, located, only, places, report

NO_CERTIFICATE = "the admin certificate was not examined"
STOPS = f"authenticator v0.7.18 does not start; {NO_CERTIFICATE}"


def entry(username: str = "dev", groups: Sequence[str] = ("dev",), arn: str = DEV) -> str:
    """Strings of JSON are strings of YAML."""
    names = f"    username: {json.dumps(username)}\n    groups: {json.dumps(list(groups))}\n"
    return f"  - roleARN: {json.dumps(arn)}\n{names}"


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (
            "dev\u200b",
            "IAM122 the group 'dev\\u200b' contains invisible characters, which are part of the name; write \"dev\"",
        ),
        (
            "\u201cdev\u201d",
            "IAM122 the group '\u201cdev\u201d' contains quotes or brackets, which are part of the name; write \"dev\"",
        ),
        ("[dev]", "IAM122 the group '[dev]' contains quotes or brackets, which are part of the name; write \"dev\""),
        (
            "d\u0435v",
            "IAM124 the group 'd\\u0435v' contains letters that look like other letters, which are part of the name",
        ),
        (
            "dev\u2013ops",
            "IAM124 the group 'dev\\u2013ops' contains letters that look like other letters, which are part of the",
        ),
        ("dev.", "IAM127 the group 'dev.' begins or ends with a punctuation mark, probably by mistake; write \"dev\""),
        (":dev", "IAM127 the group ':dev' begins or ends with a punctuation mark, probably by mistake; write \"dev\""),
        ("<group>", "IAM123 the group '<group>' contains the placeholder <group>; replace <group> with the real name"),
        ("$TEAM", "IAM123 the group '$TEAM' contains the placeholder $TEAM; replace $TEAM with the real name"),
        ('""', "IAM122 the group '\"\"' contains quotes or brackets, which are part of the name; remove it"),
        (
            "system:masters\u200b",
            (
                f"IAM122 the group 'system:masters\\u200b' contains invisible characters, which are part of the name; "
                f'{NO_CERTIFICATE}; write "system:masters"'
            ),
        ),
        (
            "\u0455ystem:masters",
            (
                f"IAM124 the group '\\u0455ystem:masters' contains letters that look like other letters, which are "
                f'part of the name; {NO_CERTIFICATE}; write "system:masters"'
            ),
        ),
        (
            "system:masters.",
            (
                f"IAM127 the group 'system:masters.' begins or ends with a punctuation mark, probably by mistake; "
                f'{NO_CERTIFICATE}; write "system:masters"'
            ),
        ),
    ],
)
def test_a_group(group: str, said: str) -> None:
    assert only(ROLES + entry(groups=[group])).startswith(f"6:14 {said}")


@pytest.mark.parametrize(
    ("username", "said"),
    [
        ("'ann'", "IAM122 the username ''ann'' contains quotes or brackets, which are part of the name; write \"ann\""),
        (
            "ann\u00a0smith",
            "IAM122 the username 'ann\\xa0smith' contains invisible characters, which are part of the name",
        ),
        (
            "\u0430nn",
            "IAM124 the username '\\u0430nn' contains letters that look like other letters, which are part of the",
        ),
        ("ann,", "IAM127 the username 'ann,' begins or ends with a punctuation mark, probably by mistake; write \"ann"),
        (",", "IAM127 the username ',' begins or ends with a punctuation mark, probably by mistake; set a username"),
        ("dev:<name>", "IAM123 the username 'dev:<name>' contains the placeholder <name>; replace <name> with the"),
    ],
)
def test_a_username(username: str, said: str) -> None:
    found = only(ROLES + entry(username, groups=["system:masters"]))
    assert found.startswith(f"5:15 {said}")
    assert NO_CERTIFICATE not in found  # the name of an admin locks nobody out


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (f"{DEV},", f"IAM127 {DEV}, ends with a punctuation mark, probably by mistake; write {DEV}"),
        (f"{DEV}.", f"IAM127 {DEV}. ends with a punctuation mark, probably by mistake; write {DEV}"),
        (
            "arn:aws:iam::111122223333:role/ROLE_NAME",
            "IAM123 arn:aws:iam::111122223333:role/ROLE_NAME contains the placeholder ROLE_NAME; replace ROLE_NAME",
        ),
        (
            f"'{DEV}'",
            f"IAM010 ''{DEV}'' is not the ARN of a role or user: it does not begin with 'arn:'; {STOPS}; write {DEV}",
        ),
    ],
)
def test_an_arn(arn: str, said: str) -> None:
    assert only(ROLES + entry(arn=arn)).startswith(f"4:14 {said}")
    assert NO_CERTIFICATE in only(ROLES + entry("admin", ["system:masters"], arn))


@pytest.mark.parametrize(
    "name",
    [
        "m\u00fcller",
        "O\u2019Brien",
        "Ann Smith",
        "\u5c71\u7530 \u592a\u90ce",
        "Dev\u041e\u043f\u0441",
        "\u0434\u0435\u0432",
        "oidc:dev",
        "/dev",
        "a.b-c_d",
    ],
)
def test_names_of_people_and_teams(name: str) -> None:
    assert places(ROLES + entry(name, [name])) == []


def test_one_finding_for_one_text() -> None:
    assert places(ROLES + entry(groups=['"dev\u200b" '])) == ["6:14 IAM078"]
    assert only(ROLES + entry(groups=['"dev\u200b" '])).endswith('; write "dev"')
    assert places(ROLES + entry(groups=["<dev>"])) == ["6:14 IAM123"]


def test_what_is_left_when_the_name_is_written_anew_is_there_from_the_start() -> None:
    assert places(ROLES + entry("'system:dev'")) == ["5:15 IAM073", "5:15 IAM122"]
    assert places(ROLES + entry(groups=["'cluster-admin'"])) == ["6:14 IAM122", "6:14 IAM125"]
    assert places(ROLES + entry(groups=["'system:master'"])) == ["6:14 IAM064", "6:14 IAM122"]


def test_an_only_admin_is_lost_by_a_trace_and_found_again_without() -> None:
    caller = Identity("arn:aws:sts::111122223333:assumed-role/Dev/ann", "111122223333", "AROA:ann")
    for group in ("system:masters\u200b", "'system:masters'", "system:m\u0430sters", "system:masters;"):
        text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + entry("admin", [group])
        (found,) = located(text)
        assert Authenticator.load(text).whois(caller).groups == [group]
        written = found.finding.remedy.rpartition("[")[2].strip("]").removeprefix("write ").strip('"')
        fixed = text.replace(json.dumps(group), json.dumps(written))
        assert Authenticator.load(fixed).whois(caller).groups == ["system:masters"]
        assert located(fixed) == []


def test_the_username_of_masters_is_no_admin() -> None:
    """What is said of a username does not keep the finding about admins back."""
    text = "server:\n  mapRoles:\n" + entry("system:m\u0430sters")
    assert places(text) == ["2:3 IAM084", "4:15 IAM073", "4:15 IAM124"]


def test_a_username_on_two_lines() -> None:
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n      ops\n    groups: [dev]\n"
    assert only(text) == (
        "5:15 IAM078 the username 'dev ops' continues on the next line, and the line break becomes a space; write "
        "it on one line"
    )
    assert places(text.replace("dev\n      ops", "dev ops")) == []


def test_a_permission_set() -> None:
    text = ROLES + "  - {sso: {accountID: '111122223333', permissionSetName: 'Dev.'}, username: dev, groups: [dev]}\n"
    assert only(text, **SSO) == (
        "4:58 IAM127 the permission set 'Dev.' ends with a punctuation mark, probably by mistake; write \"Dev\""
    )
    assert places(text.replace("Dev.", "Dev"), **SSO) == []


def test_a_wildcard_in_a_group() -> None:
    assert only(ROLES + entry(groups=["dev-*"])) == (
        "6:14 IAM128 the group 'dev-*' contains a wildcard, but RBAC compares group names literally; write each "
        "group by its full name"
    )
    assert places(ROLES + entry(groups=["dev-?"])) == []


USER = "arn:aws:iam::111122223333:user/Ann"
NODE = (
    "  - roleARN: arn:aws:iam::111122223333:role/Node\n    username: system:node:{{EC2PrivateDNSName}}\n"
    "    groups: ['system:bootstrappers', 'system:nodes']\n"
)


def named(username: str, groups: str = "[dev]", arn: str = DEV) -> str:
    return f"  - roleARN: {arn}\n    username: '{username}'\n    groups: {groups}\n"


def test_a_sensible_file_has_no_findings() -> None:
    assert places(ROLES + NODE + named("dev:{{SessionName}}") + named("ops", "[ops]", DEV + "Ops")) == []


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
    found = only(ROLES + named(username))
    assert found.startswith("5:15 IAM065 the authenticator does not know the template {") or "$" in username
    assert found.endswith(meant)


def test_an_unknown_template_in_a_group() -> None:
    assert places(ROLES + named("dev", "[dev, 'team-{{Team}}', 'x-{{Team}}']")) == ["6:19 IAM065", "6:36 IAM065"]


@pytest.mark.parametrize(
    "username", ["dev", "dev:{{AccountID}}:{{SessionName}}", "dev:{{SessionName}}{{AccessKeyID}}", "a}"]
)
def test_templates_that_are_known(username: str) -> None:
    assert places(ROLES + named(username)) == []


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
        (NODE + named("dev:{{SessionName}}", arn="arn:aws:iam::444455556666:role/Dev"), []),
        (NODE + DESCRIBE.replace("444455556666", "111122223333"), []),
        (NODE + DESCRIBE, ["5:15 IAM066"]),
        (OTHER + DESCRIBE, []),
        (NODE + OTHER + DESCRIBE, ["5:15 IAM066"]),
        (NODE + named("ops", "['x:{{EC2PrivateDNSName}}']", "arn:aws:iam::444455556666:role/Ops"), ["9:14 IAM067"]),
    ],
)
def test_instances_of_another_account(rest: str, expected: list[str]) -> None:
    assert places(ROLES + rest) == expected


def test_what_to_do_about_instances_of_another_account() -> None:
    assert only(ROLES + NODE + OTHER) == (
        "8:15 IAM066 {{EC2PrivateDNSName}} is used for instances of accounts 111122223333 and 444455556666, but the "
        "authenticator finds the instances of one account only; remove the entry for the account that the masters "
        "are not in: its instances cannot log in"
    )
    assert only(ROLES + NODE + DESCRIBE) == (
        "5:15 IAM066 {{EC2PrivateDNSName}} is looked up with arn:aws:iam::444455556666:role/team/Describe, which finds "
        "no instance of account 111122223333: no caller can log in with this entry; set "
        "server.ec2DescribeInstancesRoleARN to a role of account 111122223333"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            named("dev", "[dev, 'host:{{EC2PrivateDNSName}}']"),
            "6:19 IAM067 {{EC2PrivateDNSName}} denies callers whose",
        ),
        (
            named("{{EC2PrivateDNSName}}", "['system:masters']"),
            "5:15 IAM067 {{EC2PrivateDNSName}} denies callers who",
        ),
        (
            named("n:{{EC2PrivateDNSName}}", "[a]", USER),
            "5:15 IAM067 {{EC2PrivateDNSName}} requires a session that is named",
        ),
    ],
)
def test_only_instances_get_in(entries: str, expected: str) -> None:
    assert only(ROLES + entries).startswith(expected)


def test_a_user_has_no_session() -> None:
    assert only(ROLES + named("u:{{SessionName}}", "[dev]", USER)).startswith(
        "5:15 IAM068 a user has no session name, so the username is 'u:'; write a fixed username, such as Ann"
    )
    assert places(ROLES + named("ann", "['{{SessionNameRaw}}']", USER)) == ["6:14 IAM068"]


def test_v0_4_0_leaves_the_template_in_map_users() -> None:
    """The username is not 'u:', which v0.5.0 and later makes of it."""
    text = ROLES + f"  mapUsers:\n  - {{userARN: {USER}, username: 'u:{{{{SessionName}}}}', groups: [dev]}}\n"
    assert only(text, image="x:v0.4.0").startswith(
        "5:61 IAM080 authenticator v0.4.0 does not replace {{SessionName}} here: the username stays 'u:{{SessionName}}'"
    )
    assert places(text, image="x:v0.5.9") == ["5:61 IAM068"]


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
    assert places(ROLES + named(username, arn=arn), daemonVersion=version) == expected


@pytest.mark.parametrize(
    ("username", "first"), [("dev:{{SessionNameRaw}}", "v0.5.9"), ("dev:{{AccessKeyID}}", "v0.5.9")]
)
def test_the_release_that_a_template_needs(username: str, first: str) -> None:
    found = only(ROLES + named(username), image="example.com/x:v0.4.0")
    assert found.endswith(f"; use an image of {first} or later, or remove the template")
    assert places(ROLES + named(username), image=f"example.com/x:{first}") == []


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
    assert places(ROLES + named(username, groups)) == expected


def test_identity_center_names_its_sessions_itself() -> None:
    role = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef"
    sso = "  - {sso: {permissionSetName: Ops, accountID: '111122223333'}, username: 'o:{{SessionName}}', groups: %s}\n"
    by_sso = ROLES + named("admin:{{SessionName}}", "['system:masters']", role) + sso % "['system:masters']"
    assert places(by_sso, **SSO) == []
    assert places(ROLES + named("{{SessionName}}", "['system:masters']", role)) == ["5:15 IAM070"]


def test_the_words_of_a_hole() -> None:
    hole = only(ROLES + named("dev", "['system:{{SessionName}}']"))
    assert hole.startswith(
        "6:14 IAM072 the group 'system:{{SessionName}}' becomes system:masters for a session named masters:"
    )
    node = only(ROLES + named("system:node:{{SessionName}}"))
    assert 'write "system:node:{{EC2PrivateDNSName}}" for nodes; for people, remove system:' in node


def test_everyone_of_an_account_once() -> None:
    assert places(ROLES + "  mapAccounts: ['444455556666', 555566667777]\n") == ["4:17 IAM074", "4:33 IAM074"]
    assert places(ROLES + "  mapAccounts: 444455556666,555566667777\n") == ["4:16 IAM074", "4:16 IAM074"]


def test_no_admin() -> None:
    text = f"server:\n  mapRoles:\n  - {{roleARN: '{DEV}', username: dev, groups: [dev]}}\n"
    assert only(text) == (
        "2:3 IAM084 no mapping grants system:masters: no admin can log in with IAM; the admin certificate was "
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
