"""What Tarmak rejects about a cluster, except instance pools; address ranges that cannot work, and versions that Tarmak
accepts, but that its Puppet cannot install.

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
from itertools import islice
from typing import Any

from tarmak_iam.config.api_server import Issue, api_server_issues
from tarmak_iam.config.cluster import Cluster, values_at
from tarmak_iam.config.kubernetes_versions import FIRST_WITHOUT_HYPERKUBE, is_release, parse_version
from tarmak_iam.config.tarmak_types import is_cidr
from tarmak_iam.text import quoted, shortened

_PROMETHEUS_MODES = ("Full", "ExternalExportersOnly", "ExternalScrapeTargetsOnly")
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
    for path, elastic in values_at(cluster.data, "loggingSinks.*.elasticsearch"):
        excluded = [key for key in ("httpBasicAuth", "tlsVerify", "tlsCA") if elastic.get(key) not in (None, False, "")]
        if elastic.get("amazonESProxy") is not None and excluded:
            what = f"the sink has amazonESProxy, so it cannot have {excluded[0]}"
            issues.append(((*path, excluded[0]), what, "remove one of them"))
            break  # Tarmak stops at the first sink
    issues += islice(_autoscaler_issues(kubernetes.get("clusterAutoscaler") or {}), 1)  # and at the first of these
    if mode and mode not in _PROMETHEUS_MODES:
        remedy = f"write {', '.join(_PROMETHEUS_MODES[:-1])} or {_PROMETHEUS_MODES[-1]}"
        issues.append((("kubernetes", "prometheus", "mode"), f"{quoted(mode)} is not a mode of Prometheus", remedy))
    calico, path = kubernetes.get("calico") or {}, ("kubernetes", "calico")
    backend, replicas = calico.get("backend") or "etcd", calico.get("typhaReplicas")
    if backend not in ("etcd", "kubernetes"):
        what = f"{quoted(backend)} is not a backend of Calico"
        issues.append(((*path, "backend"), what, "write etcd or kubernetes"))
    if calico.get("enableTypha") and backend != "kubernetes":
        what = f"Typha is enabled, but the backend is {backend}"
        issues.append(((*path, "enableTypha"), what, "write backend: kubernetes"))
    if calico.get("enableTypha") and replicas is not None and replicas <= 0:
        issues.append(((*path, "typhaReplicas"), f"Typha is enabled with {replicas} replicas", "write 1 or more"))
    return issues


def _autoscaler_issues(autoscaler: Mapping[str, Any]) -> Iterator[Issue]:
    over, path = autoscaler.get("overprovisioning") or {}, ("kubernetes", "clusterAutoscaler", "overprovisioning")
    if not over.get("enabled"):
        return
    rules = [key for key in _PER_REPLICA if over.get(key)]
    threshold = autoscaler.get("scaleDownUtilizationThreshold")
    if not autoscaler.get("enabled"):
        yield path, "overprovisioning is enabled, but the autoscaler is not", "enable both, or neither"
    for key in (*_RESERVED, *_PER_REPLICA, "replicaCount"):
        if (over.get(key) or 0) < 0:
            yield (*path, key), f"{key} is negative", "write 0 or a larger number"
    if not any(over.get(key) for key in _RESERVED):
        yield path, f"neither {_RESERVED[0]} nor {_RESERVED[1]} is set", "set one of them"
    if rules and over.get("replicaCount"):
        what = f"replicaCount and {rules[0]} cannot be used together"
        yield (*path, "replicaCount"), what, "remove one of them"
    if (over.get("image") or over.get("version")) and not rules:
        yield path, "image and version require coresPerReplica or nodesPerReplica", "set one of these"
    if threshold is not None and not 0 <= threshold <= 1:
        where = (*path[:-1], "scaleDownUtilizationThreshold")
        yield where, f"the threshold is {threshold}, but must be from 0 to 1", "write a number from 0 to 1"


_VPC, _PODS, _SERVICES = "10.99.0.0/16", "100.64.0.0/16", "10.254.0.0/16"
"""Tarmak's defaults."""

_RANGES = {
    "podCIDR": (0, 32, _PODS, "pods get no network"),
    # The API server accepts up to 20 bits; Tarmak's cluster DNS has the address that ends in .10.
    "serviceCIDR": (12, 28, _SERVICES, "the API server or the cluster's DNS does not work"),
    # Public subnets have six more bits, and end at /28.
    "cidr": (16, 22, _VPC, "tarmak clusters apply fails: AWS cannot create such a VPC, or public subnets in it"),
}
"""The widest and the narrowest mask, an example, and the consequence of another one."""


