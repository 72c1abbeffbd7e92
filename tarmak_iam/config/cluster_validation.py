"""What Tarmak rejects about clusters, environments and providers, except instance pools; ranges and locations that
cannot work; versions that Tarmak accepts, but that its Puppet cannot install; and what a rewrite by Tarmak opens.

As Validate in pkg/tarmak/cluster, without the instance pools: their number depends on clusters yet to be written; and
NewFromConfig and Validate in pkg/tarmak/environment/environment.go, pkg/tarmak/provider/provider.go, and
SetDefaults_Environment in pkg/apis/tarmak/v1alpha1/defaults.go.

Sources of ranges: terraform/amazon/modules/network/subnets.tf, which divides the VPC's range; kubernetesClusterConfig
in pkg/puppet/puppet.go and puppet/modules/tarmak/manifests/init.pp for those of pods and services; the limits of Amazon
VPC, where a VPC and a subnet have masks from /16 to /28; and cmd/kube-apiserver/app/options/validation.go of
Kubernetes.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tarmak_iam.aws.regions import (
    did_you_mean_region,
    is_known_region,
    is_region,
    region_flaw,
    region_suggestions,
    table_version,
)
from tarmak_iam.config.api_server import Issue, api_server_issues
from tarmak_iam.config.cluster import Cluster, ReadFile, metadata_name, values_at
from tarmak_iam.config.instance_pools import lists_pools, pools_of
from tarmak_iam.config.kubernetes_versions import FIRST_WITHOUT_HYPERKUBE, is_release, parse_version
from tarmak_iam.config.tarmak_types import CHOICES, is_cidr
from tarmak_iam.text import did_you_mean, is_host_name, quoted, shortened

_PROMETHEUS_MODES = CHOICES["ClusterKubernetesPrometheus.mode"]
_RESERVED = ("reservedMillicoresPerReplica", "reservedMegabytesPerReplica")
_PER_REPLICA = ("coresPerReplica", "nodesPerReplica")


def cluster_issues(cluster: Cluster) -> Iterator[Issue]:
    """Each of them blocks every command for the environment of the cluster, as an issue of the API server does."""
    kubernetes = cluster.data.get("kubernetes") or {}
    cidr = (cluster.data.get("network") or {}).get("cidr") or ""
    mode = (kubernetes.get("prometheus") or {}).get("mode") or ""
    if cidr and not is_cidr(cidr):
        remedy = "write an address with its mask, as in 10.99.0.0/16"
        yield ("network", "cidr"), f"{quoted(cidr)} is not a valid CIDR", remedy
    for path, elastic in values_at(cluster.data, "loggingSinks.*.elasticsearch"):
        excluded = [key for key in ("httpBasicAuth", "tlsVerify", "tlsCA") if elastic.get(key) not in (None, False, "")]
        if elastic.get("amazonESProxy") is not None and excluded:
            what = f"the sink has amazonESProxy, so it cannot have {excluded[0]}"
            yield (*path, excluded[0]), what, "remove one of them"
            break  # Tarmak stops at the first sink
    yield from islice(_autoscaler_issues(kubernetes.get("clusterAutoscaler") or {}), 1)  # and at the first of these
    if mode and mode not in _PROMETHEUS_MODES:
        remedy = f"write {', '.join(_PROMETHEUS_MODES[:-1])} or {_PROMETHEUS_MODES[-1]}"
        yield ("kubernetes", "prometheus", "mode"), f"{quoted(mode)} is not a mode of Prometheus", remedy
    calico, path = kubernetes.get("calico") or {}, ("kubernetes", "calico")
    backend, replicas = calico.get("backend") or "etcd", calico.get("typhaReplicas")
    if backend not in CHOICES["ClusterKubernetesCalico.backend"]:
        yield (*path, "backend"), f"{quoted(backend)} is not a backend of Calico", "write etcd or kubernetes"
    if calico.get("enableTypha") and backend != "kubernetes":
        yield (*path, "enableTypha"), f"Typha is enabled, but the backend is {backend}", "write backend: kubernetes"
    if calico.get("enableTypha") and replicas is not None and replicas <= 0:
        yield (*path, "typhaReplicas"), f"Typha is enabled with {replicas} replicas", "write 1 or more"


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


def reference_issues(config: ReadFile) -> Iterator[Issue]:
    """Environments and providers that the file names, but does not have. A file without the whole list is not reported:
    it is still being written."""
    for cluster in config.clusters if "environments" in config.data else ():
        if cluster.environment and not cluster.environment_data():
            what = f"the environment {quoted(cluster.environment)} does not exist: Tarmak does not "
            what += f"find {shortened(cluster.cluster_name)}"
            remedy = did_you_mean(cluster.environment, filter(None, map(metadata_name, config.environments)))
            yield (*cluster.route.plain, "environment"), what, remedy or "add it to environments, or use another one"
    names = [name for name in map(metadata_name, config.providers) if name]
    for index, environment in enumerate(config.environments if "providers" in config.data else ()):
        provider, path = environment.get("provider") or "", ("environments", index, "provider")
        if provider and provider not in config.named_providers:
            what = f"the provider {quoted(provider)} does not exist: every Tarmak command for this environment fails"
            yield path, what, did_you_mean(provider, names) or "add it to providers, or use another one"
        elif not provider and not config.named_providers.get(""):
            what = "the environment has no provider: every Tarmak command for it fails"
            remedy = f"set provider to {' or '.join(map(shortened, names))}" if names else "add a provider to providers"
            yield path, what, remedy


def provider_issues(config: ReadFile) -> Iterator[Issue]:
    """Providers of environments without a cloud: Tarmak supports only AWS, with the key `amazon`."""
    used = {str(environment.get("provider") or "") for environment in config.environments}
    for index, provider in enumerate(config.providers if lists_pools(config) else ()):
        if metadata_name(provider) in used and provider.get("amazon") is None:
            what = f"the provider {quoted(metadata_name(provider))} has no amazon section"
            yield ("providers", index), what, "add it, as in amazon: {profile: NAME}"


def hub_issues(config: ReadFile) -> Iterator[Issue]:
    """Environments of several clusters without a hub, which has Vault and the bastion of all of them."""
    names: dict[str, set[str]] = defaultdict(set)
    for cluster in config.clusters:
        names[cluster.environment].add(cluster.name)
    for index, environment in enumerate(config.environments if lists_pools(config) else ()):
        name = metadata_name(environment)
        if len(names[name]) > 1 and "hub" not in names[name]:
            what = f"the environment {quoted(name)} has {config.cluster_counts[name]} clusters, but no hub"
            yield ("environments", index), what, "add a cluster named hub with pools of type bastion and vault"


_CIDR_LISTS = (
    "environments.*.adminCIDRs",
    "clusters.*.kubernetes.apiServer.allowCIDRs",
    "clusters.*.instancePools.*.allowCIDRs",
)


def cidr_issues(config: ReadFile) -> Iterator[Issue]:
    """CIDRs of environments and pools; `api_server_issues` checks those of the API server."""
    for path, cidr in (value for pattern in _CIDR_LISTS for value in values_at(config.data, f"{pattern}.*")):
        if "apiServer" not in path and not is_cidr(cidr):
            yield path, f"{quoted(cidr)} is not a valid CIDR", "write an address with its mask, as in 192.0.2.0/24"


def rewrite_issues(config: ReadFile) -> Iterator[Issue]:
    """Empty lists of CIDRs that Tarmak uses: it omits them when it rewrites the file, and then uses a wider range
    instead."""
    for path, cidrs in (value for pattern in _CIDR_LISTS for value in values_at(config.data, pattern)):
        is_used, instead = True, "0.0.0.0/0"
        if path[0] == "clusters":  # Tarmak opens a port for public API servers, bastions and Jenkins
            cluster, instead = config.clusters[int(path[1])], "adminCIDRs of the environment"
            is_used = bool(cluster.api_server.get("public"))
            if path[2] == "instancePools":
                is_used = pools_of(cluster)[int(path[3])].get("type") in ("bastion", "jenkins")
        if not cidrs and is_used:
            what = f"{path[-1]} is empty: when Tarmak rewrites the file, it removes the list and uses {instead} instead"
            yield path, what, "list at least one address, as in 192.0.2.1/32"


def location_issues(config: ReadFile) -> Iterator[Issue]:
    """A location that is not a region: of an environment, or of a cluster whose environment has no location."""
    for path, location, owner in _locations(config):
        flaw = region_flaw(location)
        if flaw is not None:
            yield path, f"the location {shortened(location)!r} of {owner} {flaw.what}", flaw.remedy


def unknown_location_issues(config: ReadFile) -> Iterator[Issue]:
    """A location that has the form of a region, but is not a known region; AWS may have opened it since."""
    for path, location, owner in _locations(config):
        if is_region(location) and not is_known_region(location):
            what = f"the location {quoted(location)} of {owner} is not a region that botocore {table_version()} knows"
            question = did_you_mean_region(region_suggestions(location)) or "check the name"
            newer = "AWS has opened it since, suppress this with a comment: # tarmak-iam: ignore[IAM026] new region"
            yield path, what, f"{question} If {newer}" if question.endswith("?") else f"{question}; if {newer}"


def _locations(config: ReadFile) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every location that Tarmak uses, with its path from the root and its owner."""
    for index, environment in enumerate(config.environments):
        if environment.get("location"):
            name = quoted(metadata_name(environment))
            yield ("environments", index, "location"), str(environment["location"]), f"environment {name}"
    for cluster in config.clusters:
        environment, location = cluster.environment_data(), cluster.data.get("location")
        if environment and not environment.get("location") and location:
            yield (*cluster.route.plain, "location"), str(location), f"cluster {cluster.cluster_name}"


