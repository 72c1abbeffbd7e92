"""Keys and ARNs that differ in case, as the daemon's own packages took them in 400 runs of each configuration."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import Document
from tarmak_iam.identity import Authenticator, Identity
from tarmak_iam.identity.daemon_config import read_server_settings
from tarmak_iam.identity.model import Answer
from tarmak_iam.identity.releases import DaemonVersion, known_releases, recorded_items
from tarmak_iam.identity.viper import (
    field_spellings,
    field_value,
    field_values,
    has_doubles,
    lowers_lists,
    possible_items,
)
from tests.support import golden_json

ACCOUNT = "111122223333"
CASES = [
    (case, version, expected["answer"])
    for case in golden_json("authenticator", "case.json")
    for expected in case["expected"]
    for version in expected["versions"]
]
STOPS = "at some starts the authenticator stops, depending on the keys that it uses: "


def who(resource: str) -> Identity:
    user_id = "AIDA" if resource.startswith("user/") else "AROA:session"
    return Identity(f"arn:aws:iam::{ACCOUNT}:{resource}", ACCOUNT, user_id)


def outcome(answer: Answer, version: str) -> tuple[str, tuple[str, ...]] | None:
    """None for nobody. v0.4.0 refuses an empty username when it renders a role's, which was not recorded."""
    by_account = answer.username is not None and answer.username.startswith("arn:")
    if answer.username is None or by_account or (version == "v0.4.0" and not answer.username):
        return None
    return answer.username, tuple(answer.groups or ())


def recorded(seen: list[Any], version: str) -> set[Any]:
    outcomes = {None if each is None else (each[0], tuple(each[1])) for each in seen}
    return {None if version == "v0.4.0" and each and not each[0] else each for each in outcomes}


@pytest.mark.parametrize(
    ("case", "version", "expected"), CASES, ids=[f"{case['title']} {version}" for case, version, _ in CASES]
)
def test_all_that_the_daemon_may_answer(case: dict[str, Any], version: str, expected: dict[str, Any]) -> None:
    loaded = Authenticator.load(case["config"], version=version, filename=f"config.{case['format']}")
    may_stop = loaded.failure is not None or any(note.startswith(STOPS) for note in loaded.notes)
    assert {loaded.failure is None, not may_stop} == set(expected["starts"])
    for resource in case["callers"] if loaded.failure is None else ():
        answer = loaded.whois(who(resource))
        seen = {outcome(each, version) for each in (answer, *answer.alternatives)}
        wanted = recorded(expected["answers"].get(resource, [None]), version)
        assert seen == wanted, resource


A = f"arn:aws:iam::{ACCOUNT}:role/A"


def load(text: str, version: str = "v0.7.9", *args: str) -> Authenticator:
    return Authenticator.load(f"clusterID: c\n{text}", version=version, args=args)


NAMES = ("port", "master", "address", "statedir", "hostname", "kubeconfig")


def test_keys_with_capitals_come_before_the_one_in_lower_case() -> None:
    """As mapstructure alone takes them: viper writes those with capitals over the other one."""
    keys = {"UserName": 1, "USERNAME": 2, "username": 3}
    assert field_spellings(keys, "Username", lowers=False) == ("USERNAME", "UserName", "username")
    assert field_spellings(keys, "Username", lowers=True) == ("USERNAME", "UserName")
    assert field_spellings({**keys, "Username": 4}, "Username", lowers=False) == ("Username",)


@pytest.mark.parametrize(("doubled", "is_complete"), [(5, True), (6, False)])
def test_there_is_an_end_to_the_ways_that_are_looked_at(doubled: int, *, is_complete: bool) -> None:
    keys = (f"{name[:-1].upper()}{name[-1]}: , {name.capitalize()}: " for name in NAMES[:doubled])
    loaded = load(f"server: {{{', '.join(keys)}, MAPROLES: [{{rolearn: {A}, username: a}}]}}\n", "v0.4.0")
    assert loaded.is_complete is is_complete
    note = "the keys can be read in more than 32 ways, and not all of them were checked"
    assert (note in loaded.notes) is not is_complete
    assert loaded.whois(who("role/A")).username == "a"


