"""What Tarmak rejects about a cluster, except instance pools, and address ranges that cannot work.

As Validate in pkg/tarmak/cluster, without the instance pools: their number depends on clusters yet to be written.

Sources: terraform/amazon/modules/network/subnets.tf, which divides the VPC's range; kubernetesClusterConfig in
pkg/puppet/puppet.go and puppet/modules/tarmak/manifests/init.pp for those of pods and services; the limits of Amazon
VPC, where a VPC and a subnet have masks from /16 to /28; and cmd/kube-apiserver/app/options/validation.go of
Kubernetes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tarmak_iam.config.cluster import Cluster, Issue
from tarmak_iam.config.tarmak_types import is_cidr
from tarmak_iam.text import quoted

_DIGITS = r"[0-9]+\Z"


_PROMETHEUS_MODES = ("Full", "ExternalExportersOnly", "ExternalScrapeTargetsOnly")

_CALICO_BACKENDS = ("etcd", "kubernetes")

_OVERPROVISIONING = ("kubernetes", "clusterAutoscaler", "overprovisioning")

_RESERVED = ("reservedMillicoresPerReplica", "reservedMegabytesPerReplica")

_PER_REPLICA = ("coresPerReplica", "nodesPerReplica")


def cluster_issues(cluster: Cluster) -> list[Issue]:
    """Each of them blocks every command for the environment of the cluster, as an issue of the API server does."""
    kubernetes = cluster.data.get("kubernetes") or {}
    cidr = (cluster.data.get("network") or {}).get("cidr") or ""
    mode = (kubernetes.get("prometheus") or {}).get("mode") or ""
    issues: list[Issue] = []
    if cidr and not is_cidr(cidr):
        remedy = "write an address with its mask, as in 10.99.0.0/16"
        issues.append((("network", "cidr"), f"{quoted(cidr)} is not a valid CIDR", remedy))
    issues += _logging_sinks(cluster.data.get("loggingSinks") or ())
    issues += _autoscaler(kubernetes.get("clusterAutoscaler") or {})
    if mode and mode not in _PROMETHEUS_MODES:
        remedy = f"write {', '.join(_PROMETHEUS_MODES[:-1])} or {_PROMETHEUS_MODES[-1]}"
        issues.append((("kubernetes", "prometheus", "mode"), f"{quoted(mode)} is not a mode of Prometheus", remedy))
    return [*issues, *_calico(kubernetes.get("calico") or {})]


def _logging_sinks(sinks: Any) -> Iterator[Issue]:
    """Only the first wrong sink: Tarmak stops there."""
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
        yield (*_OVERPROVISIONING, negative[0]), f"{negative[0]} is negative", "write 0 or a larger number"
    elif not any(over.get(key) for key in _RESERVED):
        yield _OVERPROVISIONING, f"neither {_RESERVED[0]} nor {_RESERVED[1]} is set", "set one of them"
    elif rules and static:
        path = (*_OVERPROVISIONING, "replicaCount")
        yield path, f"replicaCount and {rules[0]} cannot be used together", "remove one of them"
    elif (over.get("image") or over.get("version")) and not rules:
        yield _OVERPROVISIONING, "image and version require coresPerReplica or nodesPerReplica", "set one of these"
    elif threshold is not None and not 0 <= threshold <= 1:
        where = ("kubernetes", "clusterAutoscaler", "scaleDownUtilizationThreshold")
        yield where, f"the threshold is {threshold}, but must be from 0 to 1", "write a number from 0 to 1"


def _calico(calico: Mapping[str, Any]) -> Iterator[Issue]:
    backend, typha = calico.get("backend") or "etcd", calico.get("enableTypha")
    path = ("kubernetes", "calico")
    if backend not in _CALICO_BACKENDS:
        yield (*path, "backend"), f"{quoted(backend)} is not a backend of Calico", "write etcd or kubernetes"
    if typha and backend != "kubernetes":
        yield (*path, "enableTypha"), f"Typha is enabled, but the backend is {backend}", "write backend: kubernetes"
    replicas = calico.get("typhaReplicas")
    if typha and replicas is not None and replicas <= 0:
        yield (*path, "typhaReplicas"), f"Typha is enabled with {replicas} replicas", "write 1 or more"


_EXISTING_VPC = "tarmak.io/existing-vpc-id"

_VPC_MASKSS = (16, 22)
"""Public subnets have six more bits, and end at /28."""

_SERVICE_MASKSS = (12, 28)
"""The API server accepts up to 20 bits; Tarmak's cluster DNS has the address that ends in .10."""

