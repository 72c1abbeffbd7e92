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


A, B = f"arn:aws:iam::{ACCOUNT}:role/A", f"arn:aws:iam::{ACCOUNT}:role/B"


def load(text: str, version: str = "v0.7.9", *args: str, **files: str) -> Authenticator:
    named = {name.replace("_", "."): each for name, each in files.items()}
    return Authenticator.load(f"clusterID: c\n{text}", version=version, args=args, files=named)


def test_alternatives_say_which_keys_are_taken_at_random() -> None:
    loaded = load(
        f"server:\n  MAPROLES: [{{rolearn: {A}, username: a}}]\n  MapRoles: [{{rolearn: {B}, username: b}}]\n"
    )
    answer = loaded.whois(who("role/A"))
    assert (answer.username, answer.reason) == ("a", f"the mapping for {A} matches")
    (nobody,) = answer.alternatives
    assert (nobody.started, nobody.authenticated) == (True, False)
    assert answer.notes == (
        "'MAPROLES' and 'MapRoles' are the same key: the authenticator uses one of them at random at every start",
    )
    assert loaded.notes == answer.notes


def test_a_choice_that_stops_the_daemon_is_a_note() -> None:
    loaded = load(f"server:\n  mapRoles: [{{roleArn: {A}, username: a, roleARn: nonsense}}]\n")
    reason = "'nonsense' is not accepted as an ARN: it does not begin with 'arn:'"
    assert loaded.notes == (
        "'roleArn' and 'roleARn' are the same key: the authenticator uses one of them at random at every start",
        f"at some starts the authenticator stops, depending on the keys that it uses: {reason}",
    )
    assert loaded.whois(who("role/A")).username == "a"


def test_an_entry_that_stops_the_daemon_whatever_it_takes() -> None:
    loaded = load("server:\n  mapRoles: [{roleArn: one, roleARn: two, username: a}]\n")
    assert loaded.failure is not None
    assert loaded.failure.reason == "'two' is not accepted as an ARN: it does not begin with 'arn:'"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"mapRoles: [{{rolearn: {A}, username: a, groups: 2020-01-01}}]", "a group must be a string, not a date"),
        ("mapAccounts: 2020-01-01", "an account must be a string, not a date"),
    ],
)
def test_a_date_is_not_a_list_of_strings(text: str, reason: str) -> None:
    """v0.7.18 said: expected type 'string', got unconvertible type 'time.Time'. Older releases read a string."""
    failure = load(f"server:\n  {text}\n", "v0.7.18").failure
    assert failure is not None
    assert failure.reason == reason
    assert load(f"server:\n  {text}\n", "v0.6.20").failure is None


def test_grants_name_everybody_whom_a_choice_lets_in() -> None:
    groups = "groups: [g], Groups: [h], GROUPS: [i]"
    loaded = load(f"server:\n  mapRoles:\n  - {{roleArn: {A}, roleARn: {B}, username: x, {groups}}}\n")
    assert [(grant.principal, grant.is_sure) for grant in loaded.grants] == [(B, False), (A, False)]
    one = loaded.grants[0]
    assert [(each.username, each.groups) for each in (one, *loaded.alternatives(one))] == [("x", ("i",)), ("x", ("h",))]
    assert None in loaded.possible_grants(one)


def test_the_last_of_two_entries_wins_only_if_it_is_for_the_principal_at_every_start() -> None:
    first, last = f"{{rolearn: {A}, username: one}}", f"{{roleArn: {A}, roleARn: {B}, username: two}}"
    answer = load(f"server:\n  mapRoles: [{first}, {last}]\n").whois(who("role/A"))
    assert (answer.username, [each.username for each in answer.alternatives]) == ("two", ["one"])
    answer = load(f"server:\n  mapRoles: [{last}, {first}]\n").whois(who("role/A"))
    assert (answer.username, answer.alternatives) == ("one", ())


def test_a_user_and_an_account_count_where_a_role_may_be_another_one() -> None:
    maybe = f"mapRoles: [{{roleArn: {A}, roleARn: {B}, username: role}}]"
    answer = load(f"server:\n  {maybe}\n  mapUsers: [{{userarn: {A}, username: user}}]\n").whois(who("role/A"))
    assert (answer.username, [each.username for each in answer.alternatives]) == ("role", ["user"])
    answer = load(f"server:\n  {maybe}\n  mapAccounts: ['{ACCOUNT}']\n").whois(who("role/A"))
    assert (answer.username, [each.username for each in answer.alternatives]) == ("role", [A])