def test_of_more_ways_each_key_is_looked_at() -> None:
    usernames = ("userName", "usErname", "uSername", "usernamE", "useRname", "usernAme", "Username")
    several = ("Groups", "gRoups", "grOups", "groUps", "grouPs", "groupS")
    texts = ", ".join(f"{spelling}: {spelling}" for spelling in usernames)
    groups = ", ".join(f"{spelling}: [{spelling}]" for spelling in several)
    arns = f"roleArn: {A}, roleARn: {A}"
    loaded = load(f"server:\n  mapRoles: [{{{texts}, {groups}, {arns}}}]\n")
    assert not loaded.is_complete
    answer = loaded.whois(who("role/A"))
    every = (answer, *answer.alternatives)
    assert {each.username for each in every} == set(usernames)
    assert {group for each in every for group in each.groups or ()} == set(several)


@pytest.mark.parametrize(("accounts", "is_complete"), [(2, True), (3, False)])
def test_the_ways_of_an_entry_and_of_its_sso_count_together(accounts: int, *, is_complete: bool) -> None:
    texts = ", ".join(f"{key}: dev" for key in ("userName", "usErname", "uSername", "usernamE"))
    groups = ", ".join(f"{key}: [g]" for key in ("Groups", "gRoups", "grOups", "groUps"))
    keys = [f"{key}: '{ACCOUNT}'" for key in ("accountID", "accountId", "accounTid")]
    sso = f"sso: {{permissionSetName: Dev, {', '.join(keys[:accounts])}}}"
    loaded = load(
        f"server:\n  mapRoles: [{{{texts}, {groups}, {sso}}}]\n", "v0.7.9", "--feature-gates=SSORoleMatch=true"
    )
    assert loaded.is_complete is is_complete
    note = "the keys can be read in more than 32 ways, and not all of them were checked"
    assert (note in loaded.notes) is not is_complete


def test_no_more_ways_are_kept_than_are_looked_at() -> None:
    item = {
        **dict.fromkeys(("userName", "usErname", "uSername", "usernamE")),
        **dict.fromkeys(("Groups", "gRoups", "grOups", "groUps")),
        "sso": dict.fromkeys(("accountID", "accountId", "accounTid")),
    }
    found = possible_items(item, ("Username", "Groups", "SSO"), lowers=True, inner=("AccountID",))
    assert (len(found.items), found.is_complete) == (32, False)


def test_lists_are_lowered_by_every_viper_from_1_19_on() -> None:
    tags = [item.split()[1] for item in recorded_items() if item.startswith("viper ")]
    later = [tag for tag in tags if DaemonVersion.parse(tag) >= DaemonVersion(1, 19, 0)]
    assert later == ["v1.19.0", "v1.20.1", "v1.21.0"]
    assert [each for each in known_releases() if lowers_lists(each) is not each.has_viper(*later)] == []


@pytest.mark.parametrize(("version", "hostname"), [("v0.6.29", "localhost"), ("v0.6.30", "master")])
def test_the_settings_of_init_are_read_by_the_same_keys(version: str, hostname: str) -> None:
    text = "server.hostname:\nSERVER: {hostName: master}\ncluster\u0130D: c\n"
    found = read_server_settings(Document.parse(text), DaemonVersion.parse(version))
    assert (found.cluster_id, found.hostname) == ("c", hostname)


FIELDS = ("RoleARN", "username", "Groups")
ITEMS = st.dictionaries(
    st.sampled_from(["RoleARN", "roleARN", "rolearn", "username", "Username", "USERNAME", "groups", "other", 1, True]),
    st.integers(),
    max_size=6,
)


@given(st.lists(ITEMS, max_size=4), st.booleans())
def test_the_keys_of_fields_are_those_that_are_read(items: list[dict[Any, int]], lowers: bool) -> None:
    for item in (*items, *items):
        read = [field_value(item, field, lowers=lowers) for field in FIELDS]
        assert field_values(item, FIELDS, lowers=lowers) == read
        assert has_doubles(item) or len(possible_items(item, FIELDS, lowers=lowers).items) == 1


class Key(str):
    """A text that can be referred to weakly."""


def test_the_keys_of_a_large_mapping_are_not_kept() -> None:
    mapping: dict[str, int] = {Key(f"k{number}"): number for number in range(100)}
    kept = [weakref.ref(key) for key in mapping]
    assert (field_values(mapping, ("a",)), has_doubles(mapping)) == ([None], False)
    del mapping
    gc.collect()
    assert [key for key in kept if key() is not None] == []
