"""The mappings file: listed and edited without losing a comment, and nothing useless let in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.errors import ConfigError, EditRefused, ParseError, Place
from tarmak_iam.identity.model import SsoRole
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted
from tests.support.tables import rows

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
    assert lines[0].startswith("# Who can log in")
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
        "  mapUsers: []\n", f"  mapUsers:\n  - userARN: {USER}\n    username: alice\n    groups:\n    - dev\n"
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
    twice = Mappings.parse(TEXT.replace("  mapUsers: []\n", f"  - {{roleARN: {ROLE.lower()}, username: x}}\n"))
    assert [len(twice.entries), twice.remove(ROLE).entries] == [2, ()]


def test_the_order_is_the_daemons() -> None:
    text = "server: {mapAccounts: ['111122223333'], MAPUSERS: [{UserArn: u, Username: n}], maproles: [{ROLEARN: r}]}\n"
    assert [(entry.kind, entry.arn) for entry in Mappings.parse(text).entries] == [
        ("role", "r"),
        ("user", "u"),
        ("account", "111122223333"),
    ]


def test_an_entry_that_some_release_takes_for_the_principal_goes_with_it() -> None:
    rest = "server:\n  mapRoles:\n  - {roleARN: x}\n"
    for name in ("DevOp\u017f", "devops", "DEVOPS"):
        text = f"{rest}  - {{roleARN: 'arn:aws:iam::111122223333:role/{name}', username: a}}\n"
        removed = Mappings.parse(text).remove("arn:aws:iam::111122223333:role/DevOps")
        assert removed.document.text == rest


def test_a_look_alike_is_not_let_in_and_does_not_stand_for_the_principal() -> None:
    odd = "arn:aws:iam::111122223333:role/DevOp\u017f"
    with pytest.raises(ConfigError) as refusal:
        Mappings.create("c").add(odd, "a", ())
    assert str(refusal.value) == (
        f"{odd} has letters that are not ASCII, and some releases treat it as "
        "arn:aws:iam::111122223333:role/DevOps; write arn:aws:iam::111122223333:role/DevOps if you mean that "
        "principal, else remove the entry"
    )
    there = Mappings.parse(f"clusterID: c\nserver:\n  mapRoles:\n  - {{roleARN: '{odd}', username: a}}\n")
    both = there.add("arn:aws:iam::111122223333:role/DevOps", "b", ())
    assert [entry.username for entry in both.entries] == ["a", "b"]


@pytest.mark.parametrize(("arn", "message"), rows(__file__, "test_what_could_never_match_is_not_let_in"))
def test_what_could_never_match_is_not_let_in(arn: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Mappings.parse(TEXT).add(arn, "name", ["group"])
    assert message in str(caught.value)


def test_the_cluster_id() -> None:
    assert Mappings.parse(TEXT).with_cluster_id("dev-cluster").document.text == TEXT
    added = Mappings.parse("# c\nserver: {}\n").with_cluster_id("dev-cluster")
    assert added.document.text == "# c\nserver: {}\nclusterID: dev-cluster\n"
    with pytest.raises(ConfigError, match=r"^m\.yaml:2:12: clusterID is 'dev-cluster', but the ID of this cluster is"):
        Mappings.parse(TEXT, "m.yaml").with_cluster_id("prod-blue")


@pytest.mark.parametrize(
    ("server", "entries"), rows(__file__, "test_a_single_value_is_a_list_of_one_as_the_daemon_takes_it")
)
def test_a_single_value_is_a_list_of_one_as_the_daemon_takes_it(server: str, entries: list[Any]) -> None:
    found = Mappings.parse(f"server: {{{server}}}\n" if "," not in server else f"server:\n  {server}\n").entries
    assert [[entry.kind, entry.arn, list(entry.groups)] for entry in found] == entries


def test_a_single_value_is_never_lost() -> None:
    single = Mappings.parse(f"server:\n  mapRoles: {{roleARN: {ROLE}, username: a}}\n")
    with pytest.raises(EditRefused, match="is a mapping, not a list"):
        single.add(USER.replace("user/team", "role"), "b", ["g"])
    with pytest.raises(EditRefused, match="is a mapping, not a list"):
        single.merge([Wanted(f"{ROLE}2", "b"), Wanted(f"{ROLE}3", "c")])
    assert single.remove(ROLE).entries == ()
    accounts = Mappings.parse("server:\n  mapAccounts: 111122223333,444455556666\n")
    with pytest.raises(EditRefused, match="444455556666 and other principals are written in one string"):
        accounts.remove("444455556666")


def test_nothing_is_removed_for_an_empty_text() -> None:
    entry = "server: {mapRoles: [{sso: {accountID: '111122223333', permissionSetName: Admin}, username: a}]}\n"
    with pytest.raises(ConfigError, match="the ARN is empty"):
        Mappings.parse(entry).remove(" ")
    assert Mappings.parse(entry).entries[0].sso == "111122223333/Admin"


@pytest.mark.parametrize(
    ("arn", "username", "groups", "reason"), rows(__file__, "test_values_of_another_type_are_named")
)
def test_values_of_another_type_are_named(arn: Any, username: Any, groups: Any, reason: str) -> None:
    """YAML reads an account without quotes as a number."""
    with pytest.raises(TypeError) as refused:
        Mappings.create("c").add(arn, username, groups)
    assert str(refused.value) == reason


def test_an_account_to_remove_must_be_a_string() -> None:
    account: Any = 111122223333
    with pytest.raises(TypeError, match="an ARN or account must be a string, not 111122223333"):
        Mappings.create("c").remove(account)


def test_a_file_that_is_no_mapping() -> None:
    with pytest.raises(ConfigError, match="must be a YAML mapping"):
        Mappings.parse("- a\n")
    with pytest.raises(ParseError):
        Mappings.parse("a: [\n")


SSO = """\
server:
  mapRoles:
  - SSO: {PermissionSetName: Admin, accountId: "111122223333", partition: aws}  # never matched
    userName: admin
