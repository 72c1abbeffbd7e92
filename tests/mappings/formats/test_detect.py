"""kops, eksctl and the authenticator's own configuration; and how a file is recognised."""

from __future__ import annotations

import pytest

from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, ParseError, Place
from tarmak_iam.mappings.formats import FORMATS, conversion, read_mappings
from tarmak_iam.mappings.formats.foreign_file import LeftOut, Read
from tarmak_iam.mappings.merging import Wanted
from tests.mappings.formats.reports import lines, read
from tests.support import ROOT
from tests.support.tables import rows

KOPS = """\
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {name: c.example.com}
spec:
  authentication:
    aws:
      backendMode: CRD,MountedFile
      clusterID: c
      cpuRequest: 10m
      identityMappings:
      - arn: arn:aws:iam::111122223333:role/Ops
        username: ops:{{SessionName}}
        groups: [ops]
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: nodes}
"""
EKSCTL = """\
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: c, region: us-east-1}
iamIdentityMappings:
- arn: arn:aws:iam::111122223333:role/Ops
  username: ops
  noDuplicateARNs: true
- serviceName: emr-containers
  namespace: emr
- account: "111122223333"
- account: 012345678901
- account: "111122223333"
  arn: arn:aws:iam::111122223333:role/Both
"""
CONFIG = """\
clusterID: other
mapUsers: []
server:
  scrubbedAccounts: ["111122223333"]
  maproles:
  - RoleARN: arn:aws:iam::111122223333:role/Dev
    username: dev
    groups: a,b
  - {sso: {permissionSetName: P, accountID: "111122223333", partition: aws}, username: x}
  - {sso: {permissionSetName: P, accountID: "111122223333"}, username: x}
  - {username: x}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/bob", username: bob, userid: AIDA}
  mapAccounts: [012345678901, 111122223333]
"""


def test_kops() -> None:
    assert read(KOPS) == [
        "f.yaml:11:9 arn:aws:iam::111122223333:role/Ops as ops:{{SessionName}} ['ops']",
        "f.yaml:7:7: backendMode CRD,MountedFile is not a mapping; use the setting backends instead",
        "f.yaml:8:7: clusterID c is not a mapping; tarmak-iam uses the cluster name",
        "f.yaml:9:7: cpuRequest 10m is not a mapping; it configures how kops runs the authenticator",
        "f.yaml:15:1: the InstanceGroup nodes has no mappings",
    ]


def test_keys_of_any_case() -> None:
    assert read("spec: {authentication: {aws: {IdentityMappings: [{Arn: arn:x, UserName: u}], image: i}}}\n") == [
        "f.yaml:1:50 arn:x as u []",
        "f.yaml:1:78: image i is not a mapping; use the setting image instead",
    ]


def test_what_is_said_of_an_entry_is_not_longer_than_a_message() -> None:
    assert LeftOut("a" * 500 + "b" * 501).what == "a" * 498 + "..." + "b" * 498


@pytest.mark.parametrize(("groups", "admin"), rows(__file__, "test_an_admin_who_is_left_out_is_named"))
def test_an_admin_who_is_left_out_is_named(groups: str, admin: str) -> None:
    (left_out,) = read_mappings(f"- {{arn: arn:x, username: 5, groups: {groups}}}\n", "f").left_out
    assert (left_out.what, left_out.admin) == ("arn:x: username must be a string; put it in quotes", admin)


@pytest.mark.parametrize("head", ["", "aws:\n  ", "authentication:\n  aws:\n    "])
def test_a_part_of_a_kops_cluster(head: str) -> None:
    entry = f"{head}identityMappings: [{{arn: arn:x, username: u}}]\n"
    found = read_mappings(entry, "f.yaml")
    assert found.formats == ("kops",)
    assert [each.principal for each in found.entries] == ["arn:x"]


def test_kops_without_the_section() -> None:
    text = "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nspec: {authentication: {kopeio: {}}}\n"
    with pytest.raises(
        ConfigError, match=r"^f:1:1: no mappings found: this is a kops Cluster without spec\.authentication"
    ):
        read_mappings(text, "f")
    assert read("spec: {authentication: {aws: {identityMappings: x}}}") == [
        "f.yaml:1:49: identityMappings must be a list"
    ]


