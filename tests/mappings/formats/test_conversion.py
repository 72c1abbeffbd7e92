"""Mappings for another backend: what comes along, what is told, and that the way back gives the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.access.diff import effects
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.mappings.formats import as_mappings, convert_mappings, read_mappings
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted
from tests.support.tables import rows

NEW = DaemonVersion(0, 7, 9)
MAPPINGS = """\
clusterID: dev-cluster
server:
  address: 0.0.0.0
  scrubbedAccounts: ["111122223333"]
  reservedPrefixConfig: []
  MAPROLES:
  - rolearn: arn:aws:iam::111122223333:role/Admin
    username: old
  - RoleARN: arn:aws:iam::111122223333:role/ADMIN
    username: admin:{{SessionName}}
    groups: system:masters,ops
  - roleARN: arn:aws:iam::111122223333:role/team/Path
    username: p
  - roleARN: arn:aws:sts::111122223333:assumed-role/Dev/alice
    username: dev
    userid: AROA
  - sso: {permissionSetName: Ops, accountID: "111122223333"}
    username: ops
  - sso: {permissionSetName: Lost, accountID: "111122223333", partition: aws}
    username: lost
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:role/Admin", username: never}
  - {userARN: "arn:aws:iam::111122223333:user/bob", username: bob}
  mapAccounts: ["444455556666", 12]
"""
ALWAYS = [
    "m.yaml:7:5: arn:aws:iam::111122223333:role/Admin: the entry in line 9 is used, not this one",
    (
        "m.yaml:12:5: arn:aws:iam::111122223333:role/team/Path never matches: STS omits the path of a role; "
        "map arn:aws:iam::111122223333:role/Path instead (it matches every role of that name)"
    ),
    (
        "m.yaml:14:5: arn:aws:sts::111122223333:assumed-role/Dev/alice matches every session of its role, so it "
        "is written as arn:aws:iam::111122223333:role/Dev"
    ),
    "m.yaml:19:5: sso:111122223333/Lost has a partition, so it never matches",
    "m.yaml:22:5: arn:aws:iam::111122223333:role/Admin: the entry in line 9 is used, not this one",
    (
        "m.yaml:24:33: '12' is not a valid account ID; write all 12 digits; in YAML, put an account with a leading "
        "zero in quotes"
    ),
]
ELSEWHERE = [
    "m.yaml:3:3: server.address stays in the configuration of the authenticator",
    "m.yaml:4:3: server.scrubbedAccounts stays in the configuration of the authenticator",
    (
        "m.yaml:5:3: server.reservedPrefixConfig stays in the configuration of the authenticator, and its rules "
        "for MountedFile do not apply to {}"
    ),
]
USER_ID = "m.yaml:14:5: arn:aws:iam::111122223333:role/Dev: userid is used by the backend DynamicFile only"


def mappings() -> Mappings:
    return Mappings.parse(MAPPINGS, "m.yaml")


def test_mounted_file() -> None:
    made = convert_mappings(mappings(), "MountedFile", NEW)
    assert [str(each) for each in made.left_out] == ALWAYS
    (config,) = made.objects
    assert (
        yaml_bytes(config).decode()
        == """\
clusterID: dev-cluster
server:
  address: 0.0.0.0
  scrubbedAccounts:
  - "111122223333"
  reservedPrefixConfig: []
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/ADMIN
    username: "admin:{{SessionName}}"
    groups:
    - system:masters
    - ops
  - roleARN: arn:aws:iam::111122223333:role/Dev
    username: dev
    groups: []
    userid: AROA
  - sso:
      permissionSetName: Ops
      accountID: "111122223333"
    username: ops
    groups: []
  mapUsers:
  - userARN: arn:aws:iam::111122223333:user/bob
    username: bob
    groups: []
  mapAccounts:
  - "444455556666"
