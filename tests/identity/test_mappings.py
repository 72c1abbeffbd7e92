"""The mappings file: listed and edited without losing a comment, and nothing useless let in."""

from __future__ import annotations

import pytest

from tarmak_iam.errors import ConfigError, EditRefused, ParseError
from tarmak_iam.identity.arn import ArnError, canonicalize, parse_arn
from tarmak_iam.identity.mappings import Mappings

ROLE = "arn:aws:iam::111122223333:role/Admin"
USER = "arn:aws:iam::111122223333:user/team/Alice"

TEXT = """\
# our people
clusterID: dev-cluster   # never change
server:
  mapRoles:
  # the admins
  - rolearn: arn:aws:iam::111122223333:role/Admin
    username: admin      # shared
    groups:
    - system:masters
  mapUsers: []
"""


def test_a_new_file() -> None:
    new = Mappings.create("dev-cluster").add(ROLE, "admin:{{SessionName}}", ["system:masters", "ops"])
    lines = new.document.text.splitlines()
    assert lines[0].startswith("# Who may log in")
    assert lines[2:] == [
        "clusterID: dev-cluster",
        "server:",
        "  mapRoles:",
        f"  - roleARN: {ROLE}",
        '    username: "admin:{{SessionName}}"',
        "    groups:",
        "    - system:masters",
        "    - ops",
    ]


def test_adding_updating_and_doing_it_twice() -> None:
    start = Mappings.parse(TEXT)
    added = start.add(USER, "alice", ["dev"])
    assert added.document.text == TEXT.replace(
        "  mapUsers: []\n",
        f"  mapUsers:\n  - userARN: {USER}\n    username: alice\n    groups:\n    - dev\n",
    )
    assert added.add(USER, "alice", ["dev"]) is added
    assert start.add(ROLE.replace("Admin", "ADMIN"), "admin", ["system:masters"]) is start
    updated = start.add(ROLE, "root", ["system:masters", "ops"])
    assert updated.document.text == TEXT.replace("username: admin ", "username: root ").replace(
        "    - system:masters\n", "    - system:masters\n    - ops\n"
    )


def test_accounts() -> None:
    added = Mappings.parse(TEXT).add("012345678901", "", [])
    assert added.document.text == TEXT + '  mapAccounts:\n  - "012345678901"\n'
    assert added.add("012345678901", "", []) is added
    assert added.remove("012345678901").document.text == TEXT + "  mapAccounts: []\n"
    with pytest.raises(ConfigError, match="an account has no username or groups"):
        added.add("012345678901", "x", [])


def test_removing() -> None:
    start = Mappings.parse(TEXT)
    removed = start.remove(ROLE)
    assert [entry.arn for entry in removed.entries] == []
    assert "# our people" in removed.document.text
    assert removed.remove(ROLE) is removed
    assert start.remove("arn:aws:iam::111122223333:role/Other") is start


def test_the_order_is_the_daemons() -> None:
    text = "server: {mapAccounts: ['111122223333'], MAPUSERS: [{UserArn: u, Username: n}], maproles: [{ROLEARN: r}]}\n"
    assert [(entry.kind, entry.arn) for entry in Mappings.parse(text).entries] == [
        ("role", "r"),
        ("user", "u"),
        ("account", "111122223333"),
    ]


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        (
            "arn:aws:iam::111122223333:role/team/Admin",
            "STS leaves the path of a role out; map arn:aws:iam::111122223333:role/Admin instead",
        ),
        ("arn:aws:sts::111122223333:assumed-role/Admin/x", "is one session of a role"),
        (
            "arn:aws:iam::1111222233334:role/Admin",
            "the account '1111222233334' of arn:aws:iam::1111222233334:role/Admin has not twelve",
        ),
        ("arn:aws:iam::111122223333:role/*", "knows no wildcards"),
        ("arn:aws:iam::111122223333:role/", "names no role"),
        ("arn:aws:iam::111122223333:role/Admin ", "blanks and control characters count; write the ARN without them"),
        ("arn:aws:iam::111122223333:role/Ad min", "no role has such a name"),
        ("arn:aws:iam::111122223333:policy/Admin", "is no role, user or root"),
        ("arn:aws-moon:iam::111122223333:role/Admin", "the partition 'aws-moon' is not known"),
        ("arn:aws:iam::111122223333:role//Admin", "map arn:aws:iam::111122223333:role/Admin instead"),
        ("arn:aws:iam::111122223333:root/x", "no caller has such an ARN"),
        ("arn:aws:iam:eu-west-1:111122223333:role/Admin", "no caller has such an ARN"),
        ("arn:aws:s3:::bucket", "the service is 's3'"),
        ("role/Admin", "does not begin with 'arn:'"),
        ("11112222333", "does not begin with 'arn:'"),
    ],
)
def test_what_could_never_match_is_not_let_in(arn: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Mappings.parse(TEXT).add(arn, "name", ["group"])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("username", "groups"), [("", ["g"]), ("  ", ["g"]), ("a\nb", ["g"]), ("a", [""]), ("a", ["g\x00"])]
)
def test_names_that_cannot_be(username: str, groups: list[str]) -> None:
    with pytest.raises(ConfigError):
        Mappings.parse(TEXT).add(ROLE, username, groups)


