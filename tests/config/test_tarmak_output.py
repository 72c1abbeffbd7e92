"""What Tarmak fills in and what it writes, by rules from its source, against what the real one wrote."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import NOW, defaulted, differences, tarmak_json, tarmak_output
from tarmak_iam.document.plain_values import same
from tests.support import GOLDEN, strictly, tarmak_rewrites
from tests.support.tables import cases

REWRITES = tarmak_rewrites()
HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"


def written_for(text: str) -> dict[str, Any]:
    return tarmak_output(TarmakConfig.parse(HEAD + text).data)


def cluster_for(text: str) -> Any:
    """What is written for the only cluster, whose keys stand in `text` with an indentation of two."""
    return written_for(f"clusters:\n- environment: dev\n{text}")["clusters"][0]


@pytest.mark.parametrize("name", REWRITES)
def test_what_tarmak_wrote(name: str) -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())
    assert same(tarmak_output(config.data), REWRITES[name])


@pytest.mark.parametrize("name", REWRITES)
def test_a_second_rewrite_changes_nothing(name: str) -> None:
    data = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()).data
    assert same(tarmak_json(defaulted(defaulted(data))), tarmak_json(defaulted(data)))


def test_nothing_but_the_head() -> None:
    head = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"}
    assert written_for("") == {**head, "metadata": {"creationTimestamp": NOW}}
    assert written_for("clusters: null\nproviders: []\ncontact: ''\n") == written_for("")
    other_case = TarmakConfig.parse("APIVERSION: api.tarmak.io/v1alpha1\nKind: Config\n")
    assert tarmak_output(other_case.data) == written_for("")


def test_a_cluster_of_which_nothing_is_said() -> None:
    assert written_for("clusters: [null]\n")["clusters"] == [
        {
            "amazon": {"ebsEncrypted": False},
            "kubernetes": {
                "calico": {"backend": "etcd", "enableTypha": False, "typhaReplicas": None},
                "clusterAutoscaler": {"scaleDownUtilizationThreshold": 0.5},
                "dashboard": {},
                "grafana": {"enabled": True},
                "heapster": {"enabled": True},
                "influxDB": {"enabled": True},
                "podCIDR": "100.64.0.0/16",
                "serviceCIDR": "10.254.0.0/16",
                "tiller": {},
                "version": "1.12.9",
                "zone": "cluster.local",
            },
            "metadata": {"creationTimestamp": NOW},
            "network": {"cidr": "10.99.0.0/16", "metadata": {"creationTimestamp": None}},
            "vaultHelper": {},
        }
    ]


def test_pools_take_name_and_image_from_their_type() -> None:
    pools = (
        "  instancePools: [{type: worker, volumes: [{}, null]}, {type: etcd, metadata: {name: e}, minCount: 0}, null]"
    )
    volume = {"metadata": {"creationTimestamp": NOW}, "size": "16Gi", "type": "ssd"}
    assert cluster_for(pools)["instancePools"] == [
        {
            "amazon": {},
            "image": "centos-puppet-agent-k8s-worker",
            "metadata": {"creationTimestamp": NOW, "name": "worker"},
            "type": "worker",
            "volumes": [volume, volume],
        },
        {
            "amazon": {},
            "image": "centos-puppet-agent",
            "metadata": {"creationTimestamp": NOW, "name": "e"},
            "type": "etcd",
        },
        {"amazon": {}, "image": "centos-puppet-agent", "metadata": {"creationTimestamp": NOW}},
    ]


def test_lists_of_pointers_keep_their_nulls() -> None:
    pool = cluster_for("  instancePools: [{subnets: [null, {}], labels: [null], taints: [{key: ''}]}]")[
        "instancePools"
    ][0]
    assert pool["subnets"] == [None, {"metadata": {"creationTimestamp": None}}]
    assert pool["labels"] == [None]
    assert pool["taints"] == [{}]


def test_logging_sinks() -> None:
    sinks = """\
  loggingSinks:
  - {}
  - {types: [audit], elasticsearch: {}}
  - elasticsearch: {host: es, tls: false, amazonESProxy: {}}
  - elasticsearch: {port: 9, tls: true, amazonESProxy: {port: 9200}}
  - elasticsearch: {amazonESProxy: {port: 0}}
