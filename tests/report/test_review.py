"""Principals and their entries, ineffective entries with the reasons, and what makes IAM login impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.report.escalations import Privilege
from tests.support.reviews import ACCOUNT, CONFIG, access_review, cluster_review

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
SSO = {"image": "public.example.com/aws-iam-authenticator:v0.7.9", "daemonVersion": "v0.7.9"}
GATE: dict[str, Any] = {**SSO, "featureGates": {"SSORoleMatch": True}}


CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("reviews.yaml"))
OFF = CONFIG.replace("true", "false")
HUB = CONFIG.replace("name: cluster", "name: hub").replace(
    "environments:", "- environment: dev\n  metadata: {name: other}\nenvironments:"
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_entries(case: dict[str, Any]) -> None:
    settings = dict(case.get("settings", {}))
    kinds = {**(GATE if settings.pop("SSO", False) else {}), **(SSO if settings.pop("OLD", False) else {})}
    config = HUB if "hub" in case else OFF if "off" in case else CONFIG
    review = cluster_review(case.get("mappings"), config, **kinds, **settings)
    principals = [
        f"{each.identity.place and each.identity.place.line} {each.kind} {each.principal} "
        f"{each.identity.username or '-'} {','.join(each.identity.groups) or '-'} {each.privilege}"
        for each in review.principals
    ]
    assert principals == case.get("principals", [])
    reasons = [
        f"{each.identity.place and each.identity.place.line} {each.kind} {each.principal}: {each.reason}"
        for each in review.ineffective_entries
    ]
    assert reasons == case.get("ineffective", [])
    assert review.status is not None
    obstacles = case.get("obstacles", [])
    assert len(review.status.login_obstacles) == len(obstacles)
    assert all(found.startswith(wanted) for found, wanted in zip(review.status.login_obstacles, obstacles, strict=True))


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
