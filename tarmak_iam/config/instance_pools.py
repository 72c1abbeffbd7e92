"""What Tarmak, Terraform or AWS rejects about the instance pools of a cluster, their labels, taints and volumes.

Sources: validateClusterInstancePoolTypes, validateClusterInstancePoolCount and validateSubnets in
pkg/tarmak/cluster/cluster.go, the roles in roles.go next to it, pkg/tarmak/instance_pool and the check of zones in
pkg/tarmak/provider/amazon/amazon.go; Labels and validTaints in pkg/tarmak/instance_pool/instance_pool.go, and
Kubernetes's own validation of labels; InstanceType and VolumeType in pkg/tarmak/provider/amazon/amazon.go, Size in
pkg/tarmak/instance_pool/volume.go, the names of resources in terraform/amazon/templates/instance_pools, Terraform
0.11's own rules for names, and Amazon EBS's volume types.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tarmak_iam.aws.regions import is_known_region, is_region, region_of_zone, region_suggestions
from tarmak_iam.config.cluster import Cluster, Issue, ReadFile, metadata_name
from tarmak_iam.config.tarmak_types import quantity_size
from tarmak_iam.text import did_you_mean, quoted, shortened

_WITHOUT_ROLE = ("all", "hybrid")
"""Tarmak lists these types for all clusters except hubs, but has no role for them and rejects such a pool later."""

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
"""In addition to the root volume: Tarmak names the devices /dev/sdd to /dev/sdp, and panics at the next one."""


def lists_pools(config: ReadFile) -> bool:
    """Whether a cluster of the file has an instance pool with a type. Tarmak rejects every other file; such a file is
    only a part of a configuration, so that findings about pools are of no use."""
    return any(pool.get("type") for cluster in config.clusters for pool in pools_of(cluster))


def pools_of(cluster: Cluster) -> list[Mapping[str, Any]]:
    """The pools of the cluster in file order; a null pool counts as an empty one."""
    return [pool or {} for pool in cluster.data.get("instancePools") or ()]


def pool_type_issues(cluster: Cluster) -> list[Issue]:
    """Pools that a cluster of its type cannot have; if there are none, the pools that are missing."""
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
    """The types that the cluster lacks, or else the types of which it may have another pool."""
    lacking = _missing(cluster)
    if lacking:
        return f"use {_listed(lacking, 'or')}"
    there = {str(each.get("type")) for each in pools_of(cluster)}
    single = _EXACTLY_ONE[cluster.type]
    # Puppet has no role for the nodes of master-etcd, so this type is not recommended.
    free = [
        kind for kind in _TYPES[cluster.type] if kind != "master-etcd" and (kind not in single or kind not in there)
    ]
    # A pool without a name is named after its type, so several pools of one type need names.
    return f"use {_listed(free, 'or')}" + ("" if metadata_name(pool) else ", and set its metadata.name")


def _move(cluster: Cluster, kind: str) -> str:
    """For a pool of a type that another cluster of the environment requires: move it to a cluster that lacks it."""
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
        what = f"a cluster of type {cluster.type} requires pools of type {_listed(missing, 'and')}"
        # A pool without a role should get one of these types: adding all of them would be one pool too many.
        idle = [kind for kind in _WITHOUT_ROLE if count[kind]]
        one = f"type {missing[0]}" if len(missing) == 1 else "one of these types, and add the others"
        yield ("instancePools",), what, f"change the pool of type {idle[0]} to {one}" if idle else "add them"
    for kind in _EXACTLY_ONE[cluster.type]:
        if count[kind] > 1:
            second = [index for index, each in enumerate(pools) if each == kind][1]
            what = f"a cluster of type {cluster.type} must have exactly one pool of type {kind}, not {count[kind]}"
            yield ("instancePools", second, "type"), what, "merge or remove the others"


def pool_issues(cluster: Cluster) -> list[Issue]:
    """Errors in a single pool, whatever the other pools are: Tarmak stops at the first error of each pool."""
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
    least, most = least or most, most or least  # Tarmak uses the given one for both
    if least > most:
        yield ("minCount",), f"minCount {least} is larger than maxCount {most}", "raise maxCount or lower minCount"
    if pool.get("type") in _STATEFUL and least != most:
        what = f"type {shortened(pool.get('type'))} cannot scale, but minCount is {least} and maxCount is {most}"
        yield ("maxCount",), what, "set both to the same number"
    yield from _volume_flaws(pool)


def zero_count_issues(cluster: Cluster) -> Iterator[Issue]:
    """A count of 0 next to another count: Tarmak uses the other for both, so the pool does not scale."""
    for index, pool in enumerate(pools_of(cluster)):
        for key, other in (("minCount", "maxCount"), ("maxCount", "minCount")):
            if pool.get(key) == 0 and (pool.get(other) or 0) > 0:
                what = f"pool {shortened(_name(pool))}: {key} is 0, so Tarmak uses {other} {pool[other]} for both"
                scale = "" if pool.get("type") in _STATEFUL else ", or set it to 1 or more so that the pool scales"
                yield ("instancePools", index, key), what, f"remove {key}{scale}"


def _volume_flaws(pool: Mapping[str, Any]) -> Iterator[Issue]:
    names = [metadata_name(volume) for volume in pool.get("volumes") or ()]
    others = 0
    for index, name in enumerate(names):
        if others == _MOST_VOLUMES:
            what = f"Tarmak has device names for {_MOST_VOLUMES} volumes in addition to the root volume"
            yield ("volumes", index), f"{what}, and panics at the next", "remove volumes"
        others += name != "root"
    if "root" not in names:
        yield ("volumes",), "no volume is named root", "add {metadata: {name: root}, size: 16Gi, type: ssd}"


def hub_zone_issues(cluster: Cluster) -> list[Issue]:
    """Zones of a cluster in which the hub of its environment has no subnet."""
    hub = cluster.hub
    if cluster.type != "cluster-multi" or hub is None:
        return []
    known = sorted({zone for _, zone in _zones(hub) if zone})
    first: dict[str, tuple[str | int, ...]] = {}
    for path, zone in _zones(cluster):
        if zone and zone not in known:
            first.setdefault(zone, path)
    remedy = (
        f"use {_listed(known, 'or')}, or add a subnet of the hub there" if known else "add a subnet of the hub there"
    )
    return [(path, f"the hub has no subnet in zone {quoted(zone)}", remedy) for zone, path in first.items()]


def region_zone_issues(cluster: Cluster) -> list[Issue]:
    """Subnets that are null, without a zone or outside the region of the cluster's environment."""
    location = str(cluster.environment_data().get("location") or "")
    region = location if is_region(location) else None
    # A zone of the region that was probably meant is correct once the location is fixed.
    guesses = region_suggestions(location) if region and not is_known_region(location) else ()
    remedy = f"write a zone such as {region or 'eu-west-1'}a"
    found: list[Issue] = []
    for path, zone in _zones(cluster):
        if zone is None:
            found.append((path, "the subnet is null, so Tarmak panics", "remove it"))
        elif not zone:
            found.append((path, "the subnet has no zone", remedy))
        elif region and region_of_zone(zone) not in (region, *guesses):
            plain = zone.strip().lower()
            write = f"write {plain}" if region_of_zone(plain) == region else remedy
            found.append((path, f"{quoted(zone)} is not a zone of {shortened(region)}", write))
    return found


