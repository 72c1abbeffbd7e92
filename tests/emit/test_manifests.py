"""What ConfigMap and DaemonSet must hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.emit import manifests
from tarmak_iam.emit.artifact import label_value
from tarmak_iam.errors import ConfigError
from tests.emit.goldens import FOLDER, OUTPUT, cases, made
from tests.support.installations import MAPPINGS, installation

TABLES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("manifests.yaml"))


@pytest.mark.parametrize("case", cases())
def test_manifests_are_what_they_were(case: str) -> None:
    """The whole output for the common cases, to the byte."""
    assert made(case).decode() == (FOLDER / case / OUTPUT).read_text(encoding="utf-8"), "see `make goldens`"


def daemonset(**settings: Any) -> dict[str, Any]:
    return manifests(installation(**settings))[1]


def pod(**settings: Any) -> dict[str, Any]:
    spec: dict[str, Any] = daemonset(**settings)["spec"]["template"]["spec"]
    return spec


def container(**settings: Any) -> dict[str, Any]:
    (only,) = pod(**settings)["containers"]
    return dict(only)


def test_the_cluster_id_is_added_and_another_one_is_an_error() -> None:
    config, _ = manifests(installation(mappings="server: {}\n"))
    assert config["data"] == {"config.yaml": "server: {}\nclusterID: dev-cluster\n"}
    with pytest.raises(ConfigError, match="clusterID is 'prod-blue', but the ID of this cluster is 'dev-cluster'"):
        manifests(installation(mappings="clusterID: prod-blue\n"))


def test_what_the_daemon_would_not_start_with_is_not_emitted() -> None:
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n  - roleARN: nonsense\n"
    with pytest.raises(ConfigError, match=r":4:5: authenticator v0.7.18 would not start: 'nonsense' is not accepted"):
        manifests(installation(mappings=text))
    with pytest.raises(ConfigError, match="has no mappings file, so IAM login would not be"):
        manifests(installation(mappings=None))


@pytest.mark.parametrize("case", TABLES["releases"], ids=str)
def test_the_label_names_the_release_of_the_image(case: dict[str, Any]) -> None:
    objects = manifests(installation(**case["settings"]))
    found = [each["metadata"]["labels"] for each in (*objects, objects[-1]["spec"]["template"])]
    assert {each["app.kubernetes.io/version"] for each in found} == {case["label"]}


CRITICAL = "scheduler.alpha.kubernetes.io/critical-pod"
SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
MASTER, CONTROL_PLANE = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"


@pytest.mark.parametrize(("version", "annotations"), TABLES["eras"].items())
def test_what_is_an_annotation_becomes_a_field(version: str, annotations: dict[str, str]) -> None:
    template = daemonset(kubernetesVersion=version)["spec"]["template"]
    found = template["metadata"]["annotations"]
    assert {key: value for key, value in found.items() if key != "checksum/config"} == annotations
    is_old = CRITICAL in annotations
    assert template["spec"].get("priorityClassName") == (None if is_old else "system-node-critical")
    field = None if SECCOMP in annotations else {"seccompProfile": {"type": "RuntimeDefault"}}
    assert template["spec"].get("securityContext") == field


@pytest.mark.parametrize(
    "version", ["1.9.0", "1.19.16", "1.20.0-beta.2", "1.20.0", "1.24.0-alpha.1", "1.37.0", "2.0.0"]
)
def test_the_labels_of_masters_select_them(version: str) -> None:
    """Tarmak's own have the old one in every release."""
    spec = pod(kubernetesVersion=version)
    if version in ("1.9.0", "1.19.16", "1.20.0-beta.2"):
        assert spec["nodeSelector"] == {MASTER: ""}
        return
    assert "nodeSelector" not in spec
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [term["matchExpressions"][0]["key"] for term in terms] == [MASTER, CONTROL_PLANE]


@pytest.mark.parametrize("version", ["1.8.15", "1.9.0-beta.2", "0.9.0"])
def test_a_kubernetes_that_is_too_old(version: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"Kubernetes {version} does not have the API apps/v1; use Kubernetes 1.9 or later"
    ):
        manifests(installation(kubernetesVersion=version))


@pytest.mark.parametrize(("text", "expected"), TABLES["labels"].items())
def test_a_label_takes_the_cluster_id_or_its_digest(text: str, expected: str) -> None:
    assert label_value(text) == expected


@given(st.text(max_size=80), st.text(max_size=80))
def test_other_ids_have_other_labels(one: str, other: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", label_value(one))
    assert len(label_value(one)) <= 63
    assert one == other or label_value(one) != label_value(other)


def test_memory_follows_the_release() -> None:
    def request(version: str) -> str:
        image = f"registry.example.com/aws-iam-authenticator:{version}"
        return str(container(image=image)["resources"]["requests"]["memory"])

    assert [request(each) for each in ("v0.3.0", "v0.4.0", "v0.5.0", "v0.7.18")] == ["32Mi", "32Mi", "64Mi", "64Mi"]


def test_probes_go_where_the_daemon_listens() -> None:
    text = MAPPINGS.replace("server:\n", "server:\n  port: 21400\n  Address: 10.0.0.1\n")
    probe = container(mappings=text)["livenessProbe"]["httpGet"]
    assert (probe["host"], probe["port"]) == ("10.0.0.1", 21400)
    everywhere = container(mappings=MAPPINGS.replace("server:\n", "server:\n  address: 0.0.0.0\n"))
    assert everywhere["readinessProbe"]["httpGet"]["host"] == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"server\.port is 0, which is not a valid port; use a port from 1 to 65535"):
        manifests(installation(mappings=MAPPINGS.replace("server:\n", "server:\n  port: 0\n")))


def test_other_partitions_tell_the_daemon() -> None:
    assert "--partition=aws-cn" in container(location="cn-north-1")["args"]
    with pytest.raises(ConfigError, match="the region of dev-cluster is unknown; set location"):
        manifests(installation(location=""))
