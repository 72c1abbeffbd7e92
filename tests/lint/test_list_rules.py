"""Lists of entries in another shape, entries that run together or are there twice, and what to write instead."""

from __future__ import annotations

import pytest

from tests.lint.mapped import DEV, ROLES, located, only, places

ENTRY = f"  - roleARN: {DEV}\n    username: dev\n    groups: [dev]\n"
ENDS = "the authenticator does not start, and IAM login is not possible: "
LATER = "authenticator v0.5.0 and later does not start, and IAM login is not possible: "


def remedies(text: str, rule: str) -> list[str]:
    return [each.finding.remedy for each in located(text, image="x:v0.6.20") if each.finding.id == rule]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (f"  - roleARN: {DEV}\n  - username: dev\n    groups: [dev]\n", ["5:5 IAM115"]),
        (f"  - roleARN: {DEV}\n  - username: dev\n  - groups: [dev]\n", ["5:5 IAM115", "6:5 IAM115"]),
        # without a username, wherever the dashes are
        (f"  - roleARN: {DEV}\n  - groups: [dev]\n", ["4:5 IAM069", "5:5 IAM115"]),
        # the entry before has all that the item has
        (ENTRY + "  - username: ops\n", ["7:5 IAM010"]),
        # other keys are no part of an entry
        (
            f"  - roleARN: {DEV}\n    username: dev\n  - groups: [a]\n    note: x\n",
            ["6:5 IAM010", "6:5 IAM069", "7:5 IAM058"],
        ),
        ("  - username: dev\n  - groups: [dev]\n", ["4:5 IAM010", "5:5 IAM010", "5:5 IAM069"]),
        (f"  - {{roleARN: '{DEV}'}}\n  - {{username: dev}}\n", ["5:5 IAM115"]),
    ],
)
def test_a_dash_too_many(items: str, expected: list[str]) -> None:
    assert places(ROLES + items) == expected


def test_what_is_said_of_a_dash_too_many() -> None:
    assert only(ROLES + ENTRY.replace("    username", "  - username")) == (
        "5:5 IAM115 authenticator v0.5.0 and later does not start, and IAM login is not possible: the "
        "dash before 'username' "
        "splits an entry in two, and one of them has no principal; it probably continues the entry in line 4; "
        "the admin certificate was not examined; replace the dash before 'username' in line 5 with a space"
    )
    flow = ROLES + f"  - {{roleARN: '{DEV}'}}\n  - {{username: dev}}\n"
    assert only(flow).endswith("; move its keys into the entry in line 4")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ROLES + f"  - {DEV}\n", f"4:5 IAM116 {ENDS}'{DEV}' in mapRoles is not a YAML mapping; "),
        (
            ROLES + "  -\n",
            f"4:4 IAM116 {LATER}an empty item in mapRoles is not a YAML mapping; ",
        ),
        (ROLES + "  - [dev]\n", f"4:5 IAM116 {ENDS}a list in mapRoles is not a YAML mapping; "),
        (
            f"server:\n  mapRoles:\n    Dev:\n      roleARN: {DEV}\n      username: dev\n",
            f"3:5 IAM116 {ENDS}mapRoles must be a list, but has the keys 'Dev'; ",
        ),
    ],
)
def test_what_is_not_a_list_of_mappings(text: str, expected: str) -> None:
    assert only(text).startswith(expected)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (f"  - {DEV}\n", f"write roleARN: {DEV}, and below it username and groups"),
        ("  - [dev]\n", "remove the second dash, so that its items are items of the list"),
        ("  - dev\n", "write a mapping with roleARN, username and groups"),
        (ENTRY.replace(" [dev]", "") + f"  - {DEV}\n", f"write roleARN: {DEV}, and below it username and groups"),
        (
            ENTRY.replace(" [dev]", "") + "  - a\n  - b\n",
            "move 'a', 'b' to groups in line 6",
        ),
    ],
)
def test_what_to_write_for_an_item(items: str, expected: str) -> None:
    assert remedies(ROLES + items, "IAM116") == [expected]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("    roleARN: X\n    username: dev\n", "write a dash before 'roleARN' in line 7"),
        # one of them would be without a name, or it is the same entry
        (f"    roleARN: {DEV}2\n", "write a separate entry for each, with its username and groups"),
        (f"    roleARN: {DEV}\n", "remove this one"),
        (f"    roleARN: {DEV.upper().replace('ARN:', 'arn:')}\n", "remove this one"),
        ("    groups: [ops]\n", "write groups: [dev, ops] in line 6, and remove this key"),
        ("    groups:\n", "remove this one"),
        ("    groups: [{a: b}]\n", "put the groups of both into 'groups' in line 6, and remove this key"),
        ("    username: ops\n", "keep the correct one, and remove the other"),
    ],
)
def test_a_key_that_is_there_twice_in_an_entry(more: str, expected: str) -> None:
    assert remedies(ROLES + ENTRY + more, "IAM059") == [expected]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("  mapRoles:\n" + ENTRY, "move the items below it to the end of 'mapRoles' in line 2, and remove this key"),
        ("  mapRoles: []\n", "remove this one"),
        ("server:\n  mapUsers: []\n", "move the keys below it into 'server' in line 1, and remove this key"),
        (
            "  mapAccounts: ['111122223333']\n  mapAccounts: ['444455556666']\n",
            'write mapAccounts: ["111122223333", "444455556666"] in line 4, and remove this key',
        ),
        ("  address: 127.0.0.1\n  address: 127.0.0.2\n", "keep the correct one, and remove the other"),
    ],
)
def test_a_setting_that_is_there_twice(more: str, expected: str) -> None:
    assert remedies(ROLES + more, "IAM059") == [expected]


