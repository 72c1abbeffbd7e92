"""Rules about environments, their instance pools and their address ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.cluster import Issue
from tarmak_iam.config.cluster_validation import cluster_cidr_issues, range_issues
from tarmak_iam.config.environment_validation import (
    cidr_issues,
    hub_issues,
    ignored_location_issues,
    location_issues,
    missing_zone_issues,
    provider_issues,
    public_zone_issues,
    rewrite_issues,
    unknown_location_issues,
)
from tarmak_iam.config.instance_pools import (
    hub_zone_issues,
    label_issues,
    lists_pools,
    pool_issues,
    pool_resource_issues,
    pool_type_issues,
    region_zone_issues,
    zero_count_issues,
)
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint.rule import CONFIG, Rule

_ALL = "every Tarmak command for its environment fails"
_CHANGES = "tarmak clusters plan and apply fail"

_Check = Callable[[Rule, TarmakConfig], Iterator[Finding]]


def _of_clusters(issues: Callable[[Cluster], Iterable[Issue]], consequence: str) -> _Check:
    """A check for issues whose paths are below a cluster."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            # Tarmak finds a cluster only through its environment; a cluster without one is IAM003.
            for path, message, remedy in issues(cluster) if cluster.environment else ():
                what = f"{cluster.cluster_name}: {message}" + (f"; {consequence}" if consequence else "")
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)

    return check


def _of_file(issues: Callable[[TarmakConfig], Iterable[Issue]], consequence: str = "") -> _Check:
    """A check for issues whose paths are below the root."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for path, message, remedy in issues(config):
            what = f"{message}; {consequence}" if consequence else message
            yield rule.finding(Subject.CONFIG, path, what, remedy)

    return check


def _pools(issues: Callable[[Cluster], Iterable[Issue]], consequence: str = _ALL) -> _Check:
    """Only for a file that lists pools: a file without any is only a part of a configuration."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        if lists_pools(config):
            yield from _of_clusters(issues, consequence)(rule, config)

    return check


@CONFIG.error("IAM014", "subnet-zone", "a subnet outside the region or the hub's zones")
def subnet_zone(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    yield from _of_clusters(region_zone_issues, _CHANGES)(rule, config)
    yield from _of_clusters(hub_zone_issues, _CHANGES)(rule, config)


@CONFIG.error("IAM015", "invalid-cidr", "an address range that is not a CIDR")
def invalid_cidr(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    yield from _of_file(cidr_issues, _CHANGES)(rule, config)
    yield from _of_clusters(cluster_cidr_issues, "")(rule, config)  # each names its own consequence


def _locations(config: TarmakConfig) -> Iterator[Issue]:
    yield from location_issues(config)
    yield from public_zone_issues(config)
    yield from missing_zone_issues(config)


@CONFIG.warning("IAM029", "overridden-value", "a value that Tarmak takes from another key")
def overridden_value(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    yield from _of_file(ignored_location_issues)(rule, config)
    yield from _pools(zero_count_issues, "")(rule, config)


pool_types = CONFIG.error("IAM012", "pool-types", "instance pools that do not form a valid cluster")(
    _pools(pool_type_issues)
)
invalid_pool = CONFIG.error("IAM013", "invalid-pool", "an instance pool that Tarmak rejects")(_pools(pool_issues))
provider_without_cloud = CONFIG.error("IAM016", "provider-without-cloud", "a provider without an amazon section")(
    _of_file(provider_issues, "every Tarmak command for its environments fails")
)
missing_hub = CONFIG.error("IAM017", "missing-hub", "an environment with several clusters and no hub")(
    _of_file(hub_issues, _CHANGES)
)
invalid_label_or_taint = CONFIG.error("IAM018", "invalid-label-or-taint", "a label or taint that Tarmak rejects")(
    _of_clusters(label_issues, _CHANGES)
)
empty_address_list = CONFIG.error("IAM025", "empty-address-list", "an empty list of address ranges")(
    _of_file(rewrite_issues)
)
unknown_region = CONFIG.warning("IAM026", "unknown-region", "a region that botocore does not know")(
    _of_file(unknown_location_issues)
)
pool_resources = CONFIG.error("IAM027", "pool-resources", "an instance pool that AWS or Terraform rejects")(
    _pools(pool_resource_issues, _CHANGES)
)
cidr_size = CONFIG.error("IAM028", "cidr-size", "an address range that is too large or too small")(
    _of_clusters(range_issues, "")
)
invalid_region_or_zone = CONFIG.error("IAM094", "invalid-region-or-zone", "an invalid region or public zone")(
    _of_file(_locations)
)
