"""Who gets what: every principal once, by the entry that decides. cases/grants.txt has more."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.authenticator import Authenticator, Granting
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.model import IdentityMapping, no_place
from tarmak_iam.routes import Route

TEXT = """\
clusterID: test
server:
  mapRoles:
  - {rolearn: "arn:aws:iam::111122223333:role/Twice", username: first, groups: [a]}
  - {rolearn: "arn:aws:iam::111122223333:role/TWICE", username: "{{SessionName}}", groups: [b]}
  - {rolearn: "arn:aws:iam::111122223333:role/team/Pathed", username: pathed}
  - {rolearn: "arn:aws-cn:iam::111122223333:role/Far", username: far}
  - {rolearn: "arn:aws:sts::111122223333:assumed-role/Session/x", username: session}
  - {sso: {permissionSetName: View, accountID: "111122223333"}, username: sso}
  - {sso: {permissionSetName: View, accountID: "444455556666", partition: aws}, username: never}
  mapUsers:
  - {userarn: "arn:aws:iam::111122223333:role/Twice", username: shadowed}
  - {userarn: "arn:aws:iam::111122223333:user/team/Alice", username: alice, groups: ["system:masters"]}
  mapAccounts: ["444455556666", "12"]
"""


def test_every_principal_once() -> None:
    loaded = Authenticator.load(TEXT, version="v0.7.9", args=["--feature-gates=SSORoleMatch=true"])
    assert [(grant.kind, grant.principal, grant.username, grant.groups) for grant in loaded.grants] == [
        ("arn", "arn:aws:iam::111122223333:role/TWICE", "{{SessionName}}", ("b",)),
        ("arn", "arn:aws:iam::111122223333:role/Session", "session", ()),
        ("sso", "111122223333/View", "sso", ()),
        ("arn", "arn:aws:iam::111122223333:user/team/Alice", "alice", ("system:masters",)),
        ("account", "444455556666", "", ()),
    ]
    assert [grant.place.line if grant.place else None for grant in loaded.grants] == [5, 8, 9, 13, 14]
    ungated = Authenticator.load(TEXT, version="v0.7.9")
    assert [grant.kind for grant in ungated.grants] == ["arn", "arn", "arn", "account"]
    assert Authenticator.load(TEXT, version="v0.6.20").grants == ()  # which does not start


def test_a_permission_set_that_nobody_maps_may_fit_the_pattern_of_another_one() -> None:
    text = (
        "clusterID: t\nserver: {mapRoles: [{sso: {permissionSetName: %s, accountID: '111122223333'}, username: %s}]}\n"
    )
    asked, one = (
        Authenticator.load(text % each, args=["--feature-gates=SSORoleMatch=true"])
        for each in (("Admin_RO", "ro"), ("Admin", "a"))
    )
    assert [grant.username for grant in map(one.grant, asked.grants) if grant] == ["a"]


MAPPED = st.builds(
    "{{{}: 'arn:aws:iam::111122223333:{}', username: '{}', groups: [{}]}}".format,
    st.just("KIND"),
    st.sampled_from(
        ["role/a", "role/A", "user/a", "role/b", "user/team/a", "role/AWSReservedSSO_Dev_0123456789abcdef"]
    ),
    st.sampled_from(["x", "y", "{{EC2PrivateDNSName}}", "{{SessionName}}", "--", "aws:x"]),
    st.sampled_from(["", "g", "'{{EC2PrivateDNSName}}'"]),
)
ONE_SET = st.just("{sso: {permissionSetName: Dev, accountID: '111122223333'}, username: s}")


@given(
    st.lists(MAPPED.map(lambda entry: entry.replace("KIND", "roleARN")) | ONE_SET, max_size=5),
    st.lists(MAPPED.map(lambda entry: entry.replace("KIND", "userARN")), max_size=3),
    st.sampled_from(["", ", mapAccounts: ['111122223333']", ", mapAccounts: ['444455556666']"]),
    st.sampled_from(["v0.4.0", "v0.5.0", "v0.6.0", "v0.6.20", "v0.7.9", "v0.7.17"]),
)
def test_each_is_what_its_principal_gets(roles: list[str], users: list[str], more: str, version: str) -> None:
    text = f"clusterID: t\nserver: {{mapRoles: [{', '.join(roles)}], mapUsers: [{', '.join(users)}]{more}}}\n"
    prefixes = ", reservedPrefixConfig: [{backendMode: MountedFile, usernamePrefixReserveList: ['aws:']}]}"
    for each in (text, text.replace("}\n", f"{prefixes}\n")):
        loaded = Authenticator.load(
            each, version=version, args=["--feature-gates=SSORoleMatch=true"] * (version > "v0.6")
        )
        for grant in loaded.grants:
            asked = loaded.grant(grant)
            assert asked == grant
            assert asked is not None
            assert (asked.route, asked.is_sure, asked.is_by_account) == (
                grant.route,
                grant.is_sure,
                grant.is_by_account,
            )
            assert asked.place == grant.place


MAPPING = IdentityMapping("role", "arn:aws:iam::111122223333:role/Dev", "dev", (), Route())
TABLE = BackendTable("MountedFile", {MAPPING.arn.lower(): (MAPPING,)}, {}, no_place)
CONFIG = Authenticator.load("clusterID: t\n", version="v0.7.9").config


def usernames(*tables: BackendTable) -> list[str]:
    assert CONFIG is not None
    return [grant.username for grant in Granting(CONFIG, tables).all()]


def test_a_mapping_that_no_caller_may_use_grants_nothing() -> None:
    assert usernames(TABLE) == ["dev"]
    assert usernames(replace(TABLE, admits=lambda *_: False)) == []


def test_the_first_backend_with_the_principal_or_its_account_decides() -> None:
    later = replace(TABLE, roles={key: (MAPPING._replace(username="later"),) for key in TABLE.roles})
    assert usernames(TABLE, later) == ["dev"]
    by_account = BackendTable("CRD", {}, {}, no_place, accounts=frozenset(["111122223333"]))
    assert usernames(by_account, later) == [""]
