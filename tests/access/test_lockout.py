"""What a change must not do unasked, and what the daemon could not use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.access.lockout import check_admin_access, check_starts, has_admin, is_known, losses, principal_refusal
from tarmak_iam.errors import ConfigError, PolicyRefused
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.entries import parse_principal
from tarmak_iam.mappings.formats import read_mappings
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted
from tests.support.installations import installation

ADMIN, OTHER = "arn:aws:iam::111122223333:role/Admin", "arn:aws:iam::111122223333:user/bob"
NODE = "arn:aws:iam::111122223333:role/Node"
NODE_NAME = "system:node:{{EC2PrivateDNSName}}"
LAST = f"the last mapping to system:masters would be lost ({ADMIN})"
NO_NODES = f"the nodes of {NODE} could no longer join"


def made(*entries: tuple[str, str, str], extra: str = "") -> Installation:
    listed = "".join(
        f"  - {{roleARN: '{arn}', username: '{name}', groups: [{groups}]}}\n" for arn, name, groups in entries
    )
    return installation(mappings=f"clusterID: dev-cluster\nserver:\n  mapRoles:\n{listed}{extra}")


START = made((ADMIN, "admin", '"system:masters", ops'), (NODE, NODE_NAME, '"system:nodes"'))


def test_an_entry_that_matches_nobody_is_not_the_last_admin() -> None:
    """Users are looked up by what strings.ToLower makes of them, which leaves this letter as it is."""
    odd = "  mapUsers:\n  - {userARN: 'arn:aws:iam::111122223333:user/Bo\u017fs', groups: ['system:masters']}\n"
    before = made((ADMIN, "admin", '"system:masters"'), extra=odd)
    assert losses(before, made((ADMIN, "admin", "ops"), extra=odd)) == (LAST,)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (START, ()),
        (made((ADMIN, "other", '"system:masters"'), (NODE, NODE_NAME, '"system:nodes"')), ()),
        (made((NODE, NODE_NAME, '"system:nodes"')), (LAST,)),
        (made((ADMIN, "admin", "ops"), (NODE, NODE_NAME, '"system:nodes"')), (LAST,)),
        (made((ADMIN, "admin", '"system:masters"')), (NO_NODES,)),
        (made((ADMIN, "admin", '"system:masters"'), (NODE, "node", '"system:nodes"')), (NO_NODES,)),
        (made((ADMIN, "admin", '"system:masters"'), (NODE, NODE_NAME, "x")), (NO_NODES,)),
        (made((ADMIN, "admin", '"system:masters"'), (NODE, NODE_NAME, '"system:nodes", x')), ()),
        (made((ADMIN, NODE_NAME, '"system:masters"'), (NODE, NODE_NAME, '"system:nodes"')), (LAST,)),
        (made((ADMIN, "x", ""), (NODE, "x", "")), (LAST, NO_NODES)),
        (
            made(("arn:aws:iam::111122223333:role/New", "x", '"system:masters"'), (NODE, NODE_NAME, '"system:nodes"')),
            (),
        ),
        (made(("nonsense", "x", ""), (ADMIN, "admin", '"system:masters"')), (LAST, NO_NODES)),
    ],
)
def test_the_last_admin_and_the_nodes(after: Installation, expected: tuple[str, ...]) -> None:
    assert losses(START, after) == expected


@pytest.mark.parametrize(
    ("me", "after", "expected"),
    [
        (ADMIN, made((ADMIN, "admin", '"system:masters"')), "your own access would change: {}: loses ops"),
        (ADMIN, made((ADMIN, "x", '"system:masters", ops')), "your own access would change: {}: becomes x (was admin)"),
        (
            "arn:aws:sts::111122223333:assumed-role/Admin/alice",
            made((OTHER, "bob", '"system:masters"')),
            "your own access would change: {}: can no longer log in; loses system:masters, ops",
        ),
        (ADMIN, made((ADMIN, "admin", '"system:masters", ops, more')), None),
        ("arn:aws:iam::111122223333:role/Nobody", made((OTHER, "bob", '"system:masters"')), None),
    ],
)
def test_ones_own_entry(me: str, after: Installation, expected: str | None) -> None:
    found = [loss for loss in losses(START, after, me) if loss.startswith("your own")]
    assert found == ([] if expected is None else [expected.format(ADMIN)])


def by_chance(keys: str) -> Installation:
    """An entry for the admin whose keys the daemon takes at random."""
    node = f"{{roleARN: '{NODE}', username: '{NODE_NAME}', groups: ['system:nodes']}}"
    entries = f"  - {{roleARN: '{ADMIN}', username: admin, {keys}}}\n  - {node}\n"
    return installation(mappings=f"clusterID: dev-cluster\nserver:\n  mapRoles:\n{entries}", daemonVersion="v0.7.9")


MAYBE = by_chance("Groups: ['system:masters', ops], GROUPS: [ops]")
AT_EVERY_START = f"the last mapping to system:masters that takes effect at every start would be lost ({ADMIN})"


def test_an_admin_by_chance_is_no_safe_last_one() -> None:
    assert losses(START, MAYBE) == (f"{AT_EVERY_START}: every other one takes effect only at random",)
    assert losses(MAYBE, MAYBE) == ()
    assert losses(MAYBE, by_chance("groups: [ops]")) == (LAST,)
    assert losses(MAYBE, START) == ()
    assert losses(START, MAYBE, ADMIN)[-1] == (
        f"your own access would change: {ADMIN}: loses system:masters; "
        "or, chosen at random: admin with groups system:masters, ops"
    )


def test_an_admin_by_chance_is_one() -> None:
    assert has_admin(by_chance("groups: [dev], Groups: ['system:masters'], GROUPS: [dev]"))
    assert not has_admin(by_chance("groups: [dev], Groups: [dev], GROUPS: [ops]"))


@pytest.mark.parametrize(
    ("username", "groups", "lost"),
    [
        (NODE_NAME, '"system:nodes"', (NO_NODES,)),
        ("system:node:n1", '"system:bootstrappers", "system:nodes"', (NO_NODES,)),
        (NODE_NAME, '"system:bootstrappers"', ()),
        ("kubelet", '"system:nodes"', ()),
        ("system:nodes", '"system:nodes"', ()),
        ("system:node:{{EC2PrivateDNSname}}", '"system:nodes"', ()),
        ("system:node:ip-10-0-0-1 ", '"system:nodes"', ()),
        ("system:node:{{SessionName}}.example.com", '"system:nodes"', (NO_NODES,)),
    ],
)
def test_what_has_only_one_half_of_a_node_had_no_access(username: str, groups: str, lost: tuple[str, ...]) -> None:
    admin = (ADMIN, "admin", '"system:masters"')
    assert losses(made(admin, (NODE, username, groups)), made(admin)) == lost


@pytest.mark.parametrize(
    "group",
    [
        *("system:nodes", "system:monitoring", "system:authenticated", "system:serviceaccounts", "system:masters:ops"),
        *("system:master", "System:Masters", "masters", "cluster-admin", "system:"),
    ],
)
def test_groups_that_make_no_admin(group: str) -> None:
    assert not has_admin(made((ADMIN, "admin", f'"{group}"')))
    assert losses(START, made((ADMIN, "admin", f'"{group}"'), (NODE, NODE_NAME, '"system:nodes"'))) == (LAST,)


@pytest.mark.parametrize("keys", ["Groups: ['system:nodes'], GROUPS: [x]", "groups: ['system:nodes']"])
def test_a_node_by_chance_is_none_but_may_stay_one(keys: str) -> None:
    keys = f"username: '{NODE_NAME}', userName: node, {keys}"
    admin = f"{{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}"
    mappings = f"clusterID: dev-cluster\nserver:\n  mapRoles:\n  - {{roleARN: '{NODE}', {keys}}}\n  - {admin}\n"
    maybe = installation(mappings=mappings, daemonVersion="v0.6.20")
    assert losses(START, maybe) == (NO_NODES,)
    assert losses(maybe, maybe) == ()


def test_what_a_daemon_would_mean_to_give_that_starts_neither_before_nor_after() -> None:
    before = made((ADMIN, "admin", '"system:masters"'), ("nonsense", "x", ""))
    assert losses(before, made((ADMIN, "admin", '"system:masters"'), ("rubbish", "x", ""))) == ()
    assert losses(before, made((ADMIN, "admin", "ops"), ("rubbish", "x", ""))) == (LAST,)


def test_the_place_of_another_failure_is_left_out() -> None:
    """It lies in a text that is not written."""
    before = made(("nonsense", "x", ""))
    for after, place in (
        (made(("nonsense", "y", "")), "aws-iam-authenticator.yaml:4:5"),
        (made(("rubbish", "x", "")), ""),
    ):
        with pytest.raises(ConfigError) as caught:
            check_starts(before, after)
        assert str(caught.value.place or "") == place


def test_only_what_really_counts_is_a_loss() -> None:
    shadowed = made((ADMIN, "first", '"system:masters"'), (ADMIN, "admin", '"system:masters"'))
    assert losses(shadowed, made((ADMIN, "admin", '"system:masters"'))) == ()
    never_was = made((ADMIN, "admin", '"system:masters"'), (ADMIN, "dev", "dev"))
    assert losses(never_was, made((ADMIN, "dev", "dev"))) == ()
    assert losses(never_was, made()) == ()


def test_of_a_file_that_does_not_start_what_it_means_counts() -> None:
    broken = made((ADMIN, "admin", '"system:masters"'), ("nonsense", "x", ""))
    assert losses(broken, made(("nonsense", "x", ""))) == (LAST,)
    assert losses(broken, made((ADMIN, "admin", '"system:masters"'))) == ()


SSO_ADMIN = (
    "  - sso: {permissionSetName: Ops, accountID: '111122223333'}\n    username: ops\n    groups: ['system:masters']\n"
)


def test_of_a_file_that_does_not_start_sso_entries_count_with_their_name() -> None:
    broken = made((ADMIN, "admin", '"system:masters"'), ("nonsense", "x", ""), extra=SSO_ADMIN)
    sso = "sso:111122223333/Ops"
    lost = f"the last mapping to system:masters would be lost ({ADMIN}, {sso})"
    assert losses(broken, made(("rubbish", "x", ""))) == (lost,)
    assert losses(broken, made((ADMIN, "admin", ""), (ADMIN, "dev", ""))) == (lost,)
    assert losses(broken, made(("rubbish", "x", ""), extra=SSO_ADMIN)) == ()
    assert losses(broken, installation(mappings=None)) == (lost,)


def test_who_is_known_in_a_file_that_does_not_start() -> None:
    """An entry with an ARN and `sso` is of its ARN, and only an account admits everybody of it."""
    both = f"  - {{roleARN: '{ADMIN}', sso: {{permissionSetName: Ops, accountID: '111122223333'}}, username: x}}\n"
    assert is_known(made(("nonsense", "x", ""), extra=both), ADMIN)
    accounts = "  mapAccounts: ['111122223333']\n"
    assert is_known(made((ADMIN, "admin", ""), ("nonsense", "x", ""), extra=accounts), OTHER)
    assert not is_known(made((ADMIN, "admin", ""), ("nonsense", "x", "")), OTHER)
    users = "  mapUsers: [{userARN: '111122223333', username: x, groups: []}]\n"
    assert not is_known(made(("nonsense", "x", ""), extra=users), OTHER)


def test_after_a_file_that_did_not_start_the_new_one_is_judged_by_what_it_really_gives() -> None:
    broken = made((ADMIN, "admin", '"system:masters"'), ("nonsense", "x", ""))
    shadowed = made((ADMIN, "admin", '"system:masters"'), (ADMIN, "dev", "dev"))
    assert losses(broken, shadowed) == (LAST,)


def test_several_admins_are_all_named() -> None:
    before = made((ADMIN, "admin", '"system:masters"'), (NODE, "ops", '"system:masters"'))
    assert losses(before, made()) == (f"the last mapping to system:masters would be lost ({ADMIN}, {NODE})",)


def test_the_refusal_says_what_stays() -> None:
    with pytest.raises(PolicyRefused) as caught:
        check_admin_access(START, made())
    assert str(caught.value) == (
        f"{LAST}; {NO_NODES}; nothing was changed; use --force to do it anyway; the admin certificate was not examined"
    )
    check_admin_access(START, START)
    with pytest.raises(ConfigError, match="is not a valid ARN of a caller"):
        check_admin_access(START, made(), "bob")


def test_what_the_daemon_would_refuse() -> None:
    good, broken = made((ADMIN, "a", "")), made(("nonsense", "x", ""))
    check_starts(broken, good)
    check_starts(broken, broken, repairs=True)
    for repairs in (False, True):
        with pytest.raises(ConfigError) as caught:
            check_starts(good, broken, repairs=repairs)
        assert str(caught.value) == (
            "authenticator v0.7.18 would not start: 'nonsense' is not accepted as an ARN: it does not "
            "begin with 'arn:'; "
            "nothing was changed; fix the mappings, or change image and daemonVersion in the settings"
        )
    with pytest.raises(ConfigError, match=r"^aws-iam-authenticator\.yaml:4:5: authenticator v0\.7\.18 would not start"):
        check_starts(broken, broken)


@pytest.mark.parametrize(
    "case", YAML(typ="safe").load(Path(__file__).with_name("refusals.yaml")), ids=lambda case: str(case["principal"])
)
def test_what_an_installation_cannot_use(case: dict[str, Any]) -> None:
    refusal = principal_refusal(installation(**case.get("overrides", {})))(parse_principal(case["principal"]))
    assert (refusal and str(refusal)) == case.get("message")


ENTRY = st.tuples(
    st.sampled_from([ADMIN, OTHER, NODE]), st.sampled_from("ab"), st.sampled_from(['"system:masters"', "dev", ""])
)


@given(st.lists(ENTRY, max_size=4), st.lists(ENTRY, max_size=4))
def test_the_last_admin_never_goes_unseen(old: list[tuple[str, str, str]], new: list[tuple[str, str, str]]) -> None:
    before, after = made(*old), made(*new)
    had = any("system:masters" in grant.groups for grant in before.authenticator().grants)
    has = any("system:masters" in grant.groups for grant in after.authenticator().grants)
    lost = any(loss.startswith("the last mapping to system:masters") for loss in losses(before, after))
    assert lost == (had and not has)


@given(st.lists(ENTRY, min_size=1, max_size=4), st.sampled_from([ADMIN, OTHER, NODE]))
def test_nor_by_removing_or_updating(old: list[tuple[str, str, str]], principal: str) -> None:
    before = made(*old)
    assert before.mappings is not None
    updated, _ = before.mappings.merge([Wanted(principal, "x", ("dev",))])
    for after in (before.mappings.remove(principal), updated):
        admins = [entry for entry in before.authenticator().grants if "system:masters" in entry.groups]
        then = replace(before, mappings=after)
        if admins and not any("system:masters" in entry.groups for entry in then.authenticator().grants):
            with pytest.raises(PolicyRefused, match="the last mapping to system:masters"):
                check_admin_access(before, then)


def test_an_import_is_a_change_like_others() -> None:
    text = f"iamIdentityMappings: [{{arn: '{ADMIN}', username: admin, groups: [dev]}}]\n"
    assert START.mappings is not None
    after, _ = START.mappings.merge(read_mappings(text, "f").entries)
    assert losses(START, replace(START, mappings=after)) == (LAST,)
    assert isinstance(after, Mappings)