@pytest.mark.parametrize(
    ("second", "usernames"),
    [
        (f"roleArn: 'arn:aws:iam::{ACCOUNT}:role/DevOps', roleARn: {A}", ["two", "one", None]),
        (f"rolearn: 'arn:aws:iam::{ACCOUNT}:role/DevOps'", ["two", "one"]),
    ],
)
def test_nobody_is_an_answer_only_if_no_entry_is_for_the_principal_at_every_start(
    second: str, usernames: list[str | None]
) -> None:
    first = f"roleArn: 'arn:aws:iam::{ACCOUNT}:role/DevOp\u017f', roleARn: {B}"
    answer = load(f"server:\n  mapRoles: [{{{first}, username: one}}, {{{second}, username: two}}]\n").whois(
        who("role/DevOps")
    )
    assert [each.username for each in (answer, *answer.alternatives)] == usernames


def test_an_sso_entry_that_may_be_one_by_arn() -> None:
    role = "role/AWSReservedSSO_Dev_0123456789abcdef"
    sso = f"{{permissionSetName: Dev, accountID: '{ACCOUNT}', accountId: '444455556666'}}"
    loaded = load(
        f"server:\n  mapRoles: [{{sso: {sso}, username: dev}}]\n", "v0.7.9", "--feature-gates=SSORoleMatch=true"
    )
    answer = loaded.whois(who(role))
    assert (answer.username, [each.authenticated for each in answer.alternatives]) == ("dev", [False])


def test_a_prefix_is_reserved_only_if_it_is_at_every_start() -> None:
    text = (
        "server:\n  reservedPrefixConfig: [{{backendMode: MountedFile, usernamePrefixReserveList: [{}], {}: [x]}}]\n"
        f"  mapRoles: [{{{{rolearn: {A}, username: abc}}}}]\n"
    )
    assert not load(text.format("a", "other")).whois(who("role/A")).authenticated
    assert load(text.format("a", "u\u017fernamePrefixReserveList")).whois(who("role/A")).authenticated


NAMES = ("port", "master", "address", "statedir", "hostname", "kubeconfig")


def test_keys_that_are_no_texts_are_nobodys() -> None:
    loaded = load(f"1: x\nserver:\n  2: y\n  mapRoles: [{{3: z, rolearn: {A}, username: a}}]\n", "v0.7.9")
    assert loaded.whois(who("role/A")).username == "a"


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


AWS_AUTH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: aws-auth, namespace: kube-system}
data:
  mapRoles: |
    - u\u017fername: a
      roleARN: arn:aws:iam::111122223333:role/A
      group\u017f: [g]
    - {rolearn: 'arn:aws:iam::111122223333:role/DevOp\u017f', username: long-s}
    - {rolearn: 'arn:aws:iam::111122223333:role/\u0130van', username: dotted}
    - {rolearn: 'arn:aws:iam::111122223333:role/\u212aops', username: kelvin}
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        # From v0.5.8 to v0.5.27 yaml.v2 reads the keys, which wants them as they are documented.
        ("v0.5.9", [None, None, "dotted", "kelvin"]),
        ("v0.6.20", ["a", None, "dotted", "kelvin"]),
        ("v0.7.6", ["a", None, "dotted", "kelvin"]),
        ("v0.7.7", ["a", "long-s", None, "kelvin"]),
        ("v0.7.18", ["a", "long-s", None, "kelvin"]),
    ],
)
def test_aws_auth(version: str, expected: list[str | None]) -> None:
    loaded = load("", version, "--backend-mode=EKSConfigMap", cm_yaml=AWS_AUTH)
    callers = map(who, ("role/A", "role/DevOps", "role/ivan", "role/Kops"))
    assert [loaded.whois(each).username for each in callers] == expected


