"""What Tarmak rejects about environments and providers, what cannot work in them, and what a rewrite by Tarmak opens.

Sources: NewFromConfig and Validate in pkg/tarmak/environment/environment.go, pkg/tarmak/provider/provider.go, and
SetDefaults_Environment in pkg/apis/tarmak/v1alpha1/defaults.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tarmak_iam.aws.regions import (
    did_you_mean_region,
    is_known_region,
    is_region,
    region_flaw,
    region_suggestions,
    table_version,
)
from tarmak_iam.config.api_server import Issue
from tarmak_iam.config.cluster import Cluster, ReadFile, metadata_name, values_at
from tarmak_iam.config.instance_pools import lists_pools, pools_of
from tarmak_iam.config.tarmak_types import is_cidr
from tarmak_iam.text import did_you_mean, is_host_name, quoted, shortened


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
        if provider and not config.provider(provider):
            what = f"the provider {quoted(provider)} does not exist: every Tarmak command for this environment fails"
            yield path, what, did_you_mean(provider, names) or "add it to providers, or use another one"
        elif not provider and not config.provider(provider):
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