def cluster_cidr_issues(cluster: Cluster) -> Iterator[Issue]:
    """A podCIDR or serviceCIDR that is not a CIDR, with the consequence: Tarmak does not check them."""
    for path, key, cidr in _ranges(cluster):
        mask = [*cidr.split("/"), ""][1]
        comes = "the API server does not start"
        if key == "podCIDR":  # Puppet converts the mask to an Integer
            is_number = re.match(r"[0-9]+\Z", mask)
            comes = "pods get no network" if is_number else "Puppet fails on every etcd node, master and worker"
        elif cidr.count("/") != 1:  # Tarmak uses it only if it has two parts
            comes = f"Tarmak ignores it, and services get {_SERVICES}"
        if key != "cidr" and not is_cidr(cidr):
            what = f"{key} {quoted(cidr)} {'is not a valid CIDR' if mask else 'has no mask'}"
            yield path, f"{what}; {comes}", f"write an IPv4 address with its mask, as in {_RANGES[key][2]}"


def range_issues(cluster: Cluster) -> Iterator[Issue]:
    """CIDRs that are not IPv4, or are too large or too small, with the consequence; another rule reports those that are
    not valid."""
    for path, key, cidr in _ranges(cluster):
        widest, narrowest, example, consequence = _RANGES[key]
        address, _, mask = cidr.partition("/")
        if not is_cidr(cidr):
            continue
        what, remedy = "is not an IPv4 range", f"write an IPv4 range, as in {example}"
        if isinstance(ipaddress.ip_address(address), ipaddress.IPv4Address):
            what = f"is too {'large' if int(mask) < widest else 'small'}"
            remedy = f"write a mask from /{widest} to /{narrowest}, as in {example}"
            if widest <= int(mask) <= narrowest:
                continue
        yield path, f"{'the network' if key == 'cidr' else key} {quoted(cidr)} {what}; {consequence}", remedy


def _ranges(cluster: Cluster) -> list[tuple[tuple[str | int, ...], str, str]]:
    """The ranges of pods and services, unless it is a hub, which has no Kubernetes; and that of the VPC, which only a
    hub or the only cluster of its environment has, with the key of each."""
    annotations = [value for _, value in values_at(cluster.data, "network.metadata.annotations")]
    is_existing = any("tarmak.io/existing-vpc-id" in value for value in annotations)
    has_vpc = cluster.type != "cluster-multi" and not is_existing
    patterns = [*(("kubernetes.podCIDR", "kubernetes.serviceCIDR") if not cluster.is_hub else ())]
    patterns += ["network.cidr"] if has_vpc else []
    ranges = [value for pattern in patterns for value in values_at(cluster.data, pattern)]
    return [(path, str(path[-1]), cidr) for path, cidr in ranges if cidr]


def version_change_flaw(before: str, after: str) -> str:
    """What is wrong with a change of a cluster's version; empty if nothing is. The API server of an earlier minor
    version may not read what the newer one has stored (https://kubernetes.io/releases/version-skew-policy)."""
    old, new = parse_version(before), parse_version(after)
    if old is None or new is None or old.segments == new.segments:
        return ""
    change = f"Kubernetes {shortened(before)} to {shortened(after)}"
    if new.is_below(*old.segments):
        consequence = ", which Kubernetes does not support" if new.minor != old.minor else ": fixes may be lost"
        return f"{change} is a downgrade{consequence}"
    (major, minor), (new_major, new_minor) = old.minor, new.minor
    if major == new_major and new_minor > minor + 1:
        skipped = [f"{major}.{number}" for number in dict.fromkeys((minor + 1, new_minor - 1))]
        joined = (" and " if new_minor == minor + 3 else " to ").join(skipped)
        return f"{change} skips {joined}; Kubernetes supports upgrades by one minor version at a time"
    return ""


def _versions(cluster: Cluster) -> list[tuple[tuple[str | int, ...], str]]:
    """The Kubernetes versions of a cluster and its pools, with their paths below the cluster."""
    patterns = ("kubernetes.version", "instancePools.*.kubernetes.version")
    versions = [value for pattern in patterns for value in values_at(cluster.data, pattern)]
    return [(path, version) for path, version in versions if version]


def version_format_issues(cluster: Cluster) -> Iterator[Issue]:
    """Puppet downloads `v<version>` and compares the text with release numbers. Tarmak accepts more, and validates the
    version only where there is an apiServer section."""
    reported = {path for path, _, _ in api_server_issues(cluster)}
    for path, version in _versions(cluster):
        if path not in reported and not is_release(version):
            what = f"Kubernetes {quoted(version)} is not a release number: Puppet would download v{shortened(version)}"
            plain = version.lstrip("v")
            other = "write a release with three numbers, as in 1.12.9"
            yield path, what, f"write {shortened(plain)}" if is_release(plain) else other


def hyperkube_issues(cluster: Cluster) -> Iterator[Issue]:
    """Releases without the binary that Puppet downloads. Hubs are skipped: Puppet does not install Kubernetes on their
    nodes."""
    for path, text in () if cluster.is_hub else _versions(cluster):
        version = parse_version(text)
        if is_release(text) and version is not None and version.minor >= FIRST_WITHOUT_HYPERKUBE:
            first = ".".join(map(str, FIRST_WITHOUT_HYPERKUBE))
            what = f"Tarmak cannot install Kubernetes {text}: it downloads the hyperkube binary"
            what += f", which Kubernetes does not publish for {first} and later"
            yield path, what, f"write a version below {first}, as in 1.16.15"
