"""What Tarmak refuses about the instance pools of a cluster.

Sources: validateClusterInstancePoolTypes, validateClusterInstancePoolCount and validateSubnets in
pkg/tarmak/cluster/cluster.go, the roles in roles.go beside it, pkg/tarmak/instance_pool and the check of zones in
pkg/tarmak/provider/amazon/amazon.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.effective import Issue
from tarmak_iam.near import did_you_mean
from tarmak_iam.regions import is_known_region, is_region, region_of_zone, region_suggestions
from tarmak_iam.text import quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster
    from tarmak_iam.config.config import TarmakConfig

__all__ = [
    "hub_zone_issues",
    "lists_pools",
    "pool_issues",
    "pool_type_issues",
    "pools_of",
    "region_zone_issues",
    "zero_count_issues",
]

_WITHOUT_ROLE = ("all", "hybrid")
"""In Tarmak's table of types of all clusters but hubs; but it has no role for them, and refuses the pool later."""
_KUBERNETES = ("master", "worker", "etcd", "master-etcd")
_TYPES = {
    "cluster-single": (*_KUBERNETES, "bastion", "vault", "jenkins"),
    "cluster-multi": _KUBERNETES,
    "hub": ("bastion", "vault", "jenkins"),
}
_EXACTLY_ONE = {"cluster-single": ("bastion", "vault", "etcd"), "cluster-multi": ("etcd",), "hub": ("bastion", "vault")}
_AT_LEAST_ONE = {"cluster-single": ("master", "worker"), "cluster-multi": ("master", "worker"), "hub": ()}
_STATEFUL = ("etcd", "vault", "bastion", "jenkins")
_MOST_VOLUMES = 13
"""Beside the root volume: Tarmak names the devices /dev/sdd to /dev/sdp, and panics at the next one."""


def lists_pools(config: TarmakConfig) -> bool:
    """Whether any cluster of the file has an instance pool with a type. Tarmak refuses every other file; it is only a
    part of a configuration, whose author does not ask about pools."""
    return any(pool.get("type") for cluster in config.clusters for pool in pools_of(cluster))


def pools_of(cluster: Cluster) -> list[Mapping[str, Any]]:
    """The cluster's pools in file order; one that is null is an empty one."""
    return [pool or {} for pool in cluster.data.get("instancePools") or ()]


def pool_type_issues(cluster: Cluster) -> list[Issue]:
    """Pools that a cluster of its type cannot have; where there are none, those that it lacks."""
    return list(_wrong_types(cluster)) or list(_wrong_numbers(cluster))


def _wrong_types(cluster: Cluster) -> Iterator[Issue]:
    known = _TYPES[cluster.type]
    for index, pool in enumerate(pools_of(cluster)):
        kind = str(pool.get("type") or "")
        if kind in known or (kind in _WITHOUT_ROLE and not cluster.is_hub):
            continue
        what = (
            f"a cluster of type {cluster.type} cannot have a pool of type {quoted(kind)}"
            if kind
            else "the pool has no type"
        )
        remedy = did_you_mean(kind, known) or _use(cluster, pool)
        if kind in _TYPES["cluster-single"]:
            remedy = _move(cluster, kind)
        yield ("instancePools", index, "type"), what, remedy


def _use(cluster: Cluster, pool: Mapping[str, Any]) -> str:
    """The types that the cluster lacks, or else those of which it may have another."""
    lacking = _missing(cluster)
    if lacking:
        return f"use {_any_of(lacking)}"
    there = {str(each.get("type")) for each in pools_of(cluster)}
    single = _EXACTLY_ONE[cluster.type]
    # Puppet has no role for the nodes of master-etcd, so that is nothing to recommend.
    free = [
        kind for kind in _TYPES[cluster.type] if kind != "master-etcd" and (kind not in single or kind not in there)
    ]
    # Pools of one type, as they are called without a name, need names to be told apart.
    is_named = (pool.get("metadata") or {}).get("name")
    return f"use {_any_of(free)}" + ("" if is_named else ", and give it a metadata.name")


def _move(cluster: Cluster, kind: str) -> str:
    """A pool of a type that another cluster of the environment has to have: it moves to one that lacks it."""
    where = "another cluster of the environment" if cluster.is_hub else "the hub"
    others = [each for each in cluster.siblings if each.is_hub != cluster.is_hub]
    lack = [each for each in others if not any(pool.get("type") == kind for pool in pools_of(each))]
    if lack or not others:
        return f"move it to {where}"
    return f"remove it: {'every other cluster' if cluster.is_hub else where} has a pool of that type"


def _missing(cluster: Cluster) -> list[str]:
    there = {str(pool.get("type")) for pool in pools_of(cluster)}
    needed = (*_AT_LEAST_ONE[cluster.type], *_EXACTLY_ONE[cluster.type])
    return [kind for kind in needed if kind not in there]


def _wrong_numbers(cluster: Cluster) -> Iterator[Issue]:
    pools = [str(pool.get("type")) for pool in pools_of(cluster)]
    count = Counter(pools)
    missing = _missing(cluster)
    if missing:
        what = f"a cluster of type {cluster.type} needs pools of type {_all_of(missing)}"
        # A pool without a role is told to take one of these types: to add all of them as well were too many.
        idle = [kind for kind in _WITHOUT_ROLE if count[kind]]
        one = "that type" if len(missing) == 1 else "one of these types, and add the others"
        yield ("instancePools",), what, f"give the pool of type {idle[0]} {one}" if idle else "add them"
    for kind in _EXACTLY_ONE[cluster.type]:
        if count[kind] > 1:
            second = [index for index, each in enumerate(pools) if each == kind][1]
            what = f"a cluster of type {cluster.type} has exactly one pool of type {kind}, not {count[kind]}"
            yield ("instancePools", second, "type"), what, "merge or remove the others"


