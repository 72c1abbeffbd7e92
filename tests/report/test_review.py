"""Principals and their entries, ineffective entries with the reasons, and what makes IAM login impossible."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import IneffectiveEntry, ReviewedPrincipal
from tests.support.reviews import ACCOUNT, CONFIG, access_review, cluster_review

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
SSO = {"image": "public.example.com/aws-iam-authenticator:v0.7.9", "daemonVersion": "v0.7.9"}
GATE: dict[str, Any] = {**SSO, "featureGates": {"SSORoleMatch": True}}


def shown(one: ReviewedPrincipal) -> str:
    place = one.identity.place
    assert place
    groups = ",".join(one.identity.groups)
    return f"{place.line} {one.kind} {one.principal} {one.identity.username} {groups} {one.privilege}".rstrip()


def reason(one: IneffectiveEntry) -> str:
    assert one.identity.place
    return f"{one.identity.place.line} {one.kind} {one.principal}: {one.reason}"


def test_principals_in_the_order_of_the_file() -> None:
    review = cluster_review(
        "server:\n"
        "  mapRoles:\n"
        f"  - {{roleARN: '{ROLE}/Dev', username: 'dev:{{{{SessionName}}}}', groups: [developers]}}\n"
        f"  - {{roleARN: '{ROLE}/Admin', username: admin, groups: ['system:masters']}}\n"
        f"  - roleARN: {ROLE}/Node\n"
        "    username: system:node:{{EC2PrivateDNSName}}\n"
        "    groups: ['system:nodes', 'system:bootstrappers']\n"
        "  mapUsers:\n"
        f"  - {{userARN: 'arn:aws:iam::{ACCOUNT}:user/Eve', username: eve}}\n"
        "  mapAccounts:\n"
        "  - '444455556666'\n"
    )
    assert [shown(each) for each in review.principals] == [
        f"3 arn {ROLE}/Dev dev:{{{{SessionName}}}} developers none",
        f"4 arn {ROLE}/Admin admin system:masters admin",
        f"5 arn {ROLE}/Node system:node:{{{{EC2PrivateDNSName}}}} system:nodes,system:bootstrappers node",
        f"9 arn arn:aws:iam::{ACCOUNT}:user/Eve eve  none",
        "11 account 444455556666   none",
    ]
    assert review.ineffective_entries == ()
    assert review.status is not None
    assert review.status.login_obstacles == ()
    assert [(str(file.path), file.change and file.change.unknown) for file in review.files] == [
        ("tarmak.yaml", "no git repository"),
        ("map.yaml", "no git repository"),
    ]


@pytest.mark.parametrize(
    ("entry", "settings", "expected"),
    [
        (f"roleARN: '{ROLE}/team/Dev'", {}, f"{ROLE}/team/Dev never matches: STS omits the path of a role"),
        (f"roleARN: '{ROLE}/*'", {}, f"'{ROLE}/*' never matches: the authenticator does not support wildcards"),
        (
            "roleARN: 'arn:aws-cn:iam::111122223333:role/Dev'",
            {},
            "the caller is in partition aws-cn, but the authenticator is in partition aws",
        ),
        (
            f"sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}'}}",
            {"backends": ["CRD"], **GATE, "kubernetesVersion": "1.30"},
            "the backend CRD does not support SSO entries",
        ),
        (
            f"sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}', partition: aws}}",
            GATE,
            "its SSO mapping sets a partition, and such a mapping never matches: remove the partition",
        ),
    ],
)
def test_an_ineffective_entry(entry: str, settings: dict[str, Any], expected: str) -> None:
    review = cluster_review(f"server:\n  mapRoles:\n  - {{{entry}, username: dev, groups: [dev]}}\n", **settings)
    assert review.principals == ()
    (found,) = review.ineffective_entries
    assert found.reason.endswith(expected)
    assert found.identity.username == "dev"
    assert review.status is not None
    assert review.status.login_obstacles == ("no principal can log in by the entries of the mappings file",)


def test_an_entry_that_another_one_shadows() -> None:
    review = cluster_review(
        "server:\n"
        "  mapRoles:\n"
        f"  - {{roleARN: '{ROLE}/Admin', username: admin, groups: ['system:masters']}}\n"
        f"  - {{roleARN: '{ROLE}/admin', username: admin, groups: [readers]}}\n"
        "  mapUsers:\n"
        f"  - {{userARN: '{ROLE}/ADMIN', username: admin, groups: ['system:masters']}}\n"
        "  mapAccounts: ['444455556666', '44445555', '444455556666']\n"
    )
    assert [shown(each) for each in review.principals] == [
        f"4 arn {ROLE}/admin admin readers none",
        "7 account 444455556666   none",
    ]
    assert [reason(each) for each in review.ineffective_entries] == [
        f"3 role {ROLE}/Admin: it is ignored; the entry in line 4 for the same principal is used",
        f"6 user {ROLE}/ADMIN: it is ignored; the entry in line 4 for the same principal is used",
        "7 account 444455556666: it is ignored; the entry in line 7 for the same principal is used",
        "7 account 44445555: '44445555' is not a valid account ID: it must have 12 digits, in quotes",
    ]


def test_a_daemon_that_does_not_start() -> None:
    review = cluster_review(
        f"server:\n  mapRoles:\n  - {{roleARN: nonsense, username: x}}\n  - {{roleARN: '{ROLE}/Dev', username: dev}}\n"
    )
    assert review.principals == ()
    first, second = (reason(each) for each in review.ineffective_entries)
    assert first.startswith("3 role nonsense: the authenticator does not start: 'nonsense' is not accepted as an ARN")
    assert second.startswith(f"4 role {ROLE}/Dev: the authenticator does not start")
    assert review.status is not None
    assert review.status.login_obstacles[0].startswith("the authenticator does not start")


def test_random_choices_are_shown_with_the_highest_privilege() -> None:
    review = cluster_review(
        "server:\n"
        "  mapRoles:\n"
        f"  - {{roleARN: '{ROLE}/Dev', username: dev, Groups: ['system:masters'], groupS: [dev]}}\n"
        f"  - {{roleARN: '{ROLE}/A', RoleARN: '{ROLE}/B', username: one}}\n",
        **SSO,
    )
    dev, second, third = review.principals
    assert (dev.identity.groups, dev.privilege, dev.because) == (("dev",), Privilege.ADMIN, ("group system:masters",))
    assert [(each.username, each.groups) for each in dev.alternatives] == [("dev", ("system:masters",))]
    assert not dev.may_get_nothing
    assert [(each.principal, each.may_get_nothing) for each in (second, third)] == [
        (f"{ROLE}/B", True),
        (f"{ROLE}/A", True),
    ]
    assert review.ineffective_entries == ()
    assert "'roleARN' and 'RoleARN' are the same key: the authenticator uses one of them at random at every start" in (
        review.notes
    )


def test_a_look_alike_is_shown_as_the_principal_that_it_maps() -> None:
    review = cluster_review(
        f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}/DevOp\u017f', username: ops, groups: ['system:masters']}}\n",
        **SSO,
    )
    assert [shown(each) for each in review.principals] == [f"3 arn {ROLE}/DevOps ops system:masters admin"]


def test_patterns_that_overlap_have_alternatives() -> None:
    review = cluster_review(
        "server:\n"
        "  mapRoles:\n"
        f"  - {{sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}'}}, username: dev, groups: [dev]}}\n"
        f"  - {{sso: {{permissionSetName: Dev_Ops, accountID: '{ACCOUNT}'}}, username: ops, groups: [ops]}}\n",
        **GATE,
    )
    dev, ops = review.principals
    assert (dev.principal, dev.alternatives) == (f"{ACCOUNT}/Dev", ())
    assert [(each.username, each.groups, each.place and each.place.line) for each in ops.alternatives] == [
        ("dev", ("dev",), 3)
    ]


def test_findings_are_shown_where_they_belong() -> None:
    review = cluster_review(
        "clusterID: another\n"
        "server:\n"
        "  mapRoles:\n"
        f"  - {{roleARN: '{ROLE}/Dev', username: '{{{{SessionName}}}}', groups: [dev]}}\n"
        f"  - {{roleARN: '{ROLE}/team/Ops', username: ops, groups: [ops]}}\n"
        "  mapAccounts:\n"
        "  # tarmak-iam: ignore[IAM074] agreed\n"
        "  - '444455556666'\n"
    )
    dev, account = review.principals
    assert [(each.id, each.ignored) for each in dev.findings] == [("IAM070", None)]
    assert [(each.id, each.ignored) for each in account.findings] == [("IAM074", "agreed")]
    assert [each.id for each in review.ineffective_entries[0].findings] == ["IAM050"]
    assert {each.id for each in review.findings} == {"IAM020", "IAM084"}
    assert len(review.all_findings) == 5


OFF = CONFIG.replace("true", "false")
HUB = f"{CONFIG}".replace("name: cluster", "name: hub").replace(
    "environments:", "- environment: dev\n  metadata: {name: other}\nenvironments:"
)
SWITCH = "awsIAMAuthenticatorInit is off and no webhook file is set, so the API server does not ask the authenticator"


@pytest.mark.parametrize(
    ("mappings", "config", "expected"),
    [
        (None, CONFIG, ("it has no mappings file",)),
        (None, OFF, ("it has no mappings file", SWITCH)),
        ("server: {}\n", CONFIG, ("no principal can log in by the entries of the mappings file",)),
        ("server: {mapAccounts: ['444455556666']}\n", OFF, (SWITCH,)),
        ("server: {mapAccounts: ['444455556666']}\n", HUB, ("it is a hub, which has no API server to log in to",)),
    ],
)
def test_what_makes_login_impossible(mappings: str | None, config: str, expected: tuple[str, ...]) -> None:
    status = cluster_review(mappings, config).status
    assert status is not None
    assert status.login_obstacles == expected


def test_principals_by_cluster() -> None:
    review = access_review(
        f"server: {{mapRoles: [{{roleARN: '{ROLE}/Dev', username: dev, groups: [dev]}}]}}\n",
        f"server: {{mapAccounts: ['{ACCOUNT}']}}\n",
        "server: {}\n",
    )
    cells = [[each and (each.identity.username, each.is_named) for each in row.cells] for row in review.rows]
    assert [row.principal for row in review.rows] == [f"{ROLE}/Dev", ACCOUNT]
    assert cells == [[("dev", True), (f"{ROLE}/Dev", False), None], [None, ("", True), None]]


ENTRIES = st.sampled_from(
    [
        ("mapRoles", f"roleARN: '{ROLE}/Dev'"),
        ("mapRoles", f"roleARN: '{ROLE}/dev'"),
        ("mapRoles", f"roleARN: '{ROLE}/team/Dev'"),
        ("mapRoles", f"roleARN: '{ROLE}/*'"),
        ("mapRoles", f"roleARN: 'arn:aws:sts::{ACCOUNT}:assumed-role/Dev/alice'"),
        ("mapRoles", "roleARN: 'arn:aws-cn:iam::111122223333:role/Dev'"),
        ("mapRoles", f"roleARN: 'arn:aws:iam::{ACCOUNT}:user/Dev'"),
        ("mapRoles", f"sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}'}}"),
        ("mapRoles", f"sso: {{permissionSetName: Dev_Ops, accountID: '{ACCOUNT}'}}"),
        ("mapRoles", f"sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}', partition: aws}}"),
        ("mapRoles", "roleARN: nonsense"),
        ("mapUsers", f"userARN: 'arn:aws:iam::{ACCOUNT}:user/Dev'"),
        ("mapUsers", f"userARN: '{ROLE}/Dev'"),
    ]
)
ACCOUNTS = st.lists(
    st.sampled_from([f"'{ACCOUNT}'", "111122223333", "'012345678901'", "012345678901", "x"]), max_size=3
)
SETTINGS = st.sampled_from(
    [
        {"image": "example.com/a:v0.4.0", "daemonVersion": "v0.4.0"},
        {},
        SSO,
        GATE,
        {**GATE, "backends": ["CRD"], "kubernetesVersion": "1.30"},
        {**GATE, "backends": ["EKSConfigMap", "CRD", "MountedFile"], "kubernetesVersion": "1.30"},
    ]
)


@given(st.lists(st.tuples(ENTRIES, st.sampled_from(["a", "b", ""])), max_size=6), ACCOUNTS, SETTINGS)
def test_every_entry_has_a_principal_or_a_reason(
    entries: list[tuple[tuple[str, str], str]], accounts: list[str], settings: dict[str, Any]
) -> None:
    lists = "".join(
        f"  {key}:\n" + "".join(f"  - {{{who}, username: '{name}'}}\n" for (own, who), name in entries if own == key)
        for key in ("mapRoles", "mapUsers")
        if any(own == key for (own, _), _ in entries)
    )
    text = f"server:\n{lists}  mapAccounts: [{', '.join(accounts)}]\n"
    review = cluster_review(text, **settings)
    assert all(each.reason and each.identity.place for each in review.ineffective_entries)
    assert all(each.identity.place for each in review.principals)
    assert len({each.key for each in review.principals}) == len(review.principals)
    used = {each.identity.place for each in review.principals}
    assert len(used) + len(review.ineffective_entries) == len(Mappings.parse(text).entries)


def test_a_release_with_a_security_flaw() -> None:
    admin = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}/Admin', username: admin, groups: ['system:masters']}}\n"
    review = access_review(admin, image="example.com/a:v0.5.8")
    says = "authenticator v0.5.8 is affected by aws-iam-authenticator#469: a token can contain a query parameter twice"
    (line,) = (line for line in review.text().splitlines() if "[IAM131]" in line)
    assert line.startswith(f"  tarmak-iam.yaml: warning: {says}")
    assert [each["message"].startswith(says) for each in review.json()["clusters"][0]["findings"]] == [True]
    assert f"A{says[1:]}" in review.html().replace("<wbr>", "")
    assert "IAM131" not in access_review(admin, image="example.com/a:v0.5.9").text()
