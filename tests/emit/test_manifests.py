"""ConfigMap and DaemonSet: accepted strictly by every Kubernetes version, and what they must hold."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import StringIO
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from tarmak_iam.document import Document
from tarmak_iam.emit import manifests
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity import Identity, whois
from tests.emit.installations import MAPPINGS, installation
from tests.support import shared_file

OLD = [f"1.{minor}" for minor in range(9, 25)]
NEW = [f"1.{minor}" for minor in range(25, 38)]


@pytest.mark.parametrize("version", OLD)
def test_published_schemas_accept_them_strictly(version: str) -> None:
    schema = json.loads(shared_file("schemas", "kubernetes", f"v{version}.json").read_text())
    for each in manifests(installation(kubernetesVersion=f"{version}.0")):
        reference = schema["kinds"][f"{each['apiVersion']} {each['kind']}"]
        jsonschema.validate(each, {"$ref": reference, "definitions": schema["definitions"]})


@pytest.mark.parametrize("version", NEW)
def test_kubernetes_validate_accepts_them_strictly(version: str) -> None:
    for each in manifests(installation(kubernetesVersion=f"{version}.0")):
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reads_them() -> None:
    text = b"---\n".join(yaml_bytes(each) for each in manifests(installation()))
    # A command that needs no cluster, unlike `apply --dry-run=client`.
    command = ["kubectl", "label", "--local", "-o", "name", "-f", "-", "x=y"]
    done = subprocess.run(command, input=text, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["configmap/aws-iam-authenticator", "daemonset.apps/aws-iam-authenticator"]


def daemonset(**settings: Any) -> dict[str, Any]:
    return manifests(installation(**settings))[1]


def pod(**settings: Any) -> dict[str, Any]:
    spec: dict[str, Any] = daemonset(**settings)["spec"]["template"]["spec"]
    return spec


def container(**settings: Any) -> dict[str, Any]:
    (only,) = pod(**settings)["containers"]
    return dict(only)


def test_the_configmap_holds_the_mappings_file_with_its_comments() -> None:
    config, _ = manifests(installation())
    assert config["data"] == {"config.yaml": MAPPINGS}
    assert (config["metadata"]["name"], config["metadata"]["namespace"]) == ("aws-iam-authenticator", "kube-system")


def test_the_cluster_id_is_added_and_another_one_is_an_error() -> None:
    config, _ = manifests(installation(mappings="server: {}\n"))
    assert config["data"] == {"config.yaml": "server: {}\nclusterID: dev-cluster\n"}
    with pytest.raises(ConfigError, match="clusterID is 'prod-blue', but this cluster's id is 'dev-cluster'"):
        manifests(installation(mappings="clusterID: prod-blue\n"))


def test_what_the_daemon_would_not_start_with_is_not_emitted() -> None:
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n  - roleARN: nonsense\n"
    with pytest.raises(ConfigError, match=r":4:5: authenticator v0.6.20 would not start: 'nonsense' is not taken"):
        manifests(installation(mappings=text))
    with pytest.raises(ConfigError, match="has no mappings file, so nobody could log in"):
        manifests(installation(mappings=None))


def test_the_daemonset_on_tarmaks_masters() -> None:
    spec = pod()
    assert spec["hostNetwork"] is True
    assert spec["nodeSelector"] == {"node-role.kubernetes.io/master": ""}
    assert spec["tolerations"][0] == {
        "key": "node-role.kubernetes.io/master",
        "operator": "Exists",
        "effect": "NoSchedule",
    }
    assert spec["priorityClassName"] == "system-node-critical"
    assert spec["volumes"][1]["hostPath"] == {"path": "/var/aws-iam-authenticator/", "type": "Directory"}
    main = container()
    assert main["env"] == [{"name": "AWS_REGION", "value": "eu-west-1"}]
    assert main["image"] == "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator:v0.6.20-eks-1-30-7"
    assert "--kubeconfig-pregenerated=true" in main["args"]
    assert main["securityContext"] == {
        "runAsUser": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seLinuxOptions": {"type": "spc_t", "level": "s0"},
    }
    assert {mount["name"] for mount in main["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    assert daemonset()["spec"]["selector"] == {"matchLabels": {"k8s-app": "aws-iam-authenticator"}}


def test_kubernetes_versions_make_a_difference() -> None:
    template = daemonset(kubernetesVersion="1.10.3")["spec"]["template"]
    assert template["metadata"]["annotations"]["scheduler.alpha.kubernetes.io/critical-pod"] == ""
    assert "priorityClassName" not in template["spec"]
    newer = pod(kubernetesVersion="1.24.0")
    assert "nodeSelector" not in newer
    terms = newer["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    keys = ["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"]
    assert [term["matchExpressions"][0]["key"] for term in terms] == keys
    assert [each["key"] for each in newer["tolerations"]] == [*keys, "CriticalAddonsOnly"]
    with pytest.raises(ConfigError, match="'latest' is no Kubernetes version"):
        manifests(installation(kubernetesVersion="latest"))


def test_daemon_versions_make_a_difference() -> None:
    old = container(image="602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator:v0.4.0-scratch")
    assert "livenessProbe" not in old
    assert not [arg for arg in old["args"] if arg.startswith("--backend-mode")]
    assert container()["livenessProbe"]["httpGet"] == {
        "scheme": "HTTPS",
        "host": "127.0.0.1",
        "port": 21362,
        "path": "/healthz",
    }


def test_images() -> None:
    digest = "@sha256:" + "0" * 64
    assert container(image="registry:5000/x:v0.6.20" + digest)["image"] == "registry:5000/x:v0.6.20" + digest
    assert container(image="registry:5000/x" + digest, daemonVersion="v0.7.9")["image"].endswith(digest)
    with pytest.raises(ConfigError, match="does not tell its version"):
        installation(image="registry:5000/x" + digest)
    with pytest.raises(ConfigError, match="is no image"):
        installation(image="x:v0.6.20 --privileged")


def test_other_partitions_tell_the_daemon() -> None:
    cluster = installation(location="cn-north-1")
    assert cluster.partition == "aws-cn"
    (only,) = manifests(cluster)[1]["spec"]["template"]["spec"]["containers"]
    assert "--partition=aws-cn" in only["args"]
    with pytest.raises(ConfigError, match="the region of dev-cluster is unknown; set location"):
        manifests(installation(location=""))


def test_pods_roll_when_mappings_change() -> None:
    def checksum(**settings: Any) -> str:
        return str(daemonset(**settings)["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum()
    assert checksum(mappings=MAPPINGS + "# more\n") != checksum()


AWKWARD = [
    'say "hi"',
    "a: b # c",
    "--- ",
    "{{SessionName}}",
    "$(id) `id` %i",
    "line\nbreak",
    "tab\there",
    "'",
    "é\u2028\u00a0",
    "  lead",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_names_come_out_as_the_same_value_and_never_as_another_key(name: str) -> None:
    document = Document.parse(MAPPINGS).set(("server", "mapRoles", 0, "username"), name)
    text = document.set(("server", "mapRoles", 0, "groups"), [name, "x"]).text
    config, _ = manifests(installation(mappings=text))
    loaded = YAML(typ="safe", pure=True).load(StringIO(yaml_bytes(config).decode()))
    assert loaded == config
    who = Identity("arn:aws:sts::111122223333:assumed-role/Admin/s", "111122223333", "AROA:s")
    answer = whois(loaded["data"]["config.yaml"], who, version="v0.6.20")
    assert answer.username == name.replace("{{SessionName}}", "s")
    assert answer.groups == [name.replace("{{SessionName}}", "s"), "x"]
