"""What Tarmak refuses about a cluster, each in its words, and the last value that is still taken."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.api_server import Issue, api_server_issues
from tarmak_iam.config.cluster_validation import cluster_cidr_issues, cluster_issues, range_issues
from tests.support.tables import cases


def cluster_of(data: dict[str, Any]) -> Cluster:
    cluster = {"environment": "dev", "metadata": {"name": "cluster"}, **data}
    text = json.dumps({"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [cluster]})
    return TarmakConfig.parse(text).cluster("dev-cluster")


@cases("config/cases/cluster_issues")
def test_the_api_server(api_server: Any, version: str, expected: list[Any]) -> None:
    found = api_server_issues(cluster_of({"kubernetes": {"apiServer": api_server, "version": version}}))
    assert [[list(path), *texts] for path, *texts in found] == expected
    assert [*api_server_issues(cluster_of({})), *api_server_issues(cluster_of({"kubernetes": None}))] == []


def test_access_logs_come_between_ranges_and_the_version() -> None:
    logs = {"internalELBAccessLogs": {"enabled": True}}
    api_server = {"allowCIDRs": ["x"], "amazon": logs}
    found = api_server_issues(cluster_of({"kubernetes": {"apiServer": api_server, "version": "x"}}))
    assert [path for path, _, _ in found] == [
        ("kubernetes", "apiServer", "allowCIDRs", 0),
        ("kubernetes", "apiServer", "amazon", "internalELBAccessLogs"),
        ("kubernetes", "version"),
    ]


@cases("config/cases/cluster_issues")
def test_a_cluster(cluster: dict[str, Any], path: list[str | int], message: str, remedy: str) -> None:
    assert list(cluster_issues(cluster_of(cluster))) == [(tuple(path), message, remedy)]


@cases("config/cases/cluster_issues")
def test_what_tarmak_takes(cluster: dict[str, Any]) -> None:
    assert list(cluster_issues(cluster_of(cluster))) == []


def ranges(of: Any, kubernetes: Any = None, network: Any = None, name: str = "cluster") -> list[Issue]:
    """Of a cluster: `cluster` is alone in its environment, `hub` and `one` are there with another one."""
    cluster = {"environment": "dev", "metadata": {"name": name}, "kubernetes": kubernetes, "network": network}
    others = (
        [{"environment": "dev", "metadata": {"name": {"hub": "one"}.get(name, "hub")}}] if name != "cluster" else []
    )
    data = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [cluster, *others]}
    return list(of(TarmakConfig.parse(json.dumps(data)).cluster(f"dev-{name}")))


@cases("config/cases/cluster_issues")
def test_ranges_of_pods_and_services(key: str, text: str, message: str) -> None:
    example = {"podCIDR": "100.64.0.0/16", "serviceCIDR": "10.254.0.0/16"}[key]
    assert ranges(cluster_cidr_issues, {key: text}) == [
        (("kubernetes", key), f"{key} {message}", f"write an IPv4 address with its mask, as in {example}")
    ]
    assert ranges(cluster_cidr_issues, {key: text}, name="hub") == []
    assert ranges(range_issues, {key: text}) == []


NO_PODS, NO_SERVICES = "pods get no network", "the API server or the cluster's DNS does not work"
NO_VPC = "tarmak clusters apply fails: AWS cannot create such a VPC, or public subnets in it"


@cases("config/cases/cluster_issues")
def test_ranges_of_the_wrong_size(key: str, text: str, what: str, remedy: str) -> None:
    comes = {"podCIDR": NO_PODS, "serviceCIDR": NO_SERVICES, "cidr": NO_VPC}[key]
    if key == "cidr":
        expected = [(("network", "cidr"), f"the network '{text}' {what}; {comes}", remedy)]
        assert ranges(range_issues, network={key: text}) == expected
        existing = {"annotations": {"tarmak.io/existing-vpc-id": "vpc-1"}}
        assert ranges(range_issues, network={key: text, "metadata": existing}) == []
        assert ranges(range_issues, network={key: text}, name="hub") == expected
        assert ranges(range_issues, network={key: text}, name="one") == []
    else:
        expected = [(("kubernetes", key), f"{key} '{text}' {what}; {comes}", remedy)]
        assert ranges(range_issues, {key: text}) == ranges(range_issues, {key: text}, name="one") == expected
        assert ranges(range_issues, {key: text}, name="hub") == []


@cases("config/cases/cluster_issues")
def test_ranges_that_work(kubernetes: Any, network: Any) -> None:
    assert ranges(range_issues, kubernetes, network) == ranges(cluster_cidr_issues, kubernetes, network) == []
