"""Who gains and who loses what: literal lines for literal changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.access.diff import Effect, Standings, change_of, changes, effects
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Grant
from tests.support.installations import installation

ROLE = "arn:aws:iam::111122223333:role/Dev"


def load(server: str, version: str = "v0.7.9", *gates: str) -> Authenticator:
    args = [f"--feature-gates={gate}" for gate in gates]
    return Authenticator.load(f"clusterID: c\nserver: {{{server}}}\n", version=version, args=args)


def role(username: str = "dev", *groups: str, arn: str = ROLE) -> str:
    return f"mapRoles: [{{roleARN: '{arn}', username: '{username}', groups: {list(groups)}}}]"


def test_what_may_be_gone_is_a_loss() -> None:
    assert Effect(ROLE, "arn", "dev", "dev", or_else=("nothing",)).is_loss
    assert not Effect(ROLE, "arn", None, "dev", or_else=("nothing",)).is_loss
    assert not Effect(ROLE, "arn", "dev", "dev", gained=("g",)).is_loss


def test_another_reason_not_to_start_is_an_effect() -> None:
    before, same, other = (load(f"mapRoles: [{{roleARN: {text}}}]") for text in ("nonsense", "nonsense", "rubbish"))
    assert effects(before, same) == ()
    assert [each.reason for each in effects(before, other)] == [
        "config.yaml:2:21: 'rubbish' is not accepted as an ARN: it does not begin with 'arn:'"
    ]


SSO = "mapRoles: [{sso: {permissionSetName: Dev, accountID: '111122223333'}, username: sso, groups: [g]}]"
OWN = "arn:aws:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcdef"


@pytest.mark.parametrize("case", YAML(typ="safe").load(Path(__file__).with_name("effects.yaml")), ids=str)
def test_what_changes_for_whom(case: dict[str, Any]) -> None:
    before, after = (load(case[side], "v0.7.9", "SSORoleMatch=true") for side in ("before", "after"))
    assert [effect.text for effect in effects(before, after)] == case["effects"]


def test_the_gate_and_the_version_count_too() -> None:
    assert [each.text for each in effects(load(SSO, "v0.7.9", "SSORoleMatch=true"), load(SSO))] == [
        "sso:111122223333/Dev: can no longer log in; loses g"
    ]


def test_installations() -> None:
    before, after = installation(), installation(mappings=None)
    assert effects(before, after) == (
        Effect("arn:aws:iam::111122223333:role/Admin", "arn", before="admin", after=None, lost=("system:masters",)),
    )
    assert effects(before, installation(daemonVersion="v0.4.0")) == ()


def test_what_a_terminal_would_act_on_is_an_escape() -> None:
    assert Effect(ROLE, "arn", None, "a\x1b[31m").text == f"{ROLE}: can log in as a\\x1b[31m without groups"


ENTRY = st.builds(
    "{{roleARN: 'arn:aws:iam::111122223333:role/{}', username: {}, groups: [{}]}}".format,
    st.sampled_from("abc"),
    st.sampled_from("xy"),
    st.sampled_from(["", "g", "g, h"]),
)
SERVER = st.lists(ENTRY, max_size=5).map(lambda entries: f"mapRoles: [{', '.join(entries)}]")


@given(SERVER, SERVER)
def test_nothing_for_the_same_and_the_opposite_on_the_way_back(one: str, other: str) -> None:
    assert effects(load(one), load(one)) == ()
    there, back = effects(load(one), load(other)), effects(load(other), load(one))
    assert {(each.principal, each.before, each.after, each.gained, each.lost) for each in there} == {
        (each.principal, each.after, each.before, each.lost, each.gained) for each in back
    }


NAMED = st.builds(
    "{{roleARN: 'arn:aws:iam::111122223333:role/{}', username: {}, groups: [{}]}}".format,
    st.sampled_from(["a", "A", "team/b", "AWSReservedSSO_Dev_0123456789abcdef"]),
    st.sampled_from("xy"),
    st.sampled_from(["", "g", "g, h"]),
)
SET = st.builds(
    "{{sso: {{permissionSetName: Dev, accountID: '111122223333'}}, username: {}}}".format, st.sampled_from("xy")
)
ANY = st.builds(
    lambda roles, accounts: f"mapRoles: [{', '.join(roles)}], mapAccounts: {accounts}",
    st.lists(NAMED | SET, max_size=4),
    st.sampled_from([[], ["111122223333"], ["444455556666"]]),
)


@given(ANY, ANY)
def test_they_are_what_callers_see(one: str, other: str) -> None:
    before, after = (load(server, "v0.7.9", "SSORoleMatch=true") for server in (one, other))
    told = {(each.kind, each.principal.lower()) for each in effects(before, after)}
    named = {grant.key for grant in (*before.grants, *after.grants)}
    for name in ("a", "b", "AWSReservedSSO_Dev_0123456789abcdef", "other"):
        caller = identity_of(f"arn:aws:iam::111122223333:role/{name}")
        seen = [
            {(each.username, tuple(sorted(each.groups or ()))) for each in (answer, *answer.alternatives)}
            for answer in (before.whois(caller), after.whois(caller))
        ]
        own = ("arn", f"arn:aws:iam::111122223333:role/{name}".lower())
        by_others = {("sso", "111122223333/dev"), ("account", "111122223333")} & told
        assert (seen[0] != seen[1]) <= (own in told or (own not in named and bool(by_others)))
        if own in told:
            assert seen[0] != seen[1]


@given(ANY, ANY)
def test_only_the_principals_that_may_differ_are_compared(one: str, other: str) -> None:
    sides = [Standings.of_daemon(load(server, "v0.7.9", "SSORoleMatch=true")) for server in (one, other)]
    before, after = sides
    asked = (*before.grants, *(grant for grant in after.grants if grant.key not in before))
    every = [change_of(grant, before, after) for grant in asked]
    assert list(changes(before, after)) == [each for each in every if each is not None]
    for side in sides:
        assert side.who_may(is_of_x) == [grant for grant in side.grants if side.may(grant, is_of_x)]


def is_of_x(grant: Grant) -> bool:
    return grant.username == "x"


def test_of_two_entries_for_a_principal_the_last_one_decides() -> None:
    first, last = (Grant("arn", ROLE, name, (), "MountedFile") for name in "xy")
    assert Standings([first, last]).who_may(is_of_x) == []
    assert Standings([last, first]).who_may(is_of_x) == [last, first]