def _zones(cluster: Cluster) -> Iterator[tuple[tuple[str | int, ...], str | None]]:
    """The path and zone of each subnet; the zone is None for a null subnet."""
    for index, pool in enumerate(pools_of(cluster)):
        for number, subnet in enumerate(pool.get("subnets") or ()):
            path = ("instancePools", index, "subnets", number)
            yield (path, None) if subnet is None else ((*path, "zone"), str(subnet.get("zone") or ""))


def _name(pool: Mapping[str, Any]) -> str:
    """The name that Tarmak uses: the type if the pool has no name."""
    return metadata_name(pool) or str(pool.get("type") or "without a name")


def _listed(names: Sequence[str], word: str) -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


_LABEL_TEXT = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z"

_SUBDOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z"

_TAINT_KEY = r"(?a)[a-zA-Z0-9][\w.-]*/?[\w.-]*[a-zA-Z0-9]\Z"

_TAINT_VALUE = r"(?a)[a-zA-Z0-9][\w.-]*[a-zA-Z0-9]\Z"


# Tarmak's expression is anchored at one end of one alternative only.
_EFFECT = r"\APreferNoSchedule|NoSchedule|NoExecute\Z"


def _is_label_key(text: str) -> bool:
    """As Kubernetes's qualified names."""
    prefix, slash, name = text.rpartition("/")
    has_domain = not slash or (len(prefix) <= 253 and re.match(_SUBDOMAIN, prefix) is not None)
    return has_domain and re.match(_LABEL_TEXT, name) is not None


