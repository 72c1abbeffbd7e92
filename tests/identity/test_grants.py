"""Who gets what: every principal once, by the entry that decides, and nobody who cannot be."""

from __future__ import annotations

from tarmak_iam.identity import Authenticator

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
