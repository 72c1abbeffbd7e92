"""What Tarmak refuses about a cluster, each in its words, and the last value that is still taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.api_server import Issue, api_server_issues
from tarmak_iam.config.cluster_validation import cluster_cidr_issues, cluster_issues, range_issues
from tarmak_iam.config.tarmak_types import is_cidr

ADDRESS = "write an address with its mask, as in"


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "10.0.0.0/00000032", "::/0", "::1/128", "1::/00128", "fe80::/10"],
)
def test_ranges_that_go_takes(text: str) -> None:
    assert is_cidr(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/8/", "10.0.0/8",
        "fe80::%eth0/64", "10.0.0.0/8\n", "10.0.0.0/\u0668", "10.0.0.0/10008", "10.0.0.0/20000", "01.0.0.0/8", "x/8",
    ],
)  # fmt: skip
def test_ranges_that_go_does_not_take(text: str) -> None:
    assert not is_cidr(text)


def cluster_of(data: dict[str, Any]) -> Cluster:
    cluster = {"environment": "dev", "metadata": {"name": "cluster"}, **data}
    text = json.dumps({"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [cluster]})
    return TarmakConfig.parse(text).cluster("dev-cluster")


DISABLES = {"disableAdmissionControllers": ["x"]}


@pytest.mark.parametrize(
    ("api_server", "version", "expected"),
    [
        (None, "x", []),
        ({}, "1.12.9", []),
        (
            {"allowCIDRs": ["10.0.0.0/8", "10.0.0.0"]},
            "1.12.9",
            [(("kubernetes", "apiServer", "allowCIDRs", 1), "'10.0.0.0' is not a valid CIDR", f"{ADDRESS} 10.0.0.0/8")],
        ),
        (
            {"allowCIDRs": None},
            "x",
            [(("kubernetes", "version"), "'x' is not a valid version", "write a version such as 1.12.9")],
        ),
        (DISABLES, "1.11.0", []),
        ({"disableAdmissionControllers": []}, "1.10.13", []),
        ({}, "1.10.13", []),
        (
            DISABLES,
            "1.10.13",
            [
                (
                    ("kubernetes", "apiServer", "disableAdmissionControllers"),
                    "Kubernetes 1.10.13 cannot disable admission controllers",
                    "remove them, or use 1.11.0 or later",
                )
            ],
        ),
    ],
)
def test_the_api_server(api_server: Any, version: str, expected: list[Issue]) -> None:
    assert api_server_issues(cluster_of({"kubernetes": {"apiServer": api_server, "version": version}})) == expected
    assert api_server_issues(cluster_of({})) == api_server_issues(cluster_of({"kubernetes": None})) == []


def test_access_logs_come_between_ranges_and_the_version() -> None:
    logs = {"internalELBAccessLogs": {"enabled": True}}
    api_server = {"allowCIDRs": ["x"], "amazon": logs}
    found = api_server_issues(cluster_of({"kubernetes": {"apiServer": api_server, "version": "x"}}))
    assert [path for path, _, _ in found] == [
        ("kubernetes", "apiServer", "allowCIDRs", 0),
        ("kubernetes", "apiServer", "amazon", "internalELBAccessLogs"),
        ("kubernetes", "version"),
    ]


OVER = ("kubernetes", "clusterAutoscaler", "overprovisioning")
FINE = {"enabled": True, "reservedMillicoresPerReplica": 1, "replicaCount": 1}


def autoscaler(*, enabled: Any = True, threshold: Any = None, **over: Any) -> dict[str, Any]:
    scaler = {"enabled": enabled, "overprovisioning": FINE | over, "scaleDownUtilizationThreshold": threshold}
    return {"kubernetes": {"clusterAutoscaler": scaler}}


def sinks(*found: Any) -> dict[str, Any]:
    return {"loggingSinks": list(found)}


PROXY = {"amazonESProxy": {"port": 9200}}


@pytest.mark.parametrize(
    ("cluster", "path", "message", "remedy"),
    [
        (
            {"network": {"cidr": "10.99.0.0"}},
            ("network", "cidr"),
            "'10.99.0.0' is not a valid CIDR",
            f"{ADDRESS} 10.99.0.0/16",
        ),
        *(
            (
                sinks({}, {"elasticsearch": {key: value}}, {"elasticsearch": PROXY | {key: value}}),
                ("loggingSinks", 2, "elasticsearch", key),
                f"the sink has amazonESProxy, so it cannot have {key}",
                "remove one of them",
            )
            for key, value in (("httpBasicAuth", {}), ("tlsVerify", True), ("tlsCA", "x"))
        ),
        (
            sinks(*({"elasticsearch": PROXY | {"tlsVerify": True, "tlsCA": "x"}},) * 2),
            ("loggingSinks", 0, "elasticsearch", "tlsVerify"),
            "the sink has amazonESProxy, so it cannot have tlsVerify",
            "remove one of them",
        ),
        (
            autoscaler(enabled=False, replicaCount=-1),
            OVER,
            "overprovisioning is enabled, but the autoscaler is not",
            "enable both, or neither",
        ),
        *(
            (autoscaler(**{key: -1}), (*OVER, key), f"{key} is negative", "write 0 or a larger number")
            for key in (
                "reservedMillicoresPerReplica",
                "reservedMegabytesPerReplica",
                "coresPerReplica",
                "nodesPerReplica",
                "replicaCount",
            )
        ),
        (
            autoscaler(reservedMillicoresPerReplica=0),
            OVER,
            "neither reservedMillicoresPerReplica nor reservedMegabytesPerReplica is set",
            "set one of them",
        ),
        *(
            (
                autoscaler(**{key: 1}),
                (*OVER, "replicaCount"),
                f"replicaCount and {key} cannot be used together",
                "remove one of them",
            )
            for key in ("coresPerReplica", "nodesPerReplica")
        ),
        *(
            (
                autoscaler(**{key: "x"}),
                OVER,
                "image and version require coresPerReplica or nodesPerReplica",
                "set one of these",
            )
            for key in ("image", "version")
        ),
        *(
            (
                autoscaler(threshold=threshold),
                ("kubernetes", "clusterAutoscaler", "scaleDownUtilizationThreshold"),
                f"the threshold is {threshold}, but must be from 0 to 1",
                "write a number from 0 to 1",
            )
            for threshold in (-0.1, 1.1)
        ),
        (
            {"kubernetes": {"prometheus": {"mode": "full"}}},
            ("kubernetes", "prometheus", "mode"),
            "'full' is not a mode of Prometheus",
            "write Full, ExternalExportersOnly or ExternalScrapeTargetsOnly",
        ),
        (
            {"kubernetes": {"calico": {"backend": "etcd3"}}},
            ("kubernetes", "calico", "backend"),
            "'etcd3' is not a backend of Calico",
            "write etcd or kubernetes",
        ),
        (
            {"kubernetes": {"calico": {"enableTypha": True}}},
            ("kubernetes", "calico", "enableTypha"),
            "Typha is enabled, but the backend is etcd",
            "write backend: kubernetes",
        ),
        (
            {"kubernetes": {"calico": {"enableTypha": True, "backend": "kubernetes", "typhaReplicas": 0}}},
            ("kubernetes", "calico", "typhaReplicas"),
            "Typha is enabled with 0 replicas",
            "write 1 or more",
        ),
    ],
)
def test_a_cluster(cluster: dict[str, Any], path: tuple[str | int, ...], message: str, remedy: str) -> None:
    assert cluster_issues(cluster_of(cluster)) == [(path, message, remedy)]


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        {"network": {"cidr": ""}},
        {"network": {"cidr": "10.99.0.0/16"}},
        sinks({}, {}, {"elasticsearch": None}, {"elasticsearch": PROXY | {"tlsVerify": False, "tlsCA": ""}}),
        autoscaler(),
        autoscaler(enabled=False) | {"kubernetes": {"clusterAutoscaler": {"overprovisioning": {"enabled": False}}}},
        autoscaler(threshold=0),
        autoscaler(threshold=1),
        autoscaler(reservedMillicoresPerReplica=0, reservedMegabytesPerReplica=1),
        autoscaler(replicaCount=0, coresPerReplica=1, image="x", version="y"),
        *({"kubernetes": {"prometheus": {"mode": mode}}} for mode in ("", "Full", "ExternalExportersOnly")),
        {"kubernetes": {"prometheus": {"mode": "ExternalScrapeTargetsOnly"}}},
        *({"kubernetes": {"calico": {"backend": backend, "typhaReplicas": 0}}} for backend in ("", "etcd")),
        {"kubernetes": {"calico": {"backend": "kubernetes", "enableTypha": True}}},
        {"kubernetes": {"calico": {"backend": "kubernetes", "enableTypha": True, "typhaReplicas": 1}}},
    ],
)
def test_what_tarmak_takes(cluster: dict[str, Any]) -> None:
    assert cluster_issues(cluster_of(cluster)) == []


def ranges(of: Any, kubernetes: Any = None, network: Any = None, name: str = "cluster") -> list[Issue]:
    """Of a cluster: `cluster` is alone in its environment, `hub` and `one` are there with another one."""
    cluster = {"environment": "dev", "metadata": {"name": name}, "kubernetes": kubernetes, "network": network}
    others = (
        [{"environment": "dev", "metadata": {"name": {"hub": "one"}.get(name, "hub")}}] if name != "cluster" else []
    )
    data = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [cluster, *others]}
    return list(of(TarmakConfig.parse(json.dumps(data)).cluster(f"dev-{name}")))


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("podCIDR", "100.64.0.0", "'100.64.0.0' has no mask; Puppet fails on every etcd node, master and worker"),
        ("podCIDR", "x/", "'x/' has no mask; Puppet fails on every etcd node, master and worker"),
        ("podCIDR", "x/y", "'x/y' is not a valid CIDR; Puppet fails on every etcd node, master and worker"),
        ("podCIDR", "x/16", "'x/16' is not a valid CIDR; pods get no network"),
        ("serviceCIDR", "x", "'x' has no mask; Tarmak ignores it, and services get 10.254.0.0/16"),
        ("serviceCIDR", "x/16", "'x/16' is not a valid CIDR; the API server does not start"),
        ("serviceCIDR", "x/1/6", "'x/1/6' is not a valid CIDR; Tarmak ignores it, and services get 10.254.0.0/16"),
    ],
)
def test_ranges_of_pods_and_services(key: str, text: str, message: str) -> None:
    example = {"podCIDR": "100.64.0.0/16", "serviceCIDR": "10.254.0.0/16"}[key]
    assert ranges(cluster_cidr_issues, {key: text}) == [
        (("kubernetes", key), f"{key} {message}", f"write an IPv4 address with its mask, as in {example}")
    ]
    assert ranges(cluster_cidr_issues, {key: text}, name="hub") == []
    assert ranges(range_issues, {key: text}) == []


NO_PODS, NO_SERVICES = "pods get no network", "the API server or the cluster's DNS does not work"
NO_VPC = "tarmak clusters apply fails: AWS cannot create such a VPC, or public subnets in it"


@pytest.mark.parametrize(
    ("key", "text", "what", "remedy"),
    [
        ("podCIDR", "fd00::/64", "is not an IPv4 range", "write an IPv4 range, as in 100.64.0.0/16"),
        ("serviceCIDR", "fd00::/112", "is not an IPv4 range", "write an IPv4 range, as in 10.254.0.0/16"),
        ("serviceCIDR", "10.0.0.0/11", "is too large", "write a mask from /12 to /28, as in 10.254.0.0/16"),
        ("serviceCIDR", "10.0.0.0/29", "is too small", "write a mask from /12 to /28, as in 10.254.0.0/16"),
        ("cidr", "fd00::/64", "is not an IPv4 range", "write an IPv4 range, as in 10.99.0.0/16"),
        ("cidr", "10.0.0.0/15", "is too large", "write a mask from /16 to /22, as in 10.99.0.0/16"),
        ("cidr", "10.0.0.0/23", "is too small", "write a mask from /16 to /22, as in 10.99.0.0/16"),
    ],
)
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


@pytest.mark.parametrize(
    ("kubernetes", "network"),
    [
        (None, None),
        ({"podCIDR": "", "serviceCIDR": None}, {"cidr": ""}),
        ({"podCIDR": "0.0.0.0/0", "serviceCIDR": "10.0.0.0/12"}, {"cidr": "10.0.0.0/16"}),
        ({"podCIDR": "1.2.3.4/32", "serviceCIDR": "10.0.0.0/28"}, {"cidr": "10.0.0.0/22", "metadata": {}}),
    ],
)
def test_ranges_that_work(kubernetes: Any, network: Any) -> None:
    assert ranges(range_issues, kubernetes, network) == ranges(cluster_cidr_issues, kubernetes, network) == []