def test_who_loses_access_by_a_missing_dash() -> None:
    text = ROLES + ENTRY + ENTRY.replace("- ", "  ").replace("Dev", "Ops")
    assert (
        f"v0.6.30 and later does not start; earlier releases use the last value of each key, and there {DEV} loses"
        in only(text)
    )
    other = (
        ENTRY.replace("- ", "  ")
        .replace("Dev", "Ops")
        .upper()
        .replace("ARN:AWS:IAM", "arn:aws:iam")
        .replace("ROLE/", "role/")
    )
    assert "the authenticator uses one value of each key at random, and one of the entries loses access" in only(
        ROLES + ENTRY + other, image="x:v0.6.20"
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (ENTRY, ["remove this one"]),
        (ENTRY.replace("[dev]", "[ops]"), ["merge them into one entry with groups: [dev, ops]"]),
        (
            ENTRY.replace("username: dev", "username: ops"),
            ["merge them into one entry with username: ops (in effect today) and groups: [dev]"],
        ),
        (
            "  mapUsers:\n" + ENTRY.replace("roleARN", "userARN").replace("dev", "ops"),
            ["merge them into one entry with username: dev (in effect today) and groups: [dev, ops]"],
        ),
        (
            ENTRY.replace("[dev]", "[a]") + ENTRY.replace("[dev]", "[b]"),
            ["merge them into one entry with groups: [dev, a, b]"] * 2,
        ),
        ("  mapAccounts: ['111122223333', '111122223333']\n", ["remove this one"]),
    ],
)
def test_one_principal_twice(more: str, expected: list[str]) -> None:
    assert remedies(ROLES + ENTRY + more, "IAM011") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("|\n    - roleARN: x\n", "remove the | after the key, so that the entries are a list"),
        (">-\n    - roleARN: x\n", "remove the >- after the key, so that the entries are a list"),
        ('\'[{"roleARN": "x"}]\'\n', "write the items as a list below the key, without quotes around the whole list"),
        (f"{DEV}\n", f"write a list of mappings, '- roleARN: {DEV}', with username and groups"),
        ("all\n", "write a list of mappings, each with roleARN, with username and groups"),
    ],
)
def test_a_list_as_a_text(value: str, expected: str) -> None:
    assert remedies(f"server:\n  mapRoles: {value}", "IAM060") == [expected]


def test_accounts_as_a_text() -> None:
    assert only(ROLES + "  mapAccounts: |\n    - '111122223333'\n") == (
        "4:16 IAM060 server.mapAccounts is a string, as in an aws-auth ConfigMap: read as an account, it never "
        "matches; remove the | after the key, so that the entries are a list"
    )
    assert places(ROLES + "  mapAccounts: '111122223333,444455556666'\n", image="x:v0.6.20") == ["4:16 IAM074"] * 2


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("dev,ops", ["write a list: [dev, ops]"]),
        ("'dev, yes'", ['write a list: [dev, "yes"]']),
        ("'[dev, ops]'", ["write a list: [dev, ops]"]),
        ("|\n      - dev\n      - ops", ["write a list: [dev, ops]"]),
        ("'[1, 2]'", ["write a list of the groups"]),
        ("'" + ",".join(f"g{number}" for number in range(13)) + "'", ["write a list of the groups"]),
        ("','", ["write a list: []"]),
    ],
)
def test_groups_as_a_text(groups: str, expected: list[str]) -> None:
    assert remedies(ROLES + ENTRY.replace("[dev]", groups), "IAM061") == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("clusterID: dev-cluster\n", ROLES, "remove line 2 ('---'): the documents have no key in common"),
        (ROLES, ROLES, "move its entries to mapRoles and mapUsers of the first document, and remove the rest"),
        (ROLES, "kind: Service\n", "remove it"),
        (
            "clusterID: dev-cluster\n...\n",
            ROLES,
            "move its entries to mapRoles and mapUsers of the first document, and",
        ),
        (ROLES, "a: [\n", "move its entries to mapRoles and mapUsers of the first document, and remove the rest"),
        (ROLES, f"people: [{{arn: '{DEV}'}}]\n", "remove line 4 ('---'): the documents have no key in common"),
    ],
)
def test_a_second_document(first: str, second: str, expected: str) -> None:
    (remedy,) = remedies(first + "---\n" + second, "IAM079")
    assert remedy.startswith(expected)
