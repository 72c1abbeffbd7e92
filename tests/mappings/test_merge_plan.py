"""What every wanted entry comes to: its outcome, with error and notes, and the edits."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.errors import Place
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import MergeAction, MergeOutcome, MergePlan, Wanted, plan_merge

HOME = "arn:aws:iam::111122223333"
TEXT = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: {HOME}:role/Admin
    username: admin
    groups: [ops]
  - roleARN: {HOME}:role/Twice
    username: a
  - roleARN: {HOME}:role/Twice
    username: b
  mapUsers:
  - userARN: {HOME}:user/alice
    username: alice
    groups: [ops]
    userid: old
  mapAccounts: ["111122223333", "111122223333"]
"""
OF_ACCOUNT = "an account has no username or groups: its callers log in with their ARN as username; "
OF_TWICE = f"aws-iam-authenticator.yaml:9:5: {HOME}:role/Twice is mapped more than once"


def planned(*wanted: Wanted, text: str = TEXT, **options: Any) -> MergePlan:
    mappings = Mappings.parse(text)
    return plan_merge(mappings.document, mappings.entries, wanted, **options)


def only(*wanted: Wanted, **options: Any) -> MergeOutcome:
    """Of the first of them."""
    return planned(*wanted, **options).outcomes[0]


def plain(found: tuple[Edit, ...]) -> list[tuple[str, Any]]:
    shown: list[tuple[str, Any]] = []
    for each in found:
        assert isinstance(each, (Append, Remove, Set))
        steps = getattr(each.path, "plain", each.path)
        shown.append((f"{type(each).__name__} {'.'.join(map(str, steps))}", getattr(each, "value", None)))
    return shown


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted("111122223333", "x"), f"{OF_ACCOUNT}omit --username and --group"),
        (Wanted("111122223333", "", ("ops",)), f"{OF_ACCOUNT}omit --username and --group"),
        (Wanted(f"{HOME}:role/New", " "), "the username is empty; specify a username with --username"),
        (Wanted(f"{HOME}:role/New", "", place=Place("f.yaml", 3)), "the username is empty; write a username there"),
        (Wanted(f"{HOME}:role/New", "x", ("ops", " ")), "a group is empty; write its name, or remove it"),
        (
            Wanted(f"{HOME}:role/New", "x", ("o\x85ps",)),
            "'o\\x85ps' is not a valid username or group; write it without control characters",
        ),
        (
            Wanted(f"{HOME}:role/New", "x\u2028"),
            "'x\\u2028' is not a valid username or group; write it without control characters",
        ),
        (Wanted(f"{HOME}:role/New", None), "--username is required for roles and users"),
        (
            Wanted(f"{HOME}:role/Twice", "x"),
            f"{OF_TWICE} (lines 7, 9); the last one is used; remove all but one of them by hand",
        ),
    ],
)
def test_what_is_skipped_and_why(wanted: Wanted, error: str) -> None:
    plan = planned(wanted)
    (outcome,) = plan.outcomes
    assert (outcome.action, outcome.wanted, str(outcome.error)) == (MergeAction.SKIPPED, wanted, error)
    assert plan.edits == ()


def test_a_principal_in_both_lists() -> None:
    text = TEXT.replace(f"{HOME}:user/alice", f"{HOME}:role/Admin")
    error = only(Wanted(f"{HOME}:role/Admin", "x"), text=text).error
    assert str(error).endswith(" (lines 4, 12); the one under mapRoles is used; remove all but one of them by hand")


def test_the_last_wish_for_a_principal_counts() -> None:
    first, last = Wanted(f"{HOME}:role/New", "first"), Wanted(f"{HOME}:role/New", "last", place=Place("f.yaml", 7))
    assert [str(each.error) for each in planned(first, last).outcomes] == [
        f"{HOME}:role/New has a later entry (f.yaml:7), and the last entry is used; groups are not merged",
        "None",
    ]
    outcome = only(first, Wanted(f"{HOME}:role/New", "last"))
    assert str(outcome.error) == f"{HOME}:role/New has a later entry, and the last entry is used; groups are not merged"
    assert (outcome.action, outcome.wanted, outcome.principal) == (MergeAction.SKIPPED, first, f"{HOME}:role/New")
    assert plain(planned(first, last).edits) == [
        ("Append server.mapRoles", {"roleARN": f"{HOME}:role/New", "username": "last", "groups": []})
    ]


