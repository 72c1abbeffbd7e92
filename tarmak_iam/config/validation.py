"""The rest of Tarmak's validation of a cluster: what it refuses beside the API server's own section.

All of pkg/tarmak/cluster's Validate but the instance pools, whose number depends on what is still to be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tarmak_iam.config.effective import Issue, is_cidr
from tarmak_iam.text import quoted

__all__ = ["other_issues"]

_PROMETHEUS_MODES = ("Full", "ExternalExportersOnly", "ExternalScrapeTargetsOnly")
_CALICO_BACKENDS = ("etcd", "kubernetes")
_OVERPROVISIONING = ("kubernetes", "clusterAutoscaler", "overprovisioning")
_RESERVED = ("reservedMillicoresPerReplica", "reservedMegabytesPerReplica")
_PER_REPLICA = ("coresPerReplica", "nodesPerReplica")


def other_issues(cluster: Mapping[str, Any]) -> list[Issue]:
    """One of them blocks every command for the cluster's environment, as an issue of the API server does."""
    kubernetes = cluster.get("kubernetes") or {}
    return [
        *_network(cluster.get("network") or {}),
        *_logging_sinks(cluster.get("loggingSinks") or ()),
        *_autoscaler(kubernetes.get("clusterAutoscaler") or {}),
        *_prometheus(kubernetes.get("prometheus") or {}),
        *_calico(kubernetes.get("calico") or {}),
    ]


def _network(network: Mapping[str, Any]) -> Iterator[Issue]:
    cidr = network.get("cidr") or ""
    if cidr and not is_cidr(cidr):
        yield ("network", "cidr"), f"{quoted(cidr)} is no CIDR", "write an address with its mask, as in 10.99.0.0/16"


def _logging_sinks(sinks: Any) -> Iterator[Issue]:
    """Only the first that is wrong: Tarmak stops there."""
    for index, sink in enumerate(sinks):
        elastic = (sink or {}).get("elasticsearch") or {}
        if elastic.get("amazonESProxy") is None:
            continue
        wrong = [key for key in ("httpBasicAuth", "tlsVerify", "tlsCA") if elastic.get(key) not in (None, False, "")]
        if wrong:
            path = ("loggingSinks", index, "elasticsearch", wrong[0])
            yield path, f"the sink has amazonESProxy, so it cannot have {wrong[0]}", "remove one of them"
            return


def _autoscaler(autoscaler: Mapping[str, Any]) -> Iterator[Issue]:
    over = autoscaler.get("overprovisioning") or {}
    if not over.get("enabled"):
        return
    static, rules = over.get("replicaCount") or 0, [key for key in _PER_REPLICA if over.get(key)]
    negative = [key for key in (*_RESERVED, *_PER_REPLICA, "replicaCount") if (over.get(key) or 0) < 0]
    threshold = autoscaler.get("scaleDownUtilizationThreshold")
    if not autoscaler.get("enabled"):
        yield _OVERPROVISIONING, "overprovisioning is enabled, but the autoscaler is not", "enable both, or neither"
    elif negative:
        yield (*_OVERPROVISIONING, negative[0]), f"{negative[0]} is negative", "write a number from 0"
    elif not any(over.get(key) for key in _RESERVED):
        yield _OVERPROVISIONING, f"neither {_RESERVED[0]} nor {_RESERVED[1]} is given", "give one of them"
    elif rules and static:
        path = (*_OVERPROVISIONING, "replicaCount")
        yield path, f"replicaCount and {rules[0]} exclude each other", "remove one of them"
    elif (over.get("image") or over.get("version")) and not rules:
        yield _OVERPROVISIONING, "image and version need coresPerReplica or nodesPerReplica", "give one of these"
    elif threshold is not None and not 0 <= threshold <= 1:
        where = ("kubernetes", "clusterAutoscaler", "scaleDownUtilizationThreshold")
        yield where, f"the threshold is {threshold}", "write a number from 0 to 1"


def _prometheus(prometheus: Mapping[str, Any]) -> Iterator[Issue]:
    mode = prometheus.get("mode") or ""
    if mode and mode not in _PROMETHEUS_MODES:
        yield (
            ("kubernetes", "prometheus", "mode"),
            f"{quoted(mode)} is no mode of Prometheus",
            f"write {', '.join(_PROMETHEUS_MODES[:-1])} or {_PROMETHEUS_MODES[-1]}",
        )


def _calico(calico: Mapping[str, Any]) -> Iterator[Issue]:
    backend, typha = calico.get("backend") or "etcd", calico.get("enableTypha")
    path = ("kubernetes", "calico")
    if backend not in _CALICO_BACKENDS:
        yield (*path, "backend"), f"{quoted(backend)} is no backend of Calico", "write etcd or kubernetes"
    if typha and backend != "kubernetes":
        yield (*path, "enableTypha"), f"Typha is enabled, but the backend is {backend}", "write backend: kubernetes"
    replicas = calico.get("typhaReplicas")
    if typha and replicas is not None and replicas <= 0:
        yield (*path, "typhaReplicas"), f"Typha is enabled with {replicas} replicas", "write 1 or more"
