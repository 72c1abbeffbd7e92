"""The token review: templates, prefixes, what an answer has besides its reason, and what else it may be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import identity_of, read_caller
from tarmak_iam.identity.model import IdentityMapping, no_place
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.token_review import match_reason, unrendered_hint, with_alternatives
from tarmak_iam.routes import Route
from tests.support.token_reviews import GATE, ROLE, USER, VIEW, ask, roles, sso


def test_what_is_no_template_of_the_release() -> None:
    assert unrendered_hint("a:{{X}}:{{Y}}") == "; this release does not replace {{X}}"
    assert unrendered_hint("a:{{X") == ""
    server = {"mapUsers": [{"userarn": f"{USER}/Al", "username": "a:{{AccountID}}", "groups": ["{{AccountID}}"]}]}
    new, old = ask(f"{USER}/Al", server), ask(f"{USER}/Al", server, version="v0.4.0")
    assert (new.username, new.groups) == ("a:111122223333", ["111122223333"])
    assert (old.username, old.groups) == ("a:{{AccountID}}", ["{{AccountID}}"])
    assert new.reason == f"the mapping for {USER}/Al matches"
    assert old.reason == f"{new.reason}; this release does not replace {{{{AccountID}}}}"


def test_a_template_that_cannot_be_rendered() -> None:
    server: dict[str, Any] = {"mapRoles": [{"rolearn": f"{ROLE}/Admin", "username": "{{EC2PrivateDNSName}}"}]}
    answer = ask(f"{ROLE}/Admin", server)
    assert (answer.authenticated, str(answer.place)) == (False, "config.yaml:1:47")
    assert answer.reason == (
        f"the mapping for {ROLE}/Admin matches, but {{{{EC2PrivateDNSName}}}} requires a session name that is an "
        "instance ID; it is 's'"
    )


@pytest.mark.parametrize(("prefixes", "is_reserved"), [(["zz", "adm"], True), (["", "dm"], False)])
def test_reserved_prefixes(prefixes: list[str], is_reserved: bool) -> None:
    server: dict[str, Any] = {
        "mapRoles": [{"rolearn": f"{ROLE}/Admin", "username": "adm:x"}],
        "reservedPrefixConfig": [{"backendMode": "MountedFile", "usernamePrefixReserveList": prefixes}],
    }
    answer = ask(f"{ROLE}/Admin", server)
    assert (answer.authenticated, str(answer.place)) == (not is_reserved, "config.yaml:1:47")
    but = ", but the username 'adm:x' begins with the reserved prefix 'adm'" if is_reserved else ""
    assert answer.reason == f"the mapping for {ROLE}/Admin matches{but}"


def test_the_clusters_id_and_the_partition() -> None:
    server = roles(f"{ROLE}/Admin")
    assert ask(f"{ROLE}/Admin", server, cluster_id="test").username == "u0"
    denied = ask(f"{ROLE}/Admin", server, cluster_id="other")
    assert (denied.started, denied.authenticated, str(denied.place)) == (True, False, "config.yaml:1:15")
    assert denied.reason == "the token is for the cluster ID 'other', but the configuration has 'test'"
    abroad = ask("arn:aws-cn:iam::111122223333:role/Admin", server)
    assert (abroad.authenticated, abroad.route) == (False, None)
    assert abroad.reason == "the caller is in partition aws-cn, but the authenticator is in partition aws"


ARN = "arn:aws:sts::111122223333:assumed-role/Admin/s"
BEFORE_0_6 = {
    "accessKeyId": ["AKIA1"],
    "arn": [ARN],
    "canonicalArn": [f"{ROLE}/Admin"],
    "sessionName": ["s"],
}


@pytest.mark.parametrize(
    ("version", "extra"),
    [
        ("v0.4.0", None),
        ("v0.5.9", BEFORE_0_6),
        ("v0.6.20", {**BEFORE_0_6, "principalId": ["AROAX"]}),
        (
            "v0.7.9",
            {
                **BEFORE_0_6,
                "principalId": ["AROAX"],
                "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROAX"],
            },
        ),
    ],
)
def test_uid_and_extra(version: str, extra: dict[str, list[str]] | None) -> None:
    text = json.dumps({"clusterID": "test", "server": roles(f"{ROLE}/Admin")})
    answer = Authenticator.load(text, version=version).whois(Identity(ARN, "111122223333", "AROAX:s", "AKIA1"))
    assert (answer.uid, answer.extra) == ("aws-iam-authenticator:111122223333:AROAX", extra)


def test_a_scrubbed_account() -> None:
    answer = ask(f"{ROLE}/Admin", {**roles(f"{ROLE}/Admin"), "scrubbedAccounts": ["111122223333"]}, user_id="AROAX")
    assert (answer.uid, answer.extra) == ("aws-iam-authenticator:administrative:u0", None)


def test_alternatives_are_those_that_differ() -> None:
    one = Answer(started=True, authenticated=True, username="a", groups=["g"], reason="1")
    same = replace(one, reason="2")
    groups = replace(one, groups=None)
    other = replace(one, username="b", alternatives=(groups,))
    assert with_alternatives([one]) is one
    assert with_alternatives([one, same]) == one
    assert with_alternatives([one, other]) == replace(one, alternatives=(replace(other, alternatives=()), groups))
    assert with_alternatives([groups, replace(one, groups=[])]) == groups


def test_the_daemon_picks_one_of_those_that_match() -> None:
    server = {"mapRoles": [{"rolearn": VIEW, "username": "exact"}, *sso()["mapRoles"]]}
    answer = ask(VIEW, server, GATE)
    assert [(each.username, each.reason) for each in (answer, *answer.alternatives)] == [
        ("exact", f"the mapping for {VIEW} matches"),
        ("v", "the SSO mapping of permission set View in account 111122223333 matches"),
    ]


def crd(name: str, arn: str) -> dict[str, Any]:
    return {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": name},
        "spec": {"arn": arn, "username": name},
    }


def test_objects_for_one_arn() -> None:
    objects = {"apiVersion": "v1", "kind": "List", "items": [crd("a", f"{ROLE}/Admin"), crd("b", f"{ROLE}/admin")]}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=CRD", c_yaml=objects)
    assert [(each.username, each.reason) for each in (answer, *answer.alternatives)] == [
        ("a", f"the mapping for {ROLE}/Admin matches (one of 2 objects for it; the authenticator uses one at random)"),
        ("b", f"the mapping for {ROLE}/admin matches (one of 2 objects for it; the authenticator uses one at random)"),
    ]


def test_entries_of_a_file_that_match_at_random_are_no_objects() -> None:
    caller = read_caller(identity_of(f"{ROLE}/Admin"), DaemonVersion.parse("v0.7.9"))
    first, second = (IdentityMapping("role", f"{ROLE}/Admin", "a", (), Route.of((number,))) for number in (0, 1))
    filed = {f"{ROLE}/admin": (first, second)}
    for backend, is_carried, text in [
        ("CRD", True, "one of 2 mappings for it"),
        ("CRD", False, "one of 2 objects for it"),
        ("MountedFile", False, "one of 2 mappings for it"),
    ]:
        table = BackendTable(backend, filed, {}, no_place, written=(first, second), is_carried=is_carried)
        assert match_reason(first, caller, table, (table,)) == (
            f"the mapping for {ROLE}/Admin matches ({text}; the authenticator uses one at random)"
        )


def test_places_are_those_of_the_backends_own_file() -> None:
    data = {"mapRoles": json.dumps([{"rolearn": "arn:aws:sts::111122223333:assumed-role/Admin/x", "username": "a"}])}
    auth = {"kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": data}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=EKSConfigMap", c_yaml=auth)
    assert (str(answer.place), str(answer.route)) == ("c.yaml:1:78", "data.mapRoles[0]")
    auth["data"] = {"mapAccounts": json.dumps(["1111-2222-3333"])}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=EKSConfigMap", c_yaml=auth)
    assert (str(answer.place), str(answer.route)) == ("c.yaml:1:81", "data.mapAccounts")
    answer = ask(f"{ROLE}/Admin", {"mapAccounts": ["111122223333"]}, "--backend-mode=CRD", is_carried=True)
    assert (str(answer.place), str(answer.route)) == ("config.yaml:1:49", "server.mapAccounts")


@pytest.mark.parametrize(
    ("kind", "folds_roles", "folds_users", "among"),
    [
        ("role", True, False, " (the last of 2 mappings for it; the others are ignored)"),
        ("role", False, True, ""),
        ("user", True, False, ""),
        ("user", False, True, " (the last of 2 mappings for it; the others are ignored)"),
    ],
)
def test_which_entries_a_release_takes_for_the_same(
    kind: str, folds_roles: bool, folds_users: bool, among: str
) -> None:
    caller = read_caller(identity_of(f"{ROLE}/Sam"), DaemonVersion.parse("v0.7.9"))
    arns = (f"{ROLE}/Sam", f"{ROLE}/\N{LATIN SMALL LETTER LONG S}am", "x/Sam")
    written = tuple(IdentityMapping(kind, arn, "a", (), Route.of((number,))) for number, arn in enumerate(arns))
    table = BackendTable(
        "MountedFile", {}, {}, no_place, written=written, folds_roles=folds_roles, folds_users=folds_users
    )
    assert match_reason(written[0], caller, table, (table,)) == f"the mapping for {ROLE}/Sam matches{among}"