def pool_issues(cluster: Cluster) -> list[Issue]:
    """What is wrong with a pool itself, whatever other pools there are: Tarmak stops at the first of each pool."""
    found = []
    for index, pool in enumerate(pools_of(cluster)):
        first = next(_pool_flaws(cluster, pool), None)
        if first is not None:
            path, what, remedy = first
            found.append((("instancePools", index, *path), f"pool {shortened(_name(pool))}: {what}", remedy))
    return found


def _pool_flaws(cluster: Cluster, pool: Mapping[str, Any]) -> Iterator[Issue]:
    if pool.get("type") in _WITHOUT_ROLE:
        yield ("type",), f"Tarmak has no role for the type {quoted(pool.get('type'))}", _use(cluster, pool)
    least, most = pool.get("minCount") or 0, pool.get("maxCount") or 0
    if not least and not most:
        yield (), "minCount and maxCount are missing or 0", "set both, as in minCount: 3 and maxCount: 3"
    least, most = least or most, most or least  # Tarmak takes the one that is given for both
    if least > most:
        yield ("minCount",), f"minCount {least} is larger than maxCount {most}", "raise maxCount or lower minCount"
    if pool.get("type") in _STATEFUL and least != most:
        what = f"type {shortened(pool.get('type'))} cannot scale, but minCount is {least} and maxCount is {most}"
        yield ("maxCount",), what, "set both to the same number"
    yield from _volume_flaws(pool)


def zero_count_issues(cluster: Cluster) -> Iterator[Issue]:
    """A count of 0 with another one: Tarmak takes the other for both, and so the pool does not scale."""
    for index, pool in enumerate(pools_of(cluster)):
        for key, other in (("minCount", "maxCount"), ("maxCount", "minCount")):
            if pool.get(key) == 0 and (pool.get(other) or 0) > 0:
                what = f"pool {shortened(_name(pool))}: Tarmak takes {other} {pool[other]} for {key} too, which is 0"
                scale = "" if pool.get("type") in _STATEFUL else ", or write 1 or more for the pool to scale"
                yield ("instancePools", index, key), what, f"remove {key}{scale}"


def _volume_flaws(pool: Mapping[str, Any]) -> Iterator[Issue]:
    names = [((volume or {}).get("metadata") or {}).get("name") or "" for volume in pool.get("volumes") or ()]
    others = 0
    for index, name in enumerate(names):
        if others == _MOST_VOLUMES:
            what = f"Tarmak has device names for {_MOST_VOLUMES} volumes besides the root volume"
            yield ("volumes", index), f"{what}, and panics at the next", "remove volumes"
        others += name != "root"
    if "root" not in names:
        yield ("volumes",), "it has no volume named root", "add {metadata: {name: root}, size: 16Gi, type: ssd}"


def hub_zone_issues(cluster: Cluster, hub: Cluster | None) -> list[Issue]:
    """Zones of a cluster of several in which the environment's hub has no subnet."""
    if cluster.type != "cluster-multi" or hub is None:
        return []
    known = sorted({zone for _, zone in _zones(hub) if zone})
    first: dict[str, tuple[str | int, ...]] = {}
    for path, zone in _zones(cluster):
        if zone and zone not in known:
            first.setdefault(zone, path)
    remedy = f"use {_any_of(known)}, or give the hub a subnet there" if known else "give the hub a subnet there"
    return [(path, f"the hub has no subnet in zone {quoted(zone)}", remedy) for zone, path in first.items()]


def region_zone_issues(cluster: Cluster) -> list[Issue]:
    """Subnets that are null, without a zone or outside the region of the cluster's environment."""
    location = str(cluster.environment_data().get("location") or "")
    region = location if is_region(location) else None
    # A zone of the region that was probably meant is right once the location is.
    guesses = region_suggestions(location) if region and not is_known_region(location) else ()
    remedy = f"write a zone such as {region or 'eu-west-1'}a"
    found: list[Issue] = []
    for path, zone in _zones(cluster):
        if zone is None:
            found.append((path, "the subnet is null, and Tarmak panics", "remove it"))
        elif not zone:
            found.append((path, "the subnet has no zone", remedy))
        elif region and region_of_zone(zone) not in (region, *guesses):
            plain = zone.strip().lower()
            write = f"write {plain}" if region_of_zone(plain) == region else remedy
            found.append((path, f"{quoted(zone)} is not a zone of {shortened(region)}", write))
    return found


def _zones(cluster: Cluster) -> Iterator[tuple[tuple[str | int, ...], str | None]]:
    """The zone of each subnet with its path; None for a subnet that is null."""
    for index, pool in enumerate(pools_of(cluster)):
        for number, subnet in enumerate(pool.get("subnets") or ()):
            path = ("instancePools", index, "subnets", number)
            yield (path, None) if subnet is None else ((*path, "zone"), str(subnet.get("zone") or ""))


def _name(pool: Mapping[str, Any]) -> str:
    """What Tarmak calls it: by its type where it has no name."""
    return str((pool.get("metadata") or {}).get("name") or pool.get("type") or "without a name")


def _any_of(names: Sequence[str]) -> str:
    return _listed(names, "or")


def _all_of(names: Sequence[str]) -> str:
    return _listed(names, "and")


def _listed(names: Sequence[str], word: str) -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last