_LABEL_CHECKS: dict[str, tuple[tuple[str, Callable[[str], object], str, str], ...]] = {
    "labels": (
        ("key", _is_label_key, "{} is not a valid label key", "write it as in team or example.com/team"),
        (
            "value",
            lambda text: not text or re.match(_LABEL_TEXT, text),
            "{} is not a valid label value",
            "use up to 63 letters, digits, '-', '_' and '.'",
        ),
    ),
    "taints": (
        (
            "key",
            lambda text: re.match(_TAINT_KEY, text),
            "{} is not a valid taint key",
            "write it as in dedicated or example.com/dedicated",
        ),
        (
            "value",
            lambda text: not text or re.match(_TAINT_VALUE, text),
            "Tarmak rejects the taint value {}",
            "use two or more letters, digits, '-', '_' and '.'",
        ),
        (
            "effect",
            lambda text: re.search(_EFFECT, text),
            "{} is not a taint effect",
            "write NoSchedule, PreferNoSchedule or NoExecute",
        ),
    ),
}
"""For each key whether a text is valid, what is wrong otherwise, and the remedy."""


def label_issues(cluster: Cluster) -> Iterator[Issue]:
    """The labels and taints of the pools."""
    pools = [(kind, number, pool) for number, pool in enumerate(pools_of(cluster)) for kind in _LABEL_CHECKS]
    for kind, number, pool in pools:
        for index, item in enumerate(pool.get(kind) or ()):
            path = ("instancePools", number, kind, index)
            if item is None:
                yield path, f"{kind} has a null item, so Tarmak panics", "remove it"
            for key, is_valid, what, remedy in _LABEL_CHECKS[kind] if item is not None else ():
                text = str(item.get(key) or "")
                if not is_valid(text):
                    yield (*path, key), what.format(quoted(text)), remedy


_SIZES = ("tiny", "small", "medium", "large")

_INSTANCE_TYPE = r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z"

_VOLUME_TYPES = ("ssd", "gp2", "gp3", "st1", "sc1", "standard")

_WITH_IOPS = ("io1", "io2")
"""EBS creates such a volume only with a number of IOPS, which Tarmak's Terraform code does not set."""

_RESOURCE_NAME = r"[A-Za-z0-9_-]+\Z"

_OF_KUBERNETES = ("master", "worker", "etcd", "master-etcd")
"""The types whose resources begin with `kubernetes_`; resources of other types have only the name of the pool."""

_GIBIBYTE = 1024**3