"""


def test_permission_sets() -> None:
    added = Mappings.parse("server: {}\n").add("sso:012345678901/Dev", "dev:{{SessionName}}", ["dev"])
    assert added.document.text == (
        "server:\n  mapRoles:\n  - sso:\n      permissionSetName: Dev\n"
        '      accountID: "012345678901"\n    username: "dev:{{SessionName}}"\n    groups:\n    - dev\n'
    )
    assert added.add("sso:012345678901/DEV", "dev:{{SessionName}}", ["dev"]) is added
    assert added.remove("sso:012345678901/dev").document.text == "server:\n  mapRoles: []\n"
    assert added.remove("sso:012345678901/Other") is added


def test_a_partition_goes_since_it_never_matches() -> None:
    start = Mappings.parse(SSO)
    (entry,) = start.entries
    assert entry.sso_role == SsoRole("Admin", "111122223333", "aws")
    assert entry.principal == "sso:111122223333/Admin"
    assert start.add("sso:111122223333/Admin", "admin", None).document.text == SSO.replace(", partition: aws", "")


def test_a_path_is_taken_away_on_request() -> None:
    with_path = ROLE.replace("role/", "role/team/")
    assert Mappings.parse(TEXT).add(with_path, "admin", None, strip_path=True).document.text == TEXT
    reserved = ROLE.replace("role/Admin", "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef")
    added = Mappings.parse(TEXT).add(reserved, "dev", [])
    assert added.entries[1].arn == ROLE.replace("Admin", "AWSReservedSSO_Dev_0123456789abcdef")
    assert added.remove(reserved).document.text == TEXT


def test_templates_are_quoted() -> None:
    plain = TEXT.replace("username: admin ", "username: admin:{{SessionName}} ")
    assert Mappings.parse(plain).add(USER, "u", []).document.text.startswith(plain.partition("  mapUsers")[0])
    assert Mappings.parse(TEXT).add(ROLE, "x:{{SessionName}}", ["{{AccountID}}:g"]).document.text == TEXT.replace(
        "username: admin ", 'username: "x:{{SessionName}}" '
    ).replace("    - system:masters\n", '    - "{{AccountID}}:g"\n')


def test_many_at_once_and_what_became_of_each() -> None:
    other = "arn:aws:iam::111122223333:role/Other"
    wanted = [
        Wanted(USER, "alice", ("dev",), place=Place("f", 1)),
        Wanted(ROLE, "root"),
        Wanted(other, "first", place=Place("f", 3)),
        Wanted(other.lower(), "x", only_new=True),
        Wanted(other, "last", (), place=Place("f", 5)),
        Wanted("111122223333"),
        Wanted("111122223333", "x"),
        Wanted("arn:aws:iam::111122223333:role/a/Path", "p"),
        Wanted(f"{other}2", "", ()),
    ]
    merged, outcomes = Mappings.parse(TEXT).merge(wanted)
    assert [f"{each.action} {each.principal}{f': {each.error.what}' if each.error else ''}" for each in outcomes] == [
        f"added {USER}",
        f"updated {ROLE}",
        f"skipped {other}: {other} has a later entry (f:5), and the last entry is used",
        f"skipped {other.lower()}: {other.lower()} has a later entry (f:5), and the last entry is used",
        f"added {other}",
        "added 111122223333",
        "skipped 111122223333: an account has no username or groups: its callers log in with their ARN as username",
        (
            "skipped arn:aws:iam::111122223333:role/a/Path: arn:aws:iam::111122223333:role/a/Path never matches: "
            "STS omits the path of a role"
        ),
        f"skipped {other}2: the username is empty",
    ]
    assert merged.document.text == TEXT.replace("username: admin ", "username: root ").replace(
        "  mapUsers: []\n",
        f"  - roleARN: {other}\n    username: last\n    groups: []\n"
        f"  mapUsers:\n  - userARN: {USER}\n    username: alice\n    groups:\n    - dev\n"
        '  mapAccounts:\n  - "111122223333"\n',
    )
    again, outcomes = merged.merge(wanted)
    assert again is merged
    assert {str(each.action) for each in outcomes} == {"unchanged", "skipped"}


def test_very_many_at_once_are_the_same_as_one_after_the_other() -> None:
    names = [f"arn:aws:iam::111122223333:role/r{number}" for number in range(40)]
    start, _ = Mappings.parse(TEXT).merge([Wanted(name, "old", ("a", "b")) for name in names])
    wanted = [Wanted(name, "new: x", ("a", "c")) for name in (*names, ROLE, f"{ROLE}2")]
    merged, outcomes = start.merge(wanted)
    assert [str(each.action) for each in outcomes] == ["updated"] * 41 + ["added"]
    one_by_one = start
    for each in wanted:
        one_by_one = one_by_one.add(each.principal, each.username, each.groups)
    assert merged.document.text == one_by_one.document.text
    assert "# shared" in merged.document.text
    new, _ = Mappings.create("c").merge(wanted)
    assert len(new.entries) == 42


ARNS = st.builds(
    "arn:aws:iam::111122223333:{}/{}".format, st.sampled_from(["role", "user"]), st.sampled_from(["a", "B", "c.d"])
)
WORDS = st.text(alphabet="ab:#'\"{}-é ", min_size=1, max_size=8).filter(str.strip)
FILES = [
    TEXT,
    TEXT.replace("\n", "\r\n"),
    TEXT.replace("  mapUsers: []\n", "  mapUsers: []  # nobody"),
    "clusterID: c\nserver: {mapRoles: [], mapUsers: [], mapAccounts: []}\n",
    f"server:\n  mapUsers:  # u\n\n  - userARN: {ROLE}2\n    username: x\n  mapRoles:\n    - rolearn: {ROLE}\n# end\n",
]


@given(st.sampled_from(FILES), ARNS | st.just("sso:111122223333/Dev"), WORDS, st.lists(WORDS, max_size=3))
def test_added_and_removed_the_file_is_as_it_was(text: str, arn: str, username: str, groups: list[str]) -> None:
    start = Mappings.parse(text.encode())
    added = start.add(arn, username, groups)
    assert [(entry.username, entry.groups) for entry in added.entries if entry.principal == arn] == [
        (username, tuple(groups))
    ]
    assert added.remove(arn).document.to_bytes() == text.encode()
    assert added.add(arn, username, groups) is added


WANTED = st.builds(Wanted, ARNS, WORDS, st.none() | st.lists(WORDS, max_size=2).map(tuple))


@given(st.sampled_from(FILES), st.lists(WANTED | st.just(Wanted("012345678901")), max_size=6))
def test_bringing_in_twice_changes_nothing_more(text: str, wanted: list[Wanted]) -> None:
    merged, _ = Mappings.parse(text).merge(wanted)
    again, outcomes = merged.merge(wanted)
    assert again is merged
    assert not [outcome for outcome in outcomes if str(outcome.action) in ("added", "updated")]


def test_groups_are_added_or_replaced() -> None:
    start = Mappings.create("c").add(ROLE, "a", ["x", "y"])
    added = start.add(ROLE, None, ["y", "z"], replace_groups=False)
    assert (added.entries[0].username, added.entries[0].groups) == ("a", ("x", "y", "z"))
    assert added.add(ROLE, None, ["z"], replace_groups=False) is added
    assert added.add(ROLE) is added
    assert added.add(ROLE, None, ["z"]).entries[0].groups == ("z",)
    assert added.add(ROLE, None, []).entries[0].groups == ()
    with pytest.raises(ConfigError, match="--username is required for roles and users"):
        start.add(USER, None, ["x"])


@pytest.mark.parametrize(("written", "expected"), rows(__file__, "test_a_group_is_added_to_what_is_written"))
def test_a_group_is_added_to_what_is_written(written: str, expected: str) -> None:
    text = f"a: &g [x]\nserver:\n  mapRoles:\n  - roleARN: {ROLE}\n    username: a\n    groups: {written}\n"
    after = Mappings.parse(text).add(ROLE, None, ["z"], replace_groups=False)
    assert after.document.text.partition("    username: a\n    ")[2] == expected


def test_an_account_as_the_console_shows_it() -> None:
    start = Mappings.parse(TEXT)
    added = start.add("1111-2222-3333").add("arn:aws:iam::1111-2222-3333:role/Dev", "dev")
    assert [entry.arn for entry in added.entries] == [ROLE, "arn:aws:iam::111122223333:role/Dev", "111122223333"]
    assert [entry.username for entry in added.matching("arn:aws:iam::1111-2222-3333:role/Dev")] == ["dev"]
    assert added.remove("1111-2222-3333").matching("111122223333") == ()
