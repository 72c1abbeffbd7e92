"""Usernames, groups and ARNs as texts: what copying left in them is found, and the remedy is the whole name."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tarmak_iam.identity import Authenticator, Identity
from tests.lint.mapped import DEV, ROLES, SSO, located, only, places

NO_CERTIFICATE = "the admin certificate was not examined"


def entry(username: str = "dev", groups: Sequence[str] = ("dev",), arn: str = DEV) -> str:
    """Strings of JSON are strings of YAML."""
    names = f"    username: {json.dumps(username)}\n    groups: {json.dumps(list(groups))}\n"
    return f"  - roleARN: {json.dumps(arn)}\n{names}"


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (
            "dev\u200b",
            "IAM122 the group 'dev\\u200b' has characters that are not visible, and they count; write \"dev\"",
        ),
        (
            "\u201cdev\u201d",
            "IAM122 the group '\u201cdev\u201d' has quotes or brackets in it, and they count; write \"dev\"",
        ),
        ("[dev]", "IAM122 the group '[dev]' has quotes or brackets in it, and they count; write \"dev\""),
        ("d\u0435v", "IAM124 the group 'd\\u0435v' has letters that look like others, and they count; write \"dev\""),
        ("dev\u2013ops", "IAM124 the group 'dev\\u2013ops' has letters that look like others, and they count; write"),
        ("dev.", "IAM127 the group 'dev.' begins or ends with a punctuation mark, probably by mistake; write \"dev\""),
        (":dev", "IAM127 the group ':dev' begins or ends with a punctuation mark, probably by mistake; write \"dev\""),
        ("<group>", "IAM123 the group '<group>' has the placeholder <group> in it; put the real name in the place of"),
        ("$TEAM", "IAM123 the group '$TEAM' has the placeholder $TEAM in it; put the real name in the place of $TEAM"),
        ('""', "IAM122 the group '\"\"' has quotes or brackets in it, and they count; remove it"),
        (
            "system:masters\u200b",
            (
                f"IAM122 the group 'system:masters\\u200b' has characters that are not visible, and they count; "
                f'{NO_CERTIFICATE}; write "system:masters"'
            ),
        ),
        (
            "\u0455ystem:masters",
            (
                f"IAM124 the group '\\u0455ystem:masters' has letters that look like others, and they count; "
                f'{NO_CERTIFICATE}; write "system:masters"'
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
        ("'ann'", "IAM122 the username ''ann'' has quotes or brackets in it, and they count; write \"ann\""),
        ("ann\u00a0smith", "IAM122 the username 'ann\\xa0smith' has characters that are not visible, and they count"),
        (
            "\u0430nn",
            "IAM124 the username '\\u0430nn' has letters that look like others, and they count; write \"ann\"",
        ),
        ("ann,", "IAM127 the username 'ann,' begins or ends with a punctuation mark, probably by mistake; write \"ann"),
        (",", "IAM127 the username ',' begins or ends with a punctuation mark, probably by mistake; give the entry a"),
        ("dev:<name>", "IAM123 the username 'dev:<name>' has the placeholder <name> in it; put the real name in the"),
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
            "IAM123 arn:aws:iam::111122223333:role/ROLE_NAME has the placeholder ROLE_NAME in it; put the real name",
        ),
        (f"'{DEV}'", f"IAM010 ''{DEV}'' is no ARN of a role or user: it does not begin with 'arn:'; write {DEV}"),
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
        mended = text.replace(json.dumps(group), json.dumps(written))
        assert Authenticator.load(mended).whois(caller).groups == ["system:masters"]
        assert located(mended) == []


def test_the_username_of_masters_is_no_admin() -> None:
    """What is said of a username does not keep the finding about admins back."""
    text = "server:\n  mapRoles:\n" + entry("system:m\u0430sters")
    assert places(text) == ["2:3 IAM084", "4:15 IAM073", "4:15 IAM124"]


def test_a_username_on_two_lines() -> None:
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n      ops\n    groups: [dev]\n"
    assert only(text) == (
        "5:15 IAM078 the username 'dev ops' goes on in the next line, which is a blank in it; write it on one line"
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
        "6:14 IAM128 the group 'dev-*' has a wildcard in it, and RBAC compares names as they are; write each group by "
        "its name"
    )
    assert places(ROLES + entry(groups=["dev-?"])) == []