_VPC, _PODS, _SERVICES = "10.99.0.0/16", "100.64.0.0/16", "10.254.0.0/16"
"""Tarmak's defaults."""


def cluster_cidr_issues(cluster: Cluster) -> Iterator[Issue]:
    """A podCIDR or serviceCIDR that is not a CIDR, with the consequence: Tarmak does not check them."""
    for key, cidr in _kubernetes_ranges(cluster):
        if is_cidr(cidr):
            continue
        mask = cidr.split("/")[1] if "/" in cidr else ""
        what = f"{key} {quoted(cidr)} {'is not a valid CIDR' if mask else 'has no mask'}"
        if key == "podCIDR":
            comes, example = "pods get no network", _PODS
            if not re.match(_DIGITS, mask):  # Puppet converts it to an Integer
                comes = "Puppet fails on every etcd node, master and worker"
        else:
            comes, example = "the API server does not start", _SERVICES
            if cidr.count("/") != 1:  # Tarmak uses it only if it has two parts
                comes = f"Tarmak ignores it, and services get {_SERVICES}"
        yield ("kubernetes", key), f"{what}; {comes}", f"write an IPv4 address with its mask, as in {example}"


def range_issues(cluster: Cluster) -> Iterator[Issue]:
    """CIDRs that are not IPv4, or are too large or too small, with the consequence."""
    for key, cidr in _kubernetes_ranges(cluster):
        example = _PODS if key == "podCIDR" else _SERVICES
        comes = "pods get no network" if key == "podCIDR" else "the API server or the cluster's DNS does not work"
        masks = (0, 32) if key == "podCIDR" else _SERVICE_MASKSS
        for what, remedy in _flaws(cidr, masks, example):
            yield ("kubernetes", key), f"{key} {what}; {comes}", remedy
    network = cluster.data.get("network") or {}
    annotations = (network.get("metadata") or {}).get("annotations") or {}
    # Only a hub, or the only cluster of its environment, has its own VPC.
    if cluster.type != "cluster-multi" and _EXISTING_VPC not in annotations:
        for what, remedy in _flaws(str(network.get("cidr") or ""), _VPC_MASKSS, _VPC):
            comes = "tarmak clusters apply fails: AWS cannot create such a VPC, or public subnets in it"
            yield ("network", "cidr"), f"the network {what}; {comes}", remedy


def _kubernetes_ranges(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Without a hub, which has no Kubernetes."""
    kubernetes = {} if cluster.is_hub else cluster.data.get("kubernetes") or {}
    for key in ("podCIDR", "serviceCIDR"):
        if kubernetes.get(key):
            yield key, str(kubernetes[key])


def _flaws(cidr: str, masks: tuple[int, int], example: str) -> Iterator[tuple[str, str]]:
    if not is_cidr(cidr):
        return  # another rule reports it
    address, _, mask = cidr.partition("/")
    widest, narrowest = masks
    if not isinstance(ipaddress.ip_address(address), ipaddress.IPv4Address):
        yield f"{quoted(cidr)} is not an IPv4 range", f"write an IPv4 range, as in {example}"
    elif not widest <= int(mask) <= narrowest:
        size = "large" if int(mask) < widest else "small"
        yield f"{quoted(cidr)} is too {size}", f"write a mask from /{widest} to /{narrowest}, as in {example}"
