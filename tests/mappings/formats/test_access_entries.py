"""EKS access entries as files: what is written is read back by the tools it is for, whatever the names contain."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.mappings.access_entries import AccessEntry, PolicyAssociation, matches_permission_set, policy_arn, whois
from tarmak_iam.mappings.formats import access_entries, aws_cli, cloudformation, eksctl, terraform
from tarmak_iam.mappings.formats.access_entries import read_entries
from tests.support.thorough import examples

ACCOUNT = "arn:aws:iam::111122223333:"
VIEW = policy_arn("aws", "AmazonEKSViewPolicy")
ADMIN = PolicyAssociation(policy_arn("aws", "AmazonEKSClusterAdminPolicy"))
IN_NAMESPACES = PolicyAssociation(VIEW, ("a", "b-*"))
ENTRIES = (
    AccessEntry(f"{ACCOUNT}role/team/Dev", "dev:{{SessionName}}", ("dev", "ops"), (IN_NAMESPACES,)),
    AccessEntry(f"{ACCOUNT}user/ann", "ann", (), (ADMIN,)),
    AccessEntry(f"{ACCOUNT}role/Nodes", type="EC2_LINUX"),
)
HOSTILE = (
    *("${x}", "%{ if true }", "$${", '"', "\\", "'; touch x; '", "$(touch x)", "`x`", "file://x", "##vso[x]", "::x"),
    *("\u00e9\u202e", "#"),
)


def own_json(entries: tuple[AccessEntry, ...]) -> str:
    return json.dumps({"accessEntries": access_entries.write(entries)})


def eksctl_yaml(entries: tuple[AccessEntry, ...]) -> bytes:
    return yaml_bytes(eksctl.write(entries, "new", "eu-west-1"))


def without_places(entries: tuple[AccessEntry, ...]) -> list[AccessEntry]:
    return [entry._replace(place=None) for entry in entries]


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
names = st.one_of(st.sampled_from(HOSTILE), texts)
some_entries = st.lists(
    st.tuples(
        st.sampled_from([f"{ACCOUNT}role/team/Dev", f"{ACCOUNT}user/ann", f"{ACCOUNT}role/a+=,.@-b"]),
        names,
        st.lists(names, max_size=2, unique=True).map(tuple),
        st.sampled_from([(), (ADMIN,), (IN_NAMESPACES,)]),
    ).map(lambda values: AccessEntry(*values)),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry.principal,
).map(tuple)


@settings(max_examples=examples(100))
@given(some_entries)
def test_what_is_written_is_read_back(entries: tuple[AccessEntry, ...]) -> None:
    for text in (own_json(entries), eksctl_yaml(entries)):
        found, left_out = read_entries(text, "f")
        assert without_places(found) == list(entries)
        assert left_out == ()


@settings(max_examples=examples(100))
@given(some_entries)
def test_every_format_has_the_names_as_they_are(entries: tuple[AccessEntry, ...]) -> None:
    template = YAML(typ="safe").load(yaml_bytes(cloudformation.write(entries, "")))
    properties = [resource["Properties"] for resource in template["Resources"].values()]
    assert [
        (resource_properties["Username"], resource_properties.get("KubernetesGroups", []))
        for resource_properties in properties
    ] == [(entry.username, list(entry.groups)) for entry in entries]
    hcl2 = pytest.importorskip("hcl2", reason="python-hcl2 is not installed")
    parsed = hcl2.loads(terraform.write(entries, "", ["x"]))
    blocks = [block for item in parsed["resource"] for block in item.get('"aws_eks_access_entry"', {}).values()]
    assert [unquoted(block["user_name"]) for block in blocks] == [entry.username for entry in entries]
    groups = [list(map(unquoted, block.get("kubernetes_groups", []))) for block in blocks]
    assert groups == [list(entry.groups) for entry in entries]


def unquoted(text: str) -> str:
    """A quoted template of HCL without expressions (hclsyntax/spec.md), read independently of the writer."""

    assert "${" not in text
    assert "%{" not in text
    code = r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))"
    assert not re.search(r'["\\]', re.sub(code, "", text[1:-1]))
    return re.sub(code, lambda match: chr(int(match[1] or match[2], 16)), text[1:-1])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_script_calls_the_cli_with_the_names_and_nothing_else(tmp_path: Path, hostile: str) -> None:
    """Run with a stand-in for the AWS CLI; what it is given is valid for the API, as botocore has it."""
    (tmp_path / "aws").write_text('#!/bin/sh\nprintf "%s\\n" "$#" "$1" "$2" "$4" "$6" >> calls\n')
    (tmp_path / "aws").chmod(0o755)
    entry = ENTRIES[0]._replace(username=hostile, groups=(hostile,))
    script = aws_cli.write((entry,), "", ["note"])
    assert "##vso[" not in script
    assert "\ncluster='a; touch x'\n" in aws_cli.write((), "a; touch x", [])
    path = f"{tmp_path}:{Path(shutil.which('sh') or '/bin/sh').parent}"
    command = ["sh", "-s", "c$(touch y)"]
    subprocess.run(command, input=script.encode(), cwd=tmp_path, env={"PATH": path}, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aws", "calls"]
    lines = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert lines[0:4] + lines[5:9] == [
        *("6", "eks", "create-access-entry", "c$(touch y)"),
        *("6", "eks", "associate-access-policy", "c$(touch y)"),
    ]
    created, associated = json.loads(lines[4]), json.loads(lines[9])
    assert (created["username"], created["kubernetesGroups"]) == (hostile, [hostile])
    assert associated["accessScope"] == {"type": "namespace", "namespaces": ["a", "b-*"]}
    service = ServiceModel(Loader().load_service_model("eks", "service-2"))
    for name, parameters in (("CreateAccessEntry", created), ("AssociateAccessPolicy", associated)):
        validate_parameters({"clusterName": "c", **parameters}, service.operation_model(name).input_shape)


# Of website/docs/r/eks_access_entry.html.markdown and eks_access_policy_association.html.markdown in
# https://github.com/hashicorp/terraform-provider-aws.
TERRAFORM = {
    "aws_eks_access_entry": {
        *("cluster_name", "principal_arn", "region", "kubernetes_groups", "tags", "type", "user_name"),
    },
    "aws_eks_access_policy_association": {
        *("region", "cluster_name", "policy_arn", "principal_arn", "access_scope"),
    },
}


def test_terraform() -> None:
    written = terraform.write(ENTRIES, "new", ["Note."])
    assert written == Path(__file__).with_name("access_entries.tf").read_text(encoding="utf-8")
    assert terraform.hcl_string("é\u202e##vso[x]") == '"\\u00e9\\u202e\\u0023#vso[x]"'
    hcl2 = pytest.importorskip("hcl2", reason="python-hcl2 is not installed")
    for item in hcl2.loads(written)["resource"]:
        for kind, blocks in item.items():
            for block in blocks.values():
                assert block.keys() - {"__is_block__"} <= TERRAFORM[kind.strip('"')]


def test_cloudformation() -> None:
    template = cloudformation.write(ENTRIES, "new")
    assert template["Resources"]["RoleTeamDev111122223333Bf83cd56E8773002"] == {
        "Type": "AWS::EKS::AccessEntry",
        "Properties": {
            "ClusterName": {"Ref": "ClusterName"},
            "PrincipalArn": "arn:aws:iam::111122223333:role/team/Dev",
            "Type": "STANDARD",
            "Username": "dev:{{SessionName}}",
            "KubernetesGroups": ["dev", "ops"],
            "AccessPolicies": [{"PolicyArn": VIEW, "AccessScope": {"Type": "namespace", "Namespaces": ["a", "b-*"]}}],
        },
    }
    many = [ENTRIES[1]._replace(principal=f"{ACCOUNT}user/{number}") for number in range(501)]
    with pytest.raises(ConfigError, match="at most 500 resources, and these are 501"):
        cloudformation.write(many, "")
    api = pytest.importorskip("cfnlint.api", reason="cfn-lint is not installed")
    assert api.lint(yaml_bytes(template).decode(), regions=["eu-west-1"]) == []


def test_the_roles_of_a_permission_set() -> None:
    name = "AWSReservedSSO_Ops_0123456789abcdef"
    others = (f"arn:aws:iam::444455556666:role/{name}", f"{ACCOUNT}user/{name}", f"{ACCOUNT}role/Ops", "x")
    assert matches_permission_set("111122223333/ops", f"{ACCOUNT}role/aws-reserved/{name}")
    assert not any(matches_permission_set("111122223333/ops", arn) for arn in others)


@pytest.mark.parametrize("text", ["", "{}", "a: 1", "accessEntries: []"])
def test_a_file_without_entries(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f: no access entries found; specify JSON of `map convert"):
        read_entries(text, "f")


def test_a_policy_of_another_name_grants_nothing_here() -> None:
    other = PolicyAssociation("arn:aws:iam::111122223333:policy/AmazonEKSClusterAdminPolicy")
    assert not other.is_cluster_admin
    assert ADMIN.is_cluster_admin
    assert not ADMIN._replace(namespaces=("a",)).is_cluster_admin


def test_whois() -> None:
    def who(arn: str, session: str = "ann@example.com") -> tuple[object, ...]:
        answer, policies = whois(ENTRIES, identity_of(arn, session))
        return answer.username, answer.groups, list(map(str, policies)), answer.reason

    assert who(f"{ACCOUNT}role/Dev") == (
        "dev:ann-example.com",
        ["dev", "ops"],
        ["AmazonEKSViewPolicy in a, b-*"],
        "the access entry of arn:aws:iam::111122223333:role/team/Dev, of the type STANDARD",
    )
    assert who(f"{ACCOUNT}role/Nodes", "i-0123456789abcdef0")[:2] == (
        "system:node:<private DNS name of i-0123456789abcdef0>",
        ["system:nodes"],
    )
    assert "requires a session name that is an instance ID" in str(who(f"{ACCOUNT}role/Nodes"))
    denied = "no access entry that can be read is for arn:aws:iam::111122223333:user/x/ann"
    assert who(f"{ACCOUNT}user/x/ann")[3] == denied
    with_path = (AccessEntry(f"{ACCOUNT}user/x/ann", "ann"),)
    assert not whois(with_path, identity_of(f"{ACCOUNT}user/ann"))[0].authenticated
    entries = (AccessEntry(f"{ACCOUNT}user/ann", "a-{{AccountID}}-{{SessionName}}", ("{{SessionName}}",)),)
    assert whois(entries, identity_of(f"{ACCOUNT}user/ann"))[0].notes == (
        "{{AccountID}} is not documented for this access entry; EKS may keep it as it is",
        "{{SessionName}} is not documented for this access entry; EKS may keep it as it is",
        "templates in groups are not documented for access entries; EKS may keep them as they are",
    )
    assert whois(ENTRIES, identity_of(f"{ACCOUNT}role/Dev", "ann"))[0].notes == ()