def ignored_location_issues(config: ReadFile) -> Iterator[Issue]:
    """Locations of clusters that differ from the location of their environment, which Tarmak uses: Location in
    pkg/tarmak/environment/environment.go."""
    for cluster in config.clusters:
        ignored, location = cluster.data.get("location"), cluster.environment_data().get("location")
        if ignored and location and ignored != location:
            environment = f"environment {quoted(cluster.environment)}"
            what = f"Tarmak ignores the location {quoted(ignored)} of cluster {cluster.cluster_name}"
            remedy = f"remove it: the cluster is in {shortened(location)}; the region is the location of {environment}"
            yield (*cluster.route.plain, "location"), f"{what}, and uses the one of {environment}", remedy


def public_zone_issues(config: ReadFile) -> Iterator[Issue]:
    """Public zones of providers with which the address of a public API server is not a valid host name."""
    names = list(map(metadata_name, config.providers))
    for cluster in config.clusters:
        flaw = public_zone_flaw(cluster)
        if flaw is not None:
            index = names.index(str(cluster.environment_data().get("provider") or ""))
            yield ("providers", index, "amazon", "publicZone"), *flaw


def missing_zone_issues(config: ReadFile) -> Iterator[Issue]:
    """Providers without a public zone, although an API server is public: verifyPublicZone in
    pkg/tarmak/provider/amazon/route53.go searches for the zone, and does not create one without a name."""
    public = [cluster for cluster in config.clusters if cluster.api_server.get("public") and not cluster.is_hub]
    used = {str(cluster.environment_data().get("provider") or "") for cluster in public}
    for index, provider in enumerate(config.providers if lists_pools(config) else ()):
        amazon, name = provider.get("amazon"), metadata_name(provider)
        if name in used and amazon is not None and not str(amazon.get("publicZone") or "").strip("."):
            what = f"the provider {quoted(name)} has no publicZone, but an API server is public"
            path = ("providers", index, "amazon", *(("publicZone",) if "publicZone" in amazon else ()))
            yield path, f"{what}; tarmak clusters plan and apply fail", "write publicZone as in k8s.example.com"


def public_zone_flaw(cluster: Cluster) -> tuple[str, str] | None:
    """Why the public address of the cluster cannot work, and what to do; None if it can, or if there is none."""
    address = cluster.public_address
    if address is None or is_host_name(address.removeprefix("https://")):
        return None
    what = f"the public address of {cluster.cluster_name} would be {shortened(address)!r}, which is not a valid URL"
    return what, "write publicZone of the provider in tarmak.yaml as in k8s.example.com"