def test_the_cluster_id() -> None:
    assert Mappings.parse(TEXT).with_cluster_id("dev-cluster").document.text == TEXT
    added = Mappings.parse("# c\nserver: {}\n").with_cluster_id("dev-cluster")
    assert added.document.text == "# c\nserver: {}\nclusterID: dev-cluster\n"
    with pytest.raises(ConfigError, match=r"^m\.yaml:2:12: clusterID is 'dev-cluster', but this cluster's id is"):
        Mappings.parse(TEXT, "m.yaml").with_cluster_id("prod-blue")


@pytest.mark.parametrize(
    ("server", "entries"),
    [
        ("mapRoles: {roleARN: r, username: n, groups: 'a,b'}", [("role", "r", ("a", "b"))]),
        ("mapRoles: [{roleARN: r, groups: one}]", [("role", "r", ("one",))]),
        ("mapAccounts: '111122223333'", [("account", "111122223333", ())]),
        ("mapAccounts: 111122223333,444455556666", [("account", "111122223333", ()), ("account", "444455556666", ())]),
        ("mapAccounts: 111122223333", [("account", "111122223333", ())]),
        ("mapAccounts: {}", []),
    ],
)
def test_a_single_value_is_a_list_of_one_as_the_daemon_takes_it(
    server: str, entries: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    found = Mappings.parse(f"server: {{{server}}}\n" if "," not in server else f"server:\n  {server}\n").entries
    assert [(entry.kind, entry.arn, entry.groups) for entry in found] == entries


def test_a_single_value_is_never_lost() -> None:
    single = Mappings.parse(f"server:\n  mapRoles: {{roleARN: {ROLE}, username: a}}\n")
    with pytest.raises(EditRefused, match="is a mapping, not a list"):
        single.add(USER.replace("user/team", "role"), "b", ["g"])
    assert single.remove(ROLE).entries == ()
    accounts = Mappings.parse("server:\n  mapAccounts: 111122223333,444455556666\n")
    with pytest.raises(EditRefused, match="444455556666 shares one text with others"):
        accounts.remove("444455556666")


def test_nothing_is_removed_for_an_empty_text() -> None:
    entry = "server: {mapRoles: [{sso: {accountID: '111122223333', permissionSetName: Admin}, username: a}]}\n"
    with pytest.raises(ConfigError, match="the ARN is empty"):
        Mappings.parse(entry).remove(" ")
    assert Mappings.parse(entry).entries[0].sso == "111122223333/Admin"


def test_groups_stay_where_none_are_given() -> None:
    kept = Mappings.parse(TEXT).add(ROLE, "root", None)
    assert (kept.entries[0].username, kept.entries[0].groups) == ("root", ("system:masters",))
    assert Mappings.parse(TEXT).add(ROLE, "admin", []).entries[0].groups == ()


def test_two_entries_for_one_role_are_not_guessed_at() -> None:
    again = f"  - roleARN: {ROLE.lower()}\n    username: x\n  mapUsers: []\n"
    twice = Mappings.parse(TEXT.replace("  mapUsers: []\n", again))
    with pytest.raises(ConfigError, match=r"is mapped more than once \(lines 6, 10\)"):
        twice.add(ROLE, "admin", [])
    assert twice.remove(ROLE).entries == ()


def test_a_file_that_is_no_mapping() -> None:
    with pytest.raises(ConfigError, match="is no mapping"):
        Mappings.parse("- a\n")
    with pytest.raises(ParseError):
        Mappings.parse("a: [\n")


def test_arns() -> None:
    arn = parse_arn("arn:aws:iam::111122223333:role/team/eng/Admin")
    assert (arn.partition, arn.account, arn.path, arn.name) == ("aws", "111122223333", "team/eng", "Admin")
    assert str(arn.without_path) == "arn:aws:iam::111122223333:role/Admin"
    assert canonicalize("arn:aws:sts::1:assumed-role/team/Admin/s")[1] == "arn:aws:iam::1:role/team/Admin"
    with pytest.raises(ArnError, match="fewer than six"):
        parse_arn("arn:aws:iam")