@pytest.mark.parametrize(
    ("version", "expected"), [("v0.7.6", ["role", "user", None, None]), ("v0.7.7", ["role", "user", "role", "user"])]
)
def test_aws_auth_and_a_caller_with_other_letters(version: str, expected: list[str | None]) -> None:
    text = AWS_AUTH[: AWS_AUTH.index("    - ")] + (
        f"    - {{rolearn: 'arn:aws:iam::{ACCOUNT}:role/DevOps', username: role}}\n"
        f"  mapUsers: |\n    - {{userarn: 'arn:aws:iam::{ACCOUNT}:user/DevOps', username: user}}\n"
    )
    loaded = load("", version, "--backend-mode=EKSConfigMap", cm_yaml=text)
    callers = map(who, ("role/DevOps", "user/DevOps", "role/DevOp\u017f", "user/DevOp\u017f"))
    assert [loaded.whois(each).username for each in callers] == expected


DYNAMIC = (
    '{"mapRole\u017f": [{"rolearn": "arn:aws:iam::111122223333:role/DevOp\u017f", "username": "long-s"},'
    '{"rolearn": "arn:aws:iam::111122223333:role/\u0130van", "u\u017fername": "dotted"}]}'
)


@pytest.mark.parametrize("version", ["v0.5.11", "v0.6.20", "v0.7.18"])
def test_dynamic_file(version: str) -> None:
    args = ("--backend-mode=DynamicFile",)
    loaded = load("server: {dynamicfilepath: /etc/map.json}\n", version, *args, map_json=DYNAMIC)
    assert [loaded.whois(who(each)).username for each in ("role/DevOps", "role/ivan")] == [None, "dotted"]


def test_a_second_sso_of_json_fills_the_same_struct() -> None:
    text = AWS_AUTH[: AWS_AUTH.index("    - ")] + (
        f"    - {{SSO: {{accountID: '{ACCOUNT}'}}, sso: {{permi\u017f\u017fionSetName: Dev}}, username: dev}}\n"
    )
    args = ("--backend-mode=EKSConfigMap", "--feature-gates=SSORoleMatch=true")
    answer = load("", "v0.7.9", *args, cm_yaml=text).whois(who("role/AWSReservedSSO_Dev_0123456789abcdef"))
    assert answer.username == "dev"


def test_keys_of_custom_resources_count_as_they_are_documented_only() -> None:
    text = (
        "apiVersion: iamauthenticator.k8s.aws/v1alpha1\nkind: IAMIdentityMapping\nmetadata: {name: a}\n"
        f"spec: {{arn: {A}, Username: a, groups: [g], GROUPS: [h]}}\n"
    )
    answer = load("", "v0.7.9", "--backend-mode=CRD", crd_yaml=text).whois(who("role/A"))
    assert (answer.username, answer.groups) == ("", ["g"])


def test_a_log_level_is_lowered_as_go_does() -> None:
    assert load("", "v0.7.9", "--log-verbosity=\u0130NFO").failure is None
    assert load("", "v0.7.9", "--log-verbosity=\u017f").failure is not None


@pytest.mark.parametrize(("version", "username"), [("v0.6.29", None), ("v0.6.30", "b")])
def test_a_key_without_a_value_at_the_top_hides_the_list_in_older_releases(version: str, username: str | None) -> None:
    loaded = load(f"server.mapRoles:\nserver:\n  maproles: [{{rolearn: {B}, username: b}}]\n", version)
    assert loaded.whois(who("role/B")).username == username


@pytest.mark.parametrize(
    ("version", "entries", "ends"),
    [
        ("v0.7.6", [("role/DevOps", ""), ("role/DevOp\u017f", "")], ["role/DevOps matches"]),
        (
            "v0.7.7",
            [("role/DevOps", ""), ("role/DevOp\u017f", "")],
            [
                "role/DevOps matches (one of 2 mappings for it; the authenticator uses one at random)",
                "role/DevOp\u017f matches (one of 2 mappings for it; the authenticator uses one at random)",
            ],
        ),
        (
            "v0.7.6",
            [("role/DevOps", ""), ("role/DEVOPS", "")],
            ["role/DEVOPS matches (the last of 2 mappings for it; the others are ignored)"],
        ),
        ("v0.7.6", [("role/DevOps", ", Groups: [g], GROUPS: [h]")], ["role/DevOps matches"] * 2),
    ],
)
def test_how_many_entries_there_are_for_a_caller(version: str, entries: list[tuple[str, str]], ends: list[str]) -> None:
    listed = "".join(
        f"  - {{rolearn: 'arn:aws:iam::{ACCOUNT}:{name}', username: '{index}'{more}}}\n"
        for index, (name, more) in enumerate(entries)
    )
    answer = load(f"server:\n  mapRoles:\n{listed}", version).whois(who("role/DevOps"))
    assert [each.reason for each in (answer, *answer.alternatives)] == [
        f"the mapping for arn:aws:iam::{ACCOUNT}:{end}" for end in ends
    ]