def pool_resource_issues(cluster: Cluster) -> Iterator[Issue]:
    """Issues of the pools that Tarmak itself does not reject, with paths below the cluster."""
    refused = {path[:2] for path, _, _ in (*pool_type_issues(cluster), *pool_issues(cluster))}
    names: set[tuple[bool, str]] = set()
    for index, pool in enumerate(pools_of(cluster)):
        base = ("instancePools", index)
        if base in refused or not pool.get("type"):
            continue
        kind = str(pool["type"])
        name = metadata_name(pool) or kind
        for path, what, remedy in _resource_issues(pool, name):
            yield (*base, *path), f"pool {quoted(name)}: {what}", remedy
        if (kind in _OF_KUBERNETES, name) in names:
            what = f"a second pool is named {quoted(name)}, and Terraform rejects two resources with the same name"
            given = "" if metadata_name(pool) else " (without metadata.name, the type is the name)"
            yield (*base, "metadata", "name"), what + given, "set another metadata.name"
        names.add((kind in _OF_KUBERNETES, name))


def _resource_issues(pool: Mapping[str, Any], name: str) -> Iterator[Issue]:
    size = str(pool.get("size") or "")
    if size and size not in _SIZES and not re.match(_INSTANCE_TYPE, size):
        plain = size.strip().lower()
        remedy = "write tiny, small, medium, large or a type such as m5.xlarge"
        if re.match(_INSTANCE_TYPE, plain):
            remedy = f"write {plain}"
        elif not plain.endswith("xlarge"):  # one of EC2's sizes, and not a slip of Tarmak's large
            remedy = did_you_mean(size, _SIZES) or remedy
        yield ("size",), f"{quoted(size)} is not an EC2 instance type", remedy
    negative = [key for key in ("minCount", "maxCount") if (pool.get(key) or 0) < 0][:1]
    for key in negative:
        yield (key,), f"{key} is negative", "write 1 or more for both minCount and maxCount"
    if not re.match(_RESOURCE_NAME, name):
        what = f"{quoted(name)} cannot be part of the name of a Terraform resource"
        yield ("metadata", "name"), what, "use letters, digits, '-' and '_'"
    yield from _volume_issues(pool)


def _volume_issues(pool: Mapping[str, Any]) -> Iterator[Issue]:
    names: set[str] = set()
    for index, item in enumerate(pool.get("volumes") or ()):
        volume = item or {}
        name = metadata_name(volume)
        where = ("volumes", index)
        for path, what, remedy in (*_volume_type(volume), *_volume_size(volume)):
            yield (*where, *path), what, remedy
        if name and not re.match(_RESOURCE_NAME, name):
            what = f"the volume name {quoted(name)} cannot be part of the name of a Terraform resource"
            yield (*where, "metadata", "name"), what, "use letters, digits, '-' and '_'"
        if name in names:
            what = f"a second volume is named {quoted(name)}" if name else "a second volume has no name"
            yield (*where, "metadata", "name"), what, "set a different metadata.name for each volume"
        names.add(name)


def _volume_type(volume: Mapping[str, Any]) -> Iterator[Issue]:
    kind = str(volume.get("type") or "")
    if not kind or kind in _VOLUME_TYPES:
        return
    what = f"{quoted(kind)} is not an EBS volume type"
    remedy = did_you_mean(kind, _VOLUME_TYPES) or "write ssd, or an EBS volume type such as gp2"
    if kind == "hdd":
        what, remedy = "Tarmak translates the volume type hdd to st2, which EBS does not have", "write ssd"
    elif kind in _WITH_IOPS:
        what, remedy = f"a volume of type {kind} requires a number of IOPS, which Tarmak does not set", "write ssd"
    yield ("type",), what, remedy


def _volume_size(volume: Mapping[str, Any]) -> Iterator[Issue]:
    """Tarmak uses whole GiB, rounded down."""
    size = str(volume.get("size") or "")
    number = quantity_size(size) if size.strip("+-") else _GIBIBYTE
    if number < _GIBIBYTE or size.startswith("-"):
        gibibytes = int(number) if number == int(number) and 1 <= number <= 16384 and size[0] != "-" else 0
        remedy = f"did you mean {gibibytes}Gi?" if gibibytes else "write 1Gi or more"
        yield ("size",), f"Tarmak reads the volume size {quoted(size)} as 0 GiB", remedy