def test_eksctl() -> None:
    assert read(EKSCTL) == [
        "f.yaml:5:3 arn:aws:iam::111122223333:role/Ops as ops []",
        "f.yaml:10:12 111122223333 as - []",
        (
            "f.yaml:8:3: the service emr-containers: eksctl maps and binds the role of the service in "
            "the cluster's account; map that role by its ARN"
        ),
        "f.yaml:11:12: the account 012345678901 must be a string; put it in quotes",
        "f.yaml:12:3: an entry must have an account or an ARN, not both: arn:aws:iam::111122223333:role/Both",
    ]
    assert [each.only_new for each in read_mappings(EKSCTL, "f").entries] == [True, False]
    assert read("- arn: arn:x\n  username: u\n") == ["f.yaml:1:3 arn:x as u []"]
    assert read("iamIdentityMappings: {}\n") == ["f.yaml:1:22: iamIdentityMappings must be a list"]


ENTRIES_OF_EKS = """\
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: c, region: us-east-1}
accessConfig:
  authenticationMode: API_AND_CONFIG_MAP
  accessEntries:
  - principalARN: arn:aws:iam::111122223333:role/team/Ops
    kubernetesGroups: [ops]
  - principalARN: arn:aws:iam::111122223333:user/ann
    type: STANDARD
    tags: {team: a}
    kubernetesUsername: ann
  - principalARN: arn:aws:iam::111122223333:user/bob
    kubernetesGroups: [dev, ops]
    accessPolicies:
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: {type: namespace, namespaces: [dev]}
  - principalARN: arn:aws:iam::111122223333:role/Admin
    accessPolicies:
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy
      accessScope: {type: cluster}
    - accessScope: {type: cluster}
  - principalARN: arn:aws:iam::111122223333:role/Nodes
    type: EC2_LINUX
  - principalARN: 12
  - kubernetesGroups: [dev]
  - x
  - principalARN: arn:aws-cn:iam::111122223333:role/Plain
    name: plain
iamIdentityMappings:
- arn: arn:aws:iam::111122223333:user/ann
  username: other
"""


def test_access_entries_of_eksctl() -> None:
    ops, admin, plain = (
        f"arn:{partition}:sts::111122223333:assumed-role/{role}/{{{{SessionName}}}}"
        for partition, role in (("aws", "Ops"), ("aws", "Admin"), ("aws-cn", "Plain"))
    )
    assert read(ENTRIES_OF_EKS) == [
        "f.yaml:31:3 arn:aws:iam::111122223333:user/ann as other []",
        f"f.yaml:7:5 arn:aws:iam::111122223333:role/team/Ops as {ops} ['ops']",
        "f.yaml:9:5 arn:aws:iam::111122223333:user/ann as ann []",
        "f.yaml:13:5 arn:aws:iam::111122223333:user/bob as arn:aws:iam::111122223333:user/bob ['dev', 'ops']",
        f"f.yaml:18:5 arn:aws:iam::111122223333:role/Admin as {admin} ['system:masters']",
        f"f.yaml:28:5 arn:aws-cn:iam::111122223333:role/Plain as {plain} []",
        (
            "f.yaml:13:5: arn:aws:iam::111122223333:user/bob: the access policies AmazonEKSViewPolicy exist in EKS "
            "only; grant the permissions to its groups with RBAC"
        ),
        (
            "f.yaml:22:7: an access policy needs policyArn and accessScope: the type cluster, or the type namespace "
            "and a list of namespaces"
        ),
        (
            "f.yaml:23:5: arn:aws:iam::111122223333:role/Nodes: EKS sets the username and groups of access entries "
            "of the type EC2_LINUX; map the role with `map add` if nodes join this cluster with it"
        ),
        "f.yaml:25:19: an entry: principalARN must be a string; put it in quotes",
        "f.yaml:26:5: an entry without principalARN never matches",
        "f.yaml:27:5: x is not a YAML mapping with principalARN, kubernetesUsername and kubernetesGroups",
        "f.yaml:29:5: the key name has no equivalent in the mappings",
    ]
    assert read("- principalARN: arn:aws:iam::111122223333:user/ann\n  kubernetesUsername: ann\n") == [
        "f.yaml:1:3 arn:aws:iam::111122223333:user/ann as ann []"
    ]
    bob = "arn:aws:iam::111122223333:user/bob"
    assert read(f"- {{principalARN: {bob}, type: standard}}\n") == [f"f.yaml:1:3 {bob} as {bob} []"]
    assert read("accessConfig: {accessEntries: x}\n") == ["f.yaml:1:31: accessConfig.accessEntries must be a list"]
    assert read("accessConfig: {accessEntries: [{principalARN: nonsense}]}\n") == ["f.yaml:1:32 nonsense as - []"]


ENTRIES = [
    ("111122223333", "", ()),
    ("arn:aws:iam::111122223333:user/bob", "bob", ()),
    ("arn:aws:iam::111122223333:role/Dev", "dev", ("a", "b")),
    ("sso:111122223333/P", "x", ()),
]


