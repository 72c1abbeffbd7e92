"""Mappings as rules about tokens of STS: what each becomes, what is lost, and that nobody becomes somebody else or
gains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity import Answer, Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.mappings import oidc_section
from tarmak_iam.mappings.authentication_config import FIRST_BETA, FIRST_STABLE, TokenMapping, whois, write
from tarmak_iam.mappings.oidc_conversion import TokenConversion, to_token_mappings
from tarmak_iam.mappings.oidc_rules import OidcRule
from tests.mappings.test_eks_conversion import ACCOUNT, CALLERS, load, of_mapping, servers
from tests.support.tables import rows
from tests.support.thorough import examples

ISSUERS = {"111122223333": "https://a.tokens.sts.global.api.aws", "444455556666": "https://b.tokens.sts.global.api.aws"}
OPS = {"permissionSetName": "Ops", "accountID": "111122223333"}
OPS_ROLE = f"{ACCOUNT}role/AWSReservedSSO_Ops_0123456789abcdef"


def convert(authenticator: Authenticator) -> TokenConversion:
    return to_token_mappings(authenticator, "aws", ISSUERS)


def become(converted: TokenConversion, arn: str) -> Answer:
    data = yaml_bytes(write(converted.mappings, ISSUERS, "dev", FIRST_STABLE))
    return whois(data, "config.yaml", identity_of(arn))


def shown(answer: Answer) -> str:
    return f"{answer.username} in {', '.join(answer.groups or ())}" if answer.authenticated else ""


def remarks(converted: TokenConversion) -> list[str]:
    return [f"{'loss' if each.is_loss else 'note'}: {each.text} ({each.rule})" for each in converted.remarks]


@pytest.mark.parametrize(("mapping", "expected", "about"), rows(__file__, "test_one_mapping"))
def test_one_mapping(mapping: str, expected: str, about: list[str]) -> None:
    arn = ACCOUNT + mapping.partition("'")[2].partition("'")[0]
    converted = convert(of_mapping(mapping))
    assert remarks(converted) == [text.replace("(", "(OidcRule.") for text in about]
    assert shown(become(converted, arn)) == expected
    for other in ("role/Other", "user/Admin", "role/Dev2", "user/team2/bob", "user/x/team/bob"):
        assert shown(become(converted, ACCOUNT + other)) == ""


def test_the_object_and_its_release() -> None:
    admin = TokenMapping(f"{ACCOUNT}role/admin", "admin", ("system:masters",))
    bob = TokenMapping("arn:aws:iam::444455556666:user/bob", "bob", ())
    name = "claims.sub.lowerAscii().substring(claims.sub.lastIndexOf('/') + 1)"

    def of_roles(value: str, nothing: str) -> str:
        start = f"claims.sub.startsWith('{ACCOUNT}role/') ?\n"
        return f"{start}{{\n  'admin': {value}\n}}[?{name}].orValue({nothing}) :\n({nothing})"

    def of_users(value: str, nothing: str) -> str:
        return f"{{\n  '{bob.subject}': {value}\n}}[?claims.sub.lowerAscii()].orValue({nothing})"

    assert write((admin, bob), ISSUERS, "dev", FIRST_STABLE) == {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [
            {
                "issuer": {"url": ISSUERS["111122223333"], "audiences": ["dev"]},
                "claimMappings": {
                    "username": {"expression": of_roles("'admin'", "''")},
                    "groups": {"expression": of_roles("['system:masters']", "[]")},
                },
            },
            {
                "issuer": {"url": ISSUERS["444455556666"], "audiences": ["dev"]},
                "claimMappings": {
                    "username": {"expression": of_users("'bob'", "''")},
                    "groups": {"expression": of_users("[]", "[]")},
                },
            },
        ],
    }
    assert write((), ISSUERS, "dev", FIRST_BETA)["apiVersion"] == "apiserver.config.k8s.io/v1beta1"


def test_more_than_one_cel_expression_can_have() -> None:
    role = TokenMapping(f"{ACCOUNT}role/admin", "a" * 100_000, ())
    with pytest.raises(ConfigError, match=r"account 111122223333 has too many mappings for one CEL expression"):
        write((role,), ISSUERS, "dev", FIRST_STABLE)
    sets = [TokenMapping(f"{ACCOUNT}role/awsreservedsso_{n}_", "a", (), is_prefix=True) for n in range(201)]
    write(sets[1:], ISSUERS, "dev", FIRST_STABLE)
    with pytest.raises(ConfigError, match=r"too many mappings"):
        write(sets, ISSUERS, "dev", FIRST_STABLE)


def test_names_in_another_case_and_with_a_path() -> None:
    converted = convert(of_mapping("{arn: 'role/DEV', username: dev, groups: []}"))
    assert shown(become(converted, f"{ACCOUNT}role/team/Dev")) == "dev in "
    assert shown(become(converted, f"{ACCOUNT}role/dev/Other")) == ""


def test_a_permission_set() -> None:
    sso = [{"sso": OPS, "username": "ops-{{AccountID}}", "groups": ["ops"]}]
    converted = convert(load({"mapRoles": sso}))
    assert converted.remarks == ()
    assert shown(become(converted, OPS_ROLE)) == "ops-111122223333 in ops"
    assert shown(become(converted, f"{ACCOUNT}role/AWSReservedSSO_OpsX_0123456789abcdef")) == ""


def test_who_is_denied_is_not_found_by_a_permission_set() -> None:
    reserved = [{"backendMode": "MountedFile", "usernamePrefixReserveList": ["no:"]}]
    denied = {"roleARN": OPS_ROLE, "username": "no:x", "groups": []}
    wide = {"sso": {**OPS, "permissionSetName": "Ops_Admin"}, "username": "no:y", "groups": []}
    server = {"mapRoles": [{"sso": OPS, "username": "ops", "groups": []}, denied, wide]}
    converted = convert(load(server | {"reservedPrefixConfig": reserved}))
    admin = f"{ACCOUNT}role/AWSReservedSSO_Ops_Admin_0123456789abcdef"
    assert shown(become(converted, f"{ACCOUNT}role/AWSReservedSSO_Ops_ffffffffffffffff")) == "ops in "
    assert shown(become(converted, OPS_ROLE)) == ""
    assert shown(become(converted, admin)) == ""


def test_accounts_partitions_and_issuers() -> None:
    bob = {"userARN": f"{ACCOUNT}user/bob", "username": "bob"}
    authenticator = load({"mapUsers": [bob], "mapAccounts": ["444455556666"]})
    for partition, accounts, rule in (("aws-cn", ISSUERS, OidcRule.ISSUER), ("aws", ["444455556666"], OidcRule.ISSUER)):
        converted = to_token_mappings(authenticator, partition, accounts)
        assert [(each.kind, each.rule) for each in converted.remarks] == [("arn", rule), ("account", OidcRule.SESSION)]
        assert converted.mappings == ()


def test_files_that_were_not_written_here() -> None:
    bob = identity_of(f"{ACCOUNT}user/bob")
    for text, what in (
        ("a: b", "c.yaml: it has no list `jwt`; specify a file"),
        ("jwt:\n- claimMappings: {username: {claim: sub}}", "c.yaml:2:29: claimMappings.username has no expr"),
        ("jwt:\n- {claimMappings: {username: {expression: claims.email}}}", "c.yaml:2:43: tarmak-iam does not"),
        ("jwt: [1]", "c.yaml:1:7: claimMappings.username has no expression"),
    ):
        with pytest.raises(ConfigError) as caught:
            whois(text, "c.yaml", bob)
        assert str(caught.value).startswith(what)


def test_the_flags_for_oidc_carry_users_named_by_their_arn() -> None:
    arn = f"{ACCOUNT}user/bob"
    users = [{"userARN": arn, "username": arn}, {"userARN": f"{arn}2", "username": f"{arn}2", "groups": ["dev"]}]
    authenticator = load({"mapUsers": users, "mapRoles": [{"sso": OPS, "username": "ops", "groups": []}]})
    remarks = convert(authenticator).remarks
    assert [(each.principal, each.what) for each in oidc_section.lost(authenticator, remarks, "111122223333")] == [
        ("111122223333/Ops", "its username would be its ARN"),
        (f"{arn}2", "it loses the groups dev"),
        ("111122223333", "it can log in if it gets a token, with its ARN as username"),
    ]


def test_every_rule_has_a_source() -> None:
    assert all(rule.source.startswith("https://") or rule is OidcRule.OURS for rule in OidcRule)


# --- nobody becomes somebody else, and nobody gains ---------------------------------------------------------------


@st.composite
def more_servers(draw: st.DrawFn) -> dict[str, Any]:
    """With more mappings of permission sets, whose roles overlap."""
    server = draw(servers())
    for name in draw(st.lists(st.sampled_from(("Ops_X", "Ops", "Op")), max_size=2)):
        sso = {**OPS, "permissionSetName": name}
        server["mapRoles"].append({"sso": sso, "username": f"u-{name}", "groups": draw(st.sampled_from([[], ["x"]]))})
    return server


@settings(max_examples=examples(200))
@given(
    server=more_servers(),
    version=st.sampled_from(["v0.7.9", "v0.6.20", "v0.5.0", "v0.4.0"]),
    session=st.sampled_from(["ann@example.com", "i-0123456789abcdef0", "AB"]),
)
def test_who_is_not_named_becomes_the_same_and_nobody_gains(server: dict[str, Any], version: str, session: str) -> None:
    if version != "v0.7.9":  # without SSO entries
        server["mapRoles"] = [item for item in server["mapRoles"] if "sso" not in item]
    authenticator = load(server, version)
    converted = convert(authenticator)
    data = yaml_bytes(write(converted.mappings, ISSUERS, "dev", FIRST_STABLE))
    named = {each.principal.lower() for each in converted.remarks if each.kind == "arn"}
    sets = [each.principal.lower().split("/") for each in converted.remarks if each.kind == "sso"]
    accounts = {each.principal for each in converted.remarks if each.kind == "account"}
    for arn in CALLERS:
        identity = identity_of(arn, session, "AROA" if "role/" in arn else "AIDA", "ASIAX")
        before, after = authenticator.whois(identity), whois(data, "config.yaml", identity)
        if after.authenticated:
            assert before.authenticated
            assert after.username == before.username
            assert after.groups == [group for group in before.groups or () if group]
        account, name = arn.split(":")[4], arn.lower().rpartition("/")[2]
        is_named = arn.lower() in named or any(
            account == of_set and name.startswith(f"awsreservedsso_{permission_set}_")
            for of_set, permission_set in sets
        )
        if not is_named and not ("is in mapAccounts" in before.reason and account in accounts):
            assert (after.authenticated, after.username) == (before.authenticated, before.username)