"""
    )


def test_config_map() -> None:
    made = convert_mappings(mappings(), "EKSConfigMap", NEW)
    assert [str(each) for each in made.left_out] == [
        *ALWAYS,
        *(line.format("EKSConfigMap") for line in ELSEWHERE),
        USER_ID,
    ]
    (config_map,) = made.objects
    assert list(config_map["data"]) == ["mapRoles", "mapUsers", "mapAccounts"]
    assert config_map["data"]["mapRoles"].startswith("- rolearn: arn:aws:iam::111122223333:role/ADMIN\n")


def test_custom_resources() -> None:
    made = convert_mappings(mappings(), "CRD", NEW)
    assert [str(each) for each in made.left_out] == [
        *ALWAYS,
        *(line.format("CRD") for line in ELSEWHERE),
        USER_ID,
        "m.yaml:17:5: sso:111122223333/Ops: the backend CRD does not support SSO entries; map the role's ARN",
        "m.yaml:24:17: account 444455556666: the backend CRD does not support accounts",
    ]
    assert [each["metadata"]["name"] for each in made.objects] == [
        "role-admin-111122223333",
        "role-dev-111122223333",
        "user-bob-111122223333",
    ]


@pytest.mark.parametrize(("backend", "version", "expected"), rows(__file__, "test_what_a_version_has_not"))
def test_what_a_version_has_not(backend: str, version: str, expected: str) -> None:
    made = convert_mappings(mappings(), backend, DaemonVersion.parse(version))
    assert expected in [str(each) for each in made.left_out]


ARNS = st.sampled_from([f"arn:aws:iam::111122223333:{kind}/{name}" for kind in ("role", "user") for name in "abcde"])
NAMES = st.sampled_from(["alice", "yes", "1", "a:{{SessionName}}", "x y", "'", "#", "é"])
ROLES = st.builds(Wanted, ARNS, NAMES, st.lists(NAMES, max_size=3).map(tuple))
SETS = st.builds(Wanted, st.sampled_from(["sso:111122223333/Dev", "sso:012345678901/Ops"]), NAMES, st.just(("g",)))
ACCOUNTS = st.sampled_from(["012345678901", "111122223333"]).map(Wanted)


@given(st.lists(ROLES | SETS | ACCOUNTS, max_size=8), st.sampled_from(["MountedFile", "EKSConfigMap", "CRD"]))
def test_there_and_back_again(wanted: list[Wanted], backend: str) -> None:
    start, _ = Mappings.create("dev-cluster").merge(wanted)
    made = convert_mappings(start, backend, NEW)
    assert made == convert_mappings(start, backend, NEW)
    if not made.objects:
        return
    data = b"---\n".join(map(yaml_bytes, made.objects))
    if backend == "EKSConfigMap" and not made.objects[0]["data"]:
        return
    back, outcomes = Mappings.create("dev-cluster").merge(read_mappings(data, "f").entries)
    assert not [outcome for outcome in outcomes if outcome.error]
    lost = {each.principal for each in start.entries if each.kind == "account" or each.sso} if backend == "CRD" else ()
    assert [(each.key, each.username, each.groups) for each in back.entries] == [
        (each.key, each.username, each.groups) for each in start.entries if each.principal not in lost
    ]


def test_what_a_foreign_file_gives() -> None:
    text = """\
kind: ConfigMap
metadata: {name: aws-auth}
data:
  mapRoles: |
    - {rolearn: "arn:aws:iam::111122223333:role/Dev", username: dev, groups: [dev]}
    - {rolearn: "arn:aws:sts::111122223333:assumed-role/Ops/x", username: ops}
    - {rolearn: "arn:aws:iam::111122223333:role/team/Path", username: path}
"""
    found, left_out = as_mappings(read_mappings(text, "f.yaml"), "dev-cluster", "f.yaml")
    assert [entry.principal for entry in found.entries] == ["arn:aws:iam::111122223333:role/Dev"]
    assert [str(each).partition(";")[0] for each in left_out] == [
        (
            "f.yaml:6:7: arn:aws:sts::111122223333:assumed-role/Ops/x never matches: the ARNs of aws-auth are "
            "compared as they are written"
        ),
        "f.yaml:7:7: arn:aws:iam::111122223333:role/team/Path never matches: STS omits the path of a role",
    ]
    objects = "kind: IAMIdentityMapping\nspec: {arn: 'arn:aws:sts::111122223333:assumed-role/Ops/x', username: ops}\n"
    found, left_out = as_mappings(read_mappings(objects, "f.yaml"), "dev-cluster", "f.yaml")
    assert [entry.principal for entry in found.entries] == ["arn:aws:iam::111122223333:role/Ops"]
    assert left_out == ()
    own, _ = as_mappings(read_mappings(MAPPINGS, "f.yaml"), "x", "f.yaml")
    assert own.document.text == MAPPINGS


def test_converting_changes_nothing_for_anybody() -> None:
    kept = (
        "clusterID: c\nserver:\n  mapRoles:\n  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/D/x', username: d}\n"
    )
    (config,) = convert_mappings(Mappings.parse(kept), "MountedFile", NEW).objects
    assert effects(Authenticator.load(kept), Authenticator.load(yaml_bytes(config).decode())) == ()


@pytest.mark.parametrize(("version", "username"), [("v0.5.0", "1"), ("v0.6.29", "1"), ("v0.6.30", "yes")])
def test_texts_are_those_that_the_release_reads(version: str, username: str) -> None:
    mappings = Mappings.parse("server: {mapRoles: [{roleARN: 'arn:aws:iam::111122223333:role/A', username: yes}]}\n")
    (made,) = convert_mappings(mappings, "CRD", DaemonVersion.parse(version)).objects
    assert made["spec"]["username"] == username