def test_what_is_added() -> None:
    wanted = Wanted(f"{HOME}:role/team/New", "x", ("ops",), "id")
    plan = planned(wanted, strip_path=True)
    (outcome,) = plan.outcomes
    assert (outcome.action, outcome.wanted, outcome.principal, outcome.error) == (
        MergeAction.ADDED,
        wanted,
        f"{HOME}:role/New",
        None,
    )
    assert len(outcome.notes) == 1
    assert plain(plan.edits) == [
        ("Append server.mapRoles", {"roleARN": f"{HOME}:role/New", "username": "x", "groups": ["ops"], "userid": "id"})
    ]


def test_only_new_leaves_alone_what_is_mapped_or_has_just_been_added() -> None:
    stays = "already mapped, so the entry stays unchanged"
    outcome = only(Wanted(f"{HOME}:role/Admin", "x", only_new=True))
    assert (outcome.action, outcome.notes) == (MergeAction.UNCHANGED, (stays,))
    role = f"{HOME}:role/New"
    plan = planned(
        Wanted(role, "x"), Wanted(role, "y", only_new=True), Wanted(f"{HOME}:role/Newer", "z", only_new=True)
    )
    assert [(each.action, each.notes) for each in plan.outcomes] == [
        (MergeAction.ADDED, ()),
        (MergeAction.UNCHANGED, (stays,)),
        (MergeAction.ADDED, ()),
    ]
    assert [item["username"] for item in plain(plan.edits)[0][1][3:]] == ["x", "z"]
    outcome, _ = planned(Wanted(role, "a", only_new=True), Wanted(role, "b")).outcomes
    assert str(outcome.error) == f"{role} has a later entry, and the last entry is used; groups are not merged"


def test_an_account_that_is_there_twice_is_there() -> None:
    assert only(Wanted("111122223333")).action is MergeAction.UNCHANGED
    plan = planned(Wanted("444455556666", None))
    assert (plan.outcomes[0].action, plain(plan.edits)) == (
        MergeAction.ADDED,
        [("Append server.mapAccounts", "444455556666")],
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(f"{HOME}:user/alice", None), []),
        (Wanted(f"{HOME}:user/alice", "alice", ("ops",)), []),
        (Wanted(f"{HOME}:user/alice", "bob"), [("Set server.mapUsers.0.username", "bob")]),
        (Wanted(f"{HOME}:user/alice", None, (), "old"), [("Set server.mapUsers.0.groups", [])]),
        (Wanted(f"{HOME}:user/alice", None, None, "new"), [("Set server.mapUsers.0.userid", "new")]),
        (
            Wanted(f"{HOME}:user/alice", None, ("dev", "ops", "qa"), adds_groups=True),
            [("Append server.mapUsers.0.groups", "dev"), ("Append server.mapUsers.0.groups", "qa")],
        ),
        (Wanted(f"{HOME}:user/alice", None, ("dev", "ops")), [("Set server.mapUsers.0.groups", ["dev", "ops"])]),
    ],
)
def test_what_changes_of_an_entry_that_is_there(wanted: Wanted, expected: list[tuple[str, Any]]) -> None:
    plan = planned(wanted)
    assert plain(plan.edits) == expected
    name, notes = f"{HOME}:user/alice", tuple[str, ...]()
    if wanted.adds_groups:
        notes = (f"{name} keeps the group ops; --replace-groups removes groups that are not given",)
    action = MergeAction.UPDATED if expected else MergeAction.UNCHANGED
    assert plan.outcomes == (MergeOutcome(action, wanted, name, notes=notes),)


def test_many_edits_with_some_that_need_a_list_of_their_own() -> None:
    listed = "".join(f"  - {{roleARN: '{HOME}:role/r{number}', username: a}} # {number}\n" for number in range(17))
    text = f"server:\n  mapRoles:\n{listed}"
    wanted = [Wanted(f"{HOME}:role/r{number}", "b") for number in range(17)]
    users = [Wanted(f"{HOME}:user/{name}", name) for name in ("alice", "bob")]
    after = Document.parse(text).edit(*planned(*wanted, *users, text=text).edits)
    items = [f"{{userARN: {HOME}:user/{name}, username: {name}, groups: []}}" for name in ("alice", "bob")]
    expected = Document.parse(text.replace("username: a", "username: b") + f"  mapUsers: [{', '.join(items)}]\n").data
    assert after.data == expected
    one = Document.parse(text).edit(*planned(*wanted, users[0], text=text).edits)
    assert one.data["server"]["mapUsers"] == expected["server"]["mapUsers"][:1]
    assert one.data["server"]["mapRoles"] == expected["server"]["mapRoles"]