def test_a_grant_is_named_with_the_letters_that_a_caller_can_have() -> None:
    loaded = load(f"server:\n  mapRoles: [{{rolearn: 'arn:aws:iam::{ACCOUNT}:role/DevOp\u017f', username: a}}]\n")
    assert [grant.principal for grant in loaded.grants] == [f"arn:aws:iam::{ACCOUNT}:role/DevOps"]


@pytest.mark.parametrize(
    ("version", "entry", "principals"),
    [
        ("v0.7.6", "mapRoles: [{rolearn: 'arn:aws:iam::111122223333:role/DevOp\u017f', username: a}]", []),
        ("v0.7.9", "mapUsers: [{userarn: 'arn:aws:iam::111122223333:user/Bo\u017fs', username: a}]", []),
        (
            "v0.7.6",
            "mapUsers: [{userarn: 'arn:aws:iam::111122223333:user/\u0130van', username: a}]",
            ["arn:aws:iam::111122223333:user/ivan"],
        ),
    ],
)
def test_letters_that_the_release_does_not_take_for_ascii_ones_give_nobody_anything(
    version: str, entry: str, principals: list[str]
) -> None:
    loaded = load(f"server:\n  {entry}\n", version)
    assert [grant.principal for grant in loaded.grants] == principals


def test_lists_are_lowered_by_every_viper_from_1_19_on() -> None:
    tags = [item.split()[1] for item in recorded_items() if item.startswith("viper ")]
    later = [tag for tag in tags if DaemonVersion.parse(tag) >= DaemonVersion(1, 19, 0)]
    assert later == ["v1.19.0", "v1.20.1", "v1.21.0"]
    assert [each for each in known_releases() if lowers_lists(each) is not each.has_viper(*later)] == []


@pytest.mark.parametrize(("version", "refuses"), [("v0.5.27", False), ("v0.6.29", False), ("v0.6.30", True)])
def test_a_key_that_is_there_twice(version: str, *, refuses: bool) -> None:
    failure = load("clusterID: d\n", version).failure
    reason = "the key 'clusterID' is a duplicate (line 2), which this release rejects"
    assert (failure and failure.reason) == (reason if refuses else None)


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


def test_keys_of_many_kinds_of_items() -> None:
    for number in range(3000):
        assert field_values({f"k{number}": 1, "A": 2}, ("a",)) == [2]
        assert has_doubles({f"k{number}": 1, "A": 2, "a": 3})
    large = {f"k{number}": 1 for number in range(100)}
    assert field_values({**large, "A": 2}, ("a",)) == [2]
    assert field_values({**large, "a": 3}, ("a",)) == [3]


class Key(str):
    """A text that can be referred to weakly."""


def test_the_keys_of_a_large_mapping_are_not_kept() -> None:
    mapping: dict[str, int] = {Key(f"k{number}"): number for number in range(100)}
    kept = [weakref.ref(key) for key in mapping]
    assert (field_values(mapping, ("a",)), has_doubles(mapping)) == ([None], False)
    del mapping
    gc.collect()
    assert [key for key in kept if key() is not None] == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("sso: {permissionSetName: A, accountID: '111122223333'}", "a role mapping has both rolearn and sso"),
        ("userid: [a]", "userid must be a string, not a list"),
        ("username: [a]", "username must be a string, not a list"),
        ("groups: [[a]]", "a group must be a string, not a list"),
    ],
)
def test_an_entry_that_is_nearly_as_usual_is_read_in_full(more: str, reason: str) -> None:
    usual = {"roleARN": f"'arn:aws:iam::{ACCOUNT}:role/A'", "username": "a", "groups": "[g]"}
    key, _, value = more.partition(": ")
    item = ", ".join(f"{name}: {text}" for name, text in {**usual, key: value}.items())
    loaded = Authenticator.load(f"clusterID: c\nserver: {{mapRoles: [{{{item}}}]}}\n", version="v0.7.9")
    assert loaded.failure is not None
    assert loaded.failure.reason == reason