"""
    assert cluster_for(sinks)["loggingSinks"] == [
        {"types": ["all"]},
        {
            "types": ["audit"],
            "elasticsearch": {"host": "127.0.0.1", "port": 443, "logstashPrefix": "logstash", "tls": True},
        },
        {
            "types": ["all"],
            "elasticsearch": {
                "host": "es",
                "port": 80,
                "logstashPrefix": "logstash",
                "tls": False,
                "amazonESProxy": {"port": 9201},
            },
        },
        {
            "types": ["all"],
            "elasticsearch": {
                "host": "127.0.0.1",
                "port": 9,
                "logstashPrefix": "logstash",
                "tls": True,
                "amazonESProxy": {"port": 9200},
            },
        },
        {
            "types": ["all"],
            "elasticsearch": {
                "host": "127.0.0.1",
                "port": 443,
                "logstashPrefix": "logstash",
                "tls": True,
                "amazonESProxy": {"port": 9202},
            },
        },
    ]


def test_the_first_proxy_of_a_sink_has_port_9200() -> None:
    sinks = "  loggingSinks: [{elasticsearch: {amazonESProxy: {}}}, {elasticsearch: {amazonESProxy: {}}}]"
    ports = [each["elasticsearch"]["amazonESProxy"]["port"] for each in cluster_for(sinks)["loggingSinks"]]
    assert ports == [9200, 9201]


@cases("config/cases/tarmak_output")
def test_calico(given: str, calico: dict[str, Any]) -> None:
    assert strictly(cluster_for(f"  kubernetes: {{calico: {given}}}")["kubernetes"]["calico"]) == strictly(calico)


def test_no_admins_is_not_everybody_until_it_is_written() -> None:
    """Tarmak leaves the empty list out, and means everybody by that when it reads its own text."""
    assert "adminCIDRs" not in written_for("environments: [{adminCIDRs: []}]\n")["environments"][0]
    assert written_for("environments: [{}]\n")["environments"][0]["adminCIDRs"] == ["0.0.0.0/0"]


def test_what_is_false_or_empty_is_left_out_unless_it_is_a_pointer() -> None:
    kubernetes = "{apiServer: {public: false, featureGates: {}, allowCIDRs: [], amazon: {internalELBAccessLogs: {}}}}"
    assert cluster_for(f"  kubernetes: {kubernetes}")["kubernetes"]["apiServer"] == {
        "amazon": {"internalELBAccessLogs": {"enabled": False, "interval": 5}}
    }
    assert cluster_for("  amazon: {ebsEncrypted: true, additionalIAMPolicies: []}")["amazon"] == {"ebsEncrypted": True}
    gates = cluster_for("  kubernetes: {globalFeatureGates: {A: false}, clusterAutoscaler: {enabled: false}}")[
        "kubernetes"
    ]
    assert gates["globalFeatureGates"] == {"A": False}
    assert gates["clusterAutoscaler"] == {"scaleDownUtilizationThreshold": 0.5}


def test_zero_is_kept_if_it_is_a_pointer() -> None:
    logs = "{internalELBAccessLogs: {bucket: b, interval: 0}}"
    kubernetes = f"{{apiServer: {{amazon: {logs}}}, clusterAutoscaler: {{scaleDownUtilizationThreshold: 0}}}}"
    written = cluster_for(f"  kubernetes: {kubernetes}")["kubernetes"]
    assert written["apiServer"]["amazon"]["internalELBAccessLogs"] == {"bucket": "b", "enabled": True, "interval": 0}
    assert written["clusterAutoscaler"] == {"scaleDownUtilizationThreshold": 0}
    owners = "ownerReferences: [{blockOwnerDeletion: false, controller: false}]"
    metadata = written_for(f"metadata: {{{owners}, initializers: {{pending: [{{}}]}}}}\n")["metadata"]
    assert metadata["initializers"] == {"pending": [{"name": ""}]}
    assert metadata["ownerReferences"] == [
        {"apiVersion": "", "blockOwnerDeletion": False, "controller": False, "kind": "", "name": "", "uid": ""}
    ]


def test_an_empty_string_gets_the_default_and_what_is_given_stays() -> None:
    kubernetes = "{version: '', zone: '', podCIDR: '', serviceCIDR: '', calico: {backend: ''}}"
    written = cluster_for(f"  network: {{cidr: ''}}\n  kubernetes: {kubernetes}")
    assert written == cluster_for("")
    disabled = "{tiller: {enabled: true}, dashboard: {enabled: true}, heapster: {}, grafana: {}, influxDB: {}}"
    written = cluster_for(f"  kubernetes: {disabled}\n  vaultHelper: {{url: u}}\n  loggingSinks: [{{types: []}}]")
    assert [written["kubernetes"][key] for key in ("tiller", "dashboard", "heapster", "grafana", "influxDB")] == [
        {"enabled": True},
        {"enabled": True},
        {},
        {},
        {},
    ]
    assert written["vaultHelper"] == {"url": "u"}
    assert written["loggingSinks"] == [{"types": ["all"]}]
    pool = "  instancePools: [{amazon: {additionalIAMPolicies: [p]}, volumes: [{size: 1Gi, type: ''}]}]"
    (pool,) = cluster_for(pool)["instancePools"]
    assert pool["amazon"] == {"additionalIAMPolicies": ["p"]}
    assert pool["volumes"] == [{"metadata": {"creationTimestamp": NOW}, "size": "1Gi", "type": "ssd"}]
    environment = written_for("environments: [{privateZone: '', adminCIDRs: [10.0.0.0/8]}]\n")["environments"][0]
    assert (environment["privateZone"], environment["adminCIDRs"]) == ("tarmak.local", ["10.0.0.0/8"])
    sink = "  loggingSinks: [{elasticsearch: {host: '', logstashPrefix: ''}}]"
    assert cluster_for(sink) == cluster_for("  loggingSinks: [{elasticsearch: {}}]")


def test_metadata_of_all_kinds() -> None:
    metadata = written_for(
        "metadata: {name: x, generation: 0, deletionGracePeriodSeconds: 0, labels: {a: ''}, annotations: {},"
        " ownerReferences: [{}], initializers: {result: {}}, deletionTimestamp: '2019-05-21T09:14:02.9+02:00'}\n"
    )["metadata"]
    assert metadata == {
        "creationTimestamp": NOW,
        "deletionGracePeriodSeconds": 0,
        "deletionTimestamp": "2019-05-21T07:14:02Z",
        "initializers": {"pending": None, "result": {"metadata": {}}},
        "labels": {"a": ""},
        "name": "x",
        "ownerReferences": [{"apiVersion": "", "kind": "", "name": "", "uid": ""}],
    }


@cases("config/cases/tarmak_output")
def test_times(given: str, time: str | None) -> None:
    assert written_for(f"metadata: {{creationTimestamp: '{given}'}}\n")["metadata"]["creationTimestamp"] == time


@cases("config/cases/tarmak_output")
def test_quantities_of_one_size_are_one(given: str, size: str) -> None:
    volume = cluster_for(f"  instancePools: [{{volumes: [{{size: {given}}}]}}]")["instancePools"][0]["volumes"][0]
    assert volume["size"] == size


def test_bytes() -> None:
    for given in ("[104, 105]", "aGk=", '"aG\\nk="'):
        assert written_for(f"environments: [{{ssh: {{publicKeyData: {given}}}}}]\n")["environments"][0]["ssh"] == {
            "metadata": {"creationTimestamp": None},
            "publicKeyData": "aGk=",
        }


def test_agreement() -> None:
    assert not list(differences({"a": [1, NOW]}, {"a": [1, "2019-05-21T09:14:02Z"]}))
    assert list(differences({"a": [1, NOW], "b": 1}, {"a": [2, None], "b": True})) == [("a", 0), ("a", 1), ("b",)]
    assert list(differences({"a": 1}, {"b": None})) == [("a",), ("b",)]
    assert list(differences([1], [1, 2])) == [()]
    assert list(differences({"t": "2019-05-21T09:14:02Z"}, {"t": NOW})) == [("t",)]