def test_the_authenticators_own() -> None:
    found = read_mappings(CONFIG, "f.yaml")
    assert [(each.principal, each.username, each.groups or ()) for each in found.entries] == ENTRIES
    assert found.entries[1].user_id == "AIDA"
    assert found.configuration == CONFIG
    assert [str(each) for each in found.left_out] == [
        "f.yaml:1:1: clusterID is not a mapping; the existing value is kept",
        "f.yaml:2:1: mapUsers is not below server, so the authenticator ignores it",
        "f.yaml:4:3: server.scrubbedAccounts is not a mapping; add it to the mappings file by hand",
        (
            "f.yaml:14:17: the account 012345678901 is not in quotes, so the authenticator reads 12345678901, which "
            "never matches; use `map add` if this account was meant"
        ),
        "f.yaml:9:5: an SSO entry with a partition, even the right one, never matches",
        "f.yaml:11:5: an entry without an ARN never matches",
    ]


def test_the_authenticators_own_in_a_config_map() -> None:
    inner = "".join(f"    {line}\n" for line in CONFIG.splitlines())
    text = f"kind: ConfigMap\ndata:\n  readme.yaml: '['\n  config.yaml: |\n{inner}"
    found = read_mappings(text, "f.yaml")
    assert [(each.principal, each.username, each.groups or ()) for each in found.entries] == ENTRIES
    assert str(found.entries[2].place) == "f.yaml:10:9"
    assert found.configuration == CONFIG


def test_the_guide_names_every_format() -> None:
    page = (ROOT / "docs" / "guides" / "moving.md").read_text(encoding="utf-8").lower()
    assert [name for name in FORMATS if name not in page] == []


def test_a_format_that_is_not_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(lines: list[str]) -> Read:
        for number, line in enumerate(lines, 1):
            arn, _, username = line.partition(" = ")
            place = Place("f.tf", number, 1)
            yield Wanted(arn, username, place=place) if username else LeftOut(f"{arn} has no username", place)

    def read_text(data: bytes | str, filename: str) -> Read | None:
        lines = Source.decode(data, filename).text.splitlines()
        return entries(lines) if lines[0].startswith("arn:") else None

    monkeypatch.setitem(conversion._FORMATS, "lines", conversion._Format("lines", read_text=read_text))
    for form in (None, "lines"):
        found = read_mappings(b"arn:x = {a: b\narn:y\n", "f.tf", form)
        assert (found.formats, lines(found)) == (
            ("lines",),
            ["f.tf:1:1 arn:x as {a: b []", "f.tf:2:1: arn:y has no username"],
        )
    assert read_mappings(KOPS, "f.yaml").formats == ("kops",)
    with pytest.raises(ConfigError, match="no mappings found in the format lines: it contains a kops Cluster, an Inst"):
        read_mappings(KOPS, "f.yaml", "lines")


def test_recognised_by_its_looks_or_by_name() -> None:
    assert read_mappings(f"{KOPS}---\n{CONFIG}---\n{EKSCTL}", "f").formats == ("kops", "authenticator", "eksctl")
    assert read_mappings(f"{CONFIG}---\n{KOPS}", "f").configuration is None
    assert lines(read_mappings(KOPS, "f.yaml", "kops")) == read(KOPS)
    with pytest.raises(ConfigError, match=r"^f: no mappings found in the format crd: it contains a kops Cluster"):
        read_mappings(KOPS, "f", "crd")


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "test_nothing_is_recognised"))
def test_nothing_is_recognised(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mappings(text, "f")
    place, _, found = expected.partition(": ")
    assert str(caught.value) == (
        f"{place}: no mappings found: {found}; specify a file in one of these formats: {', '.join(FORMATS)}"
    )


def test_ill_formed_text_has_its_place() -> None:
    with pytest.raises(ParseError, match=r"^f:4:\d+: invalid YAML"):
        read_mappings("kind: Secret\n---\n\na: b: c\n", "f")
    with pytest.raises(ParseError, match=r"^f:1:\d+: byte 0xff"):
        read_mappings(b"a: \xff", "f")


def test_directives_keep_their_documents() -> None:
    head = "%YAML 1.1\n---\nkind: Secret\n...\n%TAG !e! tag:e,2000:\n---\n"
    text = f"{head}iamIdentityMappings: [{{account: '111122223333'}}]\n"
    assert read(text) == ["f.yaml:7:33 111122223333 as - []", "f.yaml:3:1: the Secret has no mappings"]


@pytest.mark.parametrize(("text", "form", "found"), rows(__file__, "test_another_format_than_the_one_asked_for"))
def test_another_format_than_the_one_asked_for(text: str, form: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mappings(text, "f", form)
    assert str(caught.value) == f"f:1:1: no mappings found in the format {form}: this is {found}; try --from auto"
