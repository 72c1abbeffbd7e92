"""Who gets what: every principal once, by the entry that decides, and nobody who cannot be."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.authenticator import Authenticator, Granting
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import identity_of
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


def test_an_arn_in_capitals_is_one() -> None:
    text = "clusterID: t\nserver:\n  mapRoles:\n  - {rolearn: 'ARN:AWS:IAM::111122223333:ROLE/ADMIN', username: a}\n"
    (grant,) = Authenticator.load(text, version="v0.6.20").grants
    assert grant.principal == "arn:aws:iam::111122223333:role/admin"
    assert Authenticator.load(text, version="v0.7.9").failure


def test_no_sso_without_the_gate_and_nobody_without_a_daemon() -> None:
    kinds = [grant.kind for grant in Authenticator.load(TEXT, version="v0.7.9").grants]
    assert kinds == ["arn", "arn", "arn", "account"]
    assert Authenticator.load(TEXT, version="v0.6.20").grants == ()


SHADOW = """\
clusterID: t
server:
  mapRoles:
  - {sso: {permissionSetName: Admin, accountID: "111122223333"}, username: a, groups: [view]}
  - {sso: {permissionSetName: Admin_RO, accountID: "111122223333"}, username: ro, groups: []}
  mapUsers:
  - {userarn: "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef", username: u, groups: [x]}
  mapAccounts: ["111122223333"]
  reservedPrefixConfig: [{backendMode: MountedFile, usernamePrefixReserveList: ["u"]}]
"""


def test_a_pattern_is_asked_before_users() -> None:
    loaded = Authenticator.load(SHADOW, version="v0.7.9", args=["--feature-gates=SSORoleMatch=true"])
    assert [(grant.kind, grant.username) for grant in loaded.grants] == [
        ("sso", "a"),
        ("sso", "ro"),
        ("arn", "a"),
        ("account", ""),
    ]
    # Without the gate the entry is the user's own, whose reserved name is refused, whatever the account admits.
    ungated = Authenticator.load(SHADOW, version="v0.7.9")
    assert [grant.kind for grant in ungated.grants] == ["account"]
    # A permission set that nobody maps any more may still fit another one's pattern.
    without = Authenticator.load(SHADOW.replace("Admin_RO", "Other"), args=["--feature-gates=SSORoleMatch=true"])
    read_only = next(grant for grant in loaded.grants if grant.username == "ro")
    assert [grant.username for grant in [without.grant(read_only)] if grant] == ["a"]


def test_a_name_that_v0_4_0_always_refuses_gives_nothing() -> None:
    text = "clusterID: t\nserver:\n  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/A', username: %s}\n"
    assert Authenticator.load(text % "ADMIN", version="v0.4.0").grants == ()
    assert len(Authenticator.load(text % "ADMIN", version="v0.5.9").grants) == 1
    assert len(Authenticator.load(text % "'{{SessionName}}'", version="v0.4.0").grants) == 1


def test_a_user_is_no_instance_so_its_name_gives_nothing() -> None:
    text = (
        "clusterID: t\nserver:\n  mapRoles:\n"
        "  - {rolearn: 'arn:aws:iam::111122223333:role/A', username: 'a:{{EC2PrivateDNSName}}'}\n"
        "  mapUsers:\n"
        "  - {userarn: 'arn:aws:iam::111122223333:user/B', username: b, groups: ['b:{{EC2PrivateDNSName}}']}\n"
        "  - {userarn: 'arn:aws:iam::111122223333:root', username: 'c:{{EC2PrivateDNSName}}'}\n"
    )
    loaded = Authenticator.load(text, version="v0.6.20")
    assert [grant.principal for grant in loaded.grants] == ["arn:aws:iam::111122223333:role/A"]
    for arn in ("arn:aws:iam::111122223333:user/B", "arn:aws:iam::111122223333:root"):
        assert not loaded.whois(identity_of(arn)).authenticated
    assert len(Authenticator.load(text, version="v0.4.0").grants) == 3  # which takes a user's names as they are


def test_entries_by_unique_id_with_an_arn_beside_it() -> None:
    text = '{"mapRoles": [{"rolearn": "arn:aws:iam::111122223333:role/A", "userid": "AROA1", "username": "a"}]}'
    config = "clusterID: t\nserver: {dynamicfilepath: d.json, dynamicfileUserIDStrict: true}\n"
    loaded = Authenticator.load(config, args=["--backend-mode=DynamicFile"], files={"d.json": text})
    assert [(grant.kind, grant.principal, grant.username) for grant in loaded.grants] == [("userid", "AROA1", "a")]


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


def test_a_principal_of_one_of_several_equal_keys_is_not_sure() -> None:
    arns = "RoleArn: 'arn:aws:iam::111122223333:role/a', roleArn: 'arn:aws:iam::111122223333:role/b'"
    loaded = Authenticator.load(f"clusterID: t\nserver: {{mapRoles: [{{{arns}, username: x}}]}}\n", version="v0.6.20")
    assert [(grant.principal[-1], grant.is_sure) for grant in loaded.grants] == [("b", False), ("a", False)]
