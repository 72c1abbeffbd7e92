"""Mappings as EKS access entries: what each becomes, what is lost, and that nobody becomes somebody else or gains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.access.eks import effects_on_eks
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.mappings.access_entries import AccessEntry, PolicyAssociation, whois
from tarmak_iam.mappings.eks_conversion import EksConversion, EksTarget, to_access_entries
from tarmak_iam.mappings.eks_rules import EksRule
from tarmak_iam.mappings.role_arns import ListedArns, read_listed_arns
from tests.support.tables import rows
from tests.support.thorough import examples

ACCOUNT = "arn:aws:iam::111122223333:"
SSO_ROLE = f"{ACCOUNT}role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Ops_0123456789abcdef"
INSTANCE = "i-0123456789abcdef0"
INSTANCES = {INSTANCE: f"<private DNS name of {INSTANCE}>"}
SSO_GATE = "--feature-gates=SSORoleMatch=true"


def load(server: dict[str, Any], version: str = "v0.7.9") -> Authenticator:
    text = yaml_bytes({"clusterID": "c", "server": server}).decode()
    args = [SSO_GATE] if version == "v0.7.9" else []
    return Authenticator.load(text, version=version, args=args, private_dns_names=INSTANCES)


def of_mapping(text: str) -> Authenticator:
    item = YAML(typ="safe").load(text)
    arn = ACCOUNT + item.pop("arn")
    kind = "Role" if ":role/" in arn else "User"
    return load({f"map{kind}s": [{f"{kind.lower()}ARN": arn, **item}]})


def convert(authenticator: Authenticator, *listed: str, partition: str = "aws", **policies: Any) -> EksConversion:
    chosen = {group: tuple(associations) for group, associations in policies.items()}
    return to_access_entries(authenticator, EksTarget(partition, chosen, ListedArns.of(listed) if listed else None))


def as_text(entry: AccessEntry) -> str:
    kind = "" if entry.type == "STANDARD" else f" {entry.type}"
    policies = " ".join(map(str, entry.policies))
    names = f"{entry.principal.removeprefix(ACCOUNT)}{kind} as {entry.username} in {', '.join(entry.groups)}"
    return f"{names}; {policies}".rstrip()


def remarks(converted: EksConversion) -> list[str]:
    return [
        f"{'loss' if remark.is_loss else 'note'}: {remark.text} ({remark.rule.name})" for remark in converted.remarks
    ]


@pytest.mark.parametrize(("mapping", "entry", "expected"), rows(__file__, "test_one_mapping"))
def test_one_mapping(mapping: str, entry: str, expected: list[str]) -> None:
    converted = convert(of_mapping(mapping))
    assert list(map(as_text, converted.entries)) == ([entry] if entry else [])
    assert remarks(converted) == expected


def test_accounts_and_other_partitions() -> None:
    role = {"roleARN": "arn:aws-cn:iam::111122223333:role/A", "username": "a", "groups": []}
    bob = {"userARN": f"{ACCOUNT}user/bob", "username": "bob"}
    converted = convert(load({"mapUsers": [bob], "mapAccounts": ["444455556666"]}), partition="aws-cn")
    assert [(remark.kind, remark.principal, remark.rule.name) for remark in converted.remarks] == [
        ("arn", f"{ACCOUNT}user/bob", "PARTITION"),
        ("account", "444455556666", "ONE_PRINCIPAL"),
    ]
    assert converted.remarks[1].what == "an access entry is for one principal, not for the callers of an account"
    china = {"partition": "aws-cn", "mapRoles": [{**role, "groups": ["system:masters"]}]}
    converted = convert(load(china), partition="aws-cn")
    (entry,) = converted.entries
    assert [policy.policy for policy in entry.policies] == [
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    ]
    iso = {"partition": "aws-iso", "mapRoles": [{**role, "roleARN": "arn:aws-iso:iam::111122223333:role/A"}]}
    assert remarks(convert(load(iso), partition="aws-iso")) == [
        (
            "loss: access entries are not documented for the partition aws-iso; map a principal of the cluster's "
            "partition (PARTITION)"
        )
    ]


def test_an_entry_that_the_authenticator_may_or_may_not_use() -> None:
    sso = {"permissionSetName": "Ops", "accountID": "111122223333"}
    wide = {"sso": {**sso, "permissionSetName": "Ops_Admin"}, "username": "admin", "groups": ["admins"]}
    server = {"mapRoles": [{"sso": sso, "username": "ops", "groups": ["ops"]}, wide]}
    role = SSO_ROLE.replace("_Ops_", "_Ops_Admin_")
    converted = convert(load(server), SSO_ROLE, role)
    assert list(map(as_text, converted.entries)) == [f"{SSO_ROLE.removeprefix(ACCOUNT)} as ops in ops;"]
    assert {remark.rule.name for remark in converted.losses} == {"OURS"}


def test_a_role_that_a_mapping_and_a_permission_set_match() -> None:
    sso = {"permissionSetName": "Ops", "accountID": "111122223333"}
    role = {"roleARN": f"{ACCOUNT}role/AWSReservedSSO_Ops_0123456789abcdef", "username": "a", "groups": []}
    authenticator = load({"mapRoles": [role, {"sso": sso, "username": "ops", "groups": ["ops"]}]})
    converted = convert(authenticator, SSO_ROLE)
    assert converted.entries == ()
    assert [(loss.principal, loss.what) for loss in converted.losses] == [
        (role["roleARN"], "the authenticator chooses at random what this principal gets")
    ]


def test_unique_ids() -> None:
    file = {"mapRoles": [{"userid": "AROA1", "rolearn": f"{ACCOUNT}role/A", "username": "a", "groups": []}]}
    server = "{dynamicfileUserIDStrict: true, dynamicfilepath: d.json, backendMode: [DynamicFile]}"
    config = f"clusterID: c\nserver: {server}"
    authenticator = Authenticator.load(config, version="v0.7.9", files={"d.json": json.dumps(file)})
    assert [(remark.principal, remark.what) for remark in convert(authenticator).losses] == [
        ("AROA1", "an access entry names its principal by ARN, not by its unique ID")
    ]


def test_a_permission_set_becomes_the_roles_that_it_has_today() -> None:
    sso = {"permissionSetName": "Ops", "accountID": "111122223333"}
    authenticator = load({"mapRoles": [{"sso": sso, "username": "ops:{{SessionName}}", "groups": ["ops"]}]})
    assert [remark.rule.name for remark in convert(authenticator).losses] == ["ONE_PRINCIPAL"]
    converted = convert(authenticator, SSO_ROLE, f"{ACCOUNT}role/Other")
    assert list(map(as_text, converted.entries)) == [
        f"{SSO_ROLE.removeprefix(ACCOUNT)} as ops:{{{{SessionName}}}} in ops;"
    ]
    assert converted.losses == ()
    assert [(remark.principal, remark.rule.name) for remark in converted.remarks] == [
        ("111122223333/Ops", "ONE_PRINCIPAL")
    ]
    assert effects_on_eks(authenticator, converted.entries) == ()


def test_full_arns() -> None:
    role = {"roleARN": f"{ACCOUNT}role/DEV", "username": "dev", "groups": []}
    authenticator = load({"mapRoles": [role, {**role, "roleARN": f"{ACCOUNT}role/Gone"}]})
    converted = convert(authenticator, f"{ACCOUNT}role/team/Dev")
    assert list(map(as_text, converted.entries)) == ["role/team/Dev as dev in ;"]
    assert remarks(converted) == [
        (
            "loss: the file of --arns has the roles of account 111122223333, and not this one; remove the mapping if "
            "it does not exist, or list the ARNs again (FULL_ARN)"
        )
    ]
    assert convert(authenticator, f"{ACCOUNT}user/Dev", "arn:aws:iam::444455556666:role/A").losses == ()
    with pytest.raises(ConfigError, match=r"^f:2:3: 'nonsense' is not accepted: it does not begin with 'arn:'"):
        read_listed_arns(f"{ACCOUNT}role/A\n  nonsense\n", "f")
    with pytest.raises(ConfigError, match=r"^f:1:1: .*: it is not the ARN of an IAM role or user"):
        read_listed_arns("arn:aws:sts::111122223333:assumed-role/A/b", "f")


def test_policies_replace_groups_and_come_once() -> None:
    edit, view = "AmazonEKSEditPolicy", "AmazonEKSViewPolicy"
    authenticator = of_mapping("{arn: role/A, username: a, groups: [dev, test, ops, 'system:monitoring']}")
    chosen: dict[str, Any] = {
        "dev": [PolicyAssociation(edit, ("dev",)), PolicyAssociation(view)],
        "test": [PolicyAssociation(edit, ("test", "dev")), PolicyAssociation(view, ("dev",))],
        "system:monitoring": [PolicyAssociation(view)],
    }
    converted = convert(authenticator, **chosen)
    assert list(map(as_text, converted.entries)) == [f"role/A as a in ops; {edit} in dev, test {view}"]
    assert converted.losses == ()
    assert [remark.rule.name for remark in converted.remarks] == ["POLICY"] * 3


def test_old_releases_do_not_replace_what_eks_replaces() -> None:
    role = {"roleARN": f"{ACCOUNT}role/A", "username": "a:{{SessionNameRaw}}", "groups": []}
    user = {"userARN": f"{ACCOUNT}user/b", "username": "b-{{AccountID}}", "groups": []}
    converted = convert(load({"mapRoles": [role], "mapUsers": [user]}, "v0.4.0"))
    assert converted.entries == ()
    assert [remark.rule.name for remark in converted.losses] == ["OTHER_TEMPLATE", "SESSION"]
    node = {"userARN": f"{ACCOUNT}user/n", "username": "system:node:{{EC2PrivateDNSName}}", "groups": ["system:nodes"]}
    assert [loss.rule.name for loss in convert(load({"mapUsers": [node]}, "v0.4.0")).losses] == ["SESSION"]
    shouting = {"mapRoles": [{**role, "username": "A:{{SessionName}}"}]}
    assert remarks(convert(load(shouting, "v0.4.0"))) == [
        (
            "loss: authenticator v0.4.0 denies sessions in whose username A:{{SessionName}} there is no character of "
            "a-z or 0-9; change the username in the mapping, and in bindings that name it (OURS)"
        )
    ]
    assert convert(load(shouting)).losses == ()


def test_every_rule_has_a_source_or_says_that_there_is_none() -> None:
    for rule in EksRule:
        assert rule.source.startswith("https://") or "not mentioned" in rule.says or rule is EksRule.OURS


# --- nobody becomes somebody else, and nobody gains ---------------------------------------------------------------

NAMES = st.lists(
    st.sampled_from(
        (
            *("a", ":", "{{SessionName}}", "{{SessionNameRaw}}", "{{AccountID}}", "{{AccessKeyID}}", "{{x}}"),
            *("system:", "System:", "eks:", "nodes", "masters", "node:", "{{EC2PrivateDNSName}}", "authenticated"),
            *("@", "\n", "é"),
        )
    ),
    max_size=3,
).map("".join)
WHOLE = st.sampled_from(
    ["system:masters", "system:nodes", "system:node:{{EC2PrivateDNSName}}", "system:bootstrappers", "dev", "a:b"]
)
ROLES = ("A", "a", "B", "AWSReservedSSO_Ops_0123456789abcdef", "AWSServiceRoleForX")
PRINCIPALS = (*(f"{ACCOUNT}role/{name}" for name in ROLES), f"{ACCOUNT}user/b", f"{ACCOUNT}user/x/b")
CALLERS = (
    *PRINCIPALS,
    f"{ACCOUNT}root",
    "arn:aws:iam::444455556666:role/A",
    f"{ACCOUNT}role/AWSReservedSSO_Ops_X_0123",
)
LISTED = (f"{ACCOUNT}role/x/A", f"{ACCOUNT}role/B", SSO_ROLE, f"{ACCOUNT}user/x/b")


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    server: dict[str, Any] = {"mapRoles": [], "mapUsers": []}
    names = st.one_of(NAMES, WHOLE)
    for arn in draw(st.lists(st.sampled_from(PRINCIPALS), max_size=4)):
        kind = draw(st.sampled_from(("Role", "Role", "User")))
        groups = draw(st.lists(names.filter(bool), max_size=3))
        server[f"map{kind}s"].append({f"{kind.lower()}ARN": arn, "username": draw(names), "groups": groups})
    if draw(st.booleans()):
        sso = {"permissionSetName": "Ops", "accountID": "111122223333"}
        server["mapRoles"].append({"sso": sso, "username": draw(names), "groups": draw(st.lists(WHOLE, max_size=2))})
    if draw(st.booleans()):
        server["mapAccounts"] = draw(st.lists(st.sampled_from(["111122223333", "444455556666"]), max_size=2))
    return server


@settings(max_examples=examples(300))
@given(
    server=servers(),
    version=st.sampled_from(["v0.7.9", "v0.6.20", "v0.5.0", "v0.4.0"]),
    listed=st.lists(st.sampled_from(LISTED), unique=True),
    session=st.sampled_from(["ann@example.com", INSTANCE, "AB"]),
)
def test_who_is_not_named_becomes_the_same_and_nobody_gains(
    server: dict[str, Any], version: str, listed: list[str], session: str
) -> None:
    if version != "v0.7.9":  # without SSO entries
        server["mapRoles"] = [item for item in server["mapRoles"] if "sso" not in item]
    authenticator = load(server, version)
    converted = convert(authenticator, *listed)
    named = {remark.principal.lower() for remark in converted.remarks}
    of_account = {remark.principal for remark in converted.remarks if remark.kind == "account"}

    def is_named(arn: str) -> bool:
        return arn.lower() in named or ("sso_ops_" in arn.lower() and "111122223333/ops" in named)

    assert all(is_named(effect.principal) for effect in effects_on_eks(authenticator, converted.entries))
    for arn in CALLERS:
        identity = identity_of(arn, session, "AROA" if "role/" in arn else "AIDA", "ASIAX")
        before, (after, policies) = authenticator.whois(identity), whois(converted.entries, identity)
        has = set(after.groups or ()) | {"system:masters" for policy in policies if policy.is_cluster_admin}
        had = {group for answer in (before, *before.alternatives) for group in answer.groups or ()}
        if after.authenticated:
            assert before.authenticated
            assert has <= had
            assert after.username == before.username
        is_by_account = "is in mapAccounts" in before.reason and arn.split(":")[4] in of_account
        if not is_named(arn) and not is_by_account:
            assert after.authenticated == before.authenticated
            assert has == had
