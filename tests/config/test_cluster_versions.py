"""What is said about the Kubernetes versions of a cluster and its pools, and about a change of one."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.cluster_validation import hyperkube_issues, version_change_flaw, version_format_issues
from tests.config.test_cluster_issues import cluster_of
from tests.support.tables import cases

NO_HYPERKUBE = (
    "it downloads the hyperkube binary, which Kubernetes does not publish for 1.17 and later",
    "write a version below 1.17, as in 1.16.15",
)


@cases("config/cases/cluster_versions")
def test_a_change(before: str, after: str, flaw: str) -> None:
    assert version_change_flaw(before, after) == flaw


@cases("config/cases/cluster_versions")
def test_what_is_not_a_release(version: str, remedy: str) -> None:
    what = f"Kubernetes '{version}' is not a release number: Puppet would download v{version}"
    of_cluster = cluster_of({"kubernetes": {"version": version}})
    assert list(version_format_issues(of_cluster)) == [(("kubernetes", "version"), what, remedy)]
    of_pool = cluster_of({"instancePools": [None, {"type": "worker", "kubernetes": {"version": version}}]})
    assert list(version_format_issues(of_pool)) == [(("instancePools", 1, "kubernetes", "version"), what, remedy)]


def test_what_tarmak_refuses_itself_is_not_repeated() -> None:
    refused = cluster_of({"kubernetes": {"version": "x", "apiServer": {}}})
    assert list(version_format_issues(refused)) == []


@pytest.mark.parametrize("version", ["1.16.15", "1.17", "x"])
def test_releases_with_the_binary_and_what_is_no_release(version: str) -> None:
    assert list(hyperkube_issues(cluster_of({"kubernetes": {"version": version}}))) == []


def test_releases_without_the_binary() -> None:
    pools: list[Any] = [{"type": "worker", "kubernetes": {"version": "1.19.0-rc.1"}}]
    cluster = cluster_of({"kubernetes": {"version": "1.17.0"}, "instancePools": pools})
    assert list(hyperkube_issues(cluster)) == [
        (("kubernetes", "version"), f"Tarmak cannot install Kubernetes 1.17.0: {NO_HYPERKUBE[0]}", NO_HYPERKUBE[1]),
        (
            ("instancePools", 0, "kubernetes", "version"),
            f"Tarmak cannot install Kubernetes 1.19.0-rc.1: {NO_HYPERKUBE[0]}",
            NO_HYPERKUBE[1],
        ),
    ]


def test_a_hub_has_no_such_nodes() -> None:
    text = """
        apiVersion: api.tarmak.io/v1alpha1
        kind: Config
        clusters:
        - {environment: dev, metadata: {name: hub}, kubernetes: {version: 1.19.0}}
        - {environment: dev, metadata: {name: cluster}}
    """
    hub = TarmakConfig.parse(text).cluster("dev-hub")
    assert hub.is_hub
    assert list(hyperkube_issues(hub)) == []
