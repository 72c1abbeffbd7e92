"""enable and disable: the lines that are needed, and the bytes back."""

from __future__ import annotations

import difflib

import pytest

from tarmak_iam import TarmakConfig, TarmakIamError
from tests.support import EXAMPLES, GOLDEN, golden_json
from tests.support.tables import cases

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
CLUSTER = HEAD + "- environment: dev\n  metadata:\n    name: cluster\n"

EXPECTED = golden_json("tarmak", "expected.json")
PLAIN = sorted(
    name
    for name, expected in EXPECTED.items()
    if expected["read_ok"] and name.startswith(("single-", "multi-", "logs-", "webhook-", "text-", "api-", "version-"))
)


def lines_changed(before: bytes, after: bytes) -> list[str]:
    lines = difflib.ndiff(before.decode().splitlines(), after.decode().splitlines())
    return [line for line in lines if line[0] in "+-"]


@cases("config/cases/section_edits")
def test_the_examples_get_the_needed_lines_and_the_bytes_back(example: str, cluster: str, added: list[str]) -> None:
    raw = (EXAMPLES / example / "tarmak.yaml").read_bytes()
    config = TarmakConfig.parse(raw)
    enabled = config.enable_authenticator(cluster)
    assert lines_changed(raw, enabled.document.to_bytes()) == added
    assert enabled.cluster(cluster).authenticator_init
    assert enabled.enable_authenticator(cluster) is enabled
    assert enabled.disable_authenticator(cluster).document.to_bytes() == raw


@pytest.mark.parametrize("name", PLAIN)
def test_enabling_adds_only_that_key_to_the_recorded_files(name: str) -> None:
    raw = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    config = TarmakConfig.parse(raw)
    for cluster in config.clusters:
        if cluster.type == "hub" or cluster.authenticator_init or config.cluster(cluster.cluster_name) != cluster:
            continue
        if cluster.cluster_name == "-":
            continue
        enabled = config.enable_authenticator(cluster.cluster_name)
        effective = enabled.clusters[cluster.index].effective()
        assert effective["apiServer"]["amazon"]["awsIAMAuthenticatorInit"] is True
        others = [other.effective() for other in config.clusters if other.index != cluster.index]
        assert [other.effective() for other in enabled.clusters if other.index != cluster.index] == others
        amazon = ((cluster.data.get("kubernetes") or {}).get("apiServer") or {}).get("amazon")
        disabled = enabled.disable_authenticator(cluster.cluster_name)
        assert not disabled.clusters[cluster.index].authenticator_init
        if amazon:
            assert disabled.document.data == config.document.data or "awsIAMAuthenticatorInit" in amazon


@cases("config/cases/section_edits")
def test_disable(before: str, after: str | None) -> None:
    config = TarmakConfig.parse(CLUSTER + before)
    disabled = config.disable_authenticator("dev-cluster")
    if after is None:
        assert disabled is config
    else:
        assert disabled.document.to_bytes().decode() == CLUSTER + after


def test_a_cluster_without_kubernetes_gets_the_bytes_back() -> None:
    config = TarmakConfig.parse(CLUSTER)
    enabled = config.enable_authenticator("dev-cluster")
    added = "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: true\n"
    assert enabled.document.to_bytes().decode() == CLUSTER + added
    assert enabled.disable_authenticator("dev-cluster").document.to_bytes().decode() == CLUSTER


def test_a_hub_and_an_unknown_cluster() -> None:
    text = HEAD + "- {environment: prod, metadata: {name: hub}}\n- {environment: prod, metadata: {name: blue}}\n"
    config = TarmakConfig.parse(text)
    with pytest.raises(TarmakIamError, match=r"^tarmak\.yaml:5:3: prod-hub is a hub: it has no masters"):
        config.enable_authenticator("prod-hub")
    with pytest.raises(TarmakIamError, match="unknown cluster 'prod-red'"):
        config.enable_authenticator("prod-red")
