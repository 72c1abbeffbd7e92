"""What Tarmak, Terraform or AWS rejects about the instance pools of a cluster, their labels, taints and volumes.

Sources in pkg/tarmak: validateClusterInstancePoolTypes, validateClusterInstancePoolCount, validateSubnets and roles.go
in cluster; Labels, validTaints and Size (volume.go) in instance_pool; the check of zones, InstanceType and VolumeType
in provider/amazon. Also the names of resources in terraform/amazon/templates/instance_pools, Terraform 0.11's rules for
names, Kubernetes's own validation of labels, and Amazon EBS's volume types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tarmak_iam.aws.regions import is_known_region, is_region, region_of_zone, region_suggestions
from tarmak_iam.config.api_server import Issue
from tarmak_iam.config.cluster import Cluster, ReadFile, metadata_name, values_at
from tarmak_iam.config.tarmak_types import CHOICES, quantity_size
from tarmak_iam.text import did_you_mean, quoted, shortened

_WITHOUT_ROLE = ("all", "hybrid")
"""Tarmak lists these types for all clusters except hubs, but has no role for them and rejects such a pool later."""

_KUBERNETES = ("master", "worker", "etcd", "master-etcd")
"""The types whose resources begin with `kubernetes_`; resources of other types have only the name of the pool."""

_TYPES = {
    "cluster-single": tuple(CHOICES["InstancePool.type"]),
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


def pool_type_issues(cluster: Cluster) -> Iterator[Issue]:
    """Pools that a cluster of its type cannot have; if there are none, the pools that are missing or too many."""
    known, types = _TYPES[cluster.type], [str(pool.get("type") or "") for pool in pools_of(cluster)]
    usable = known if cluster.is_hub else (*known, *_WITHOUT_ROLE)
    for index, kind in enumerate(types):
        if kind not in usable:
            what = f"a cluster of type {cluster.type} cannot have a pool of type {quoted(kind)}"
            remedy = did_you_mean(kind, known) or _types_to_use(cluster)
            if kind in _TYPES["cluster-single"]:
                instead = "another cluster of the environment" if cluster.is_hub else "the hub"
                remedy = f"move it to {instead}, or remove it"
            yield ("instancePools", index, "type"), what if kind else "the pool has no type", remedy
    if any(kind not in usable for kind in types):
        return
    if missing := _missing_types(cluster):
        what = f"a cluster of type {cluster.type} requires pools of type {_listed(missing, 'and')}"
        idle = [kind for kind in _WITHOUT_ROLE if kind in types]  # should get one of these types
        instead = f"type {missing[0]}" if len(missing) == 1 else "one of these types, and add the others"
        yield ("instancePools",), what, f"change the pool of type {idle[0]} to {instead}" if idle else "add them"
    for kind in _EXACTLY_ONE[cluster.type]:
        indices = [index for index, other in enumerate(types) if other == kind]
        if len(indices) > 1:
            what = f"a cluster of type {cluster.type} must have exactly one pool of type {kind}, not {len(indices)}"
            yield ("instancePools", indices[1], "type"), what, "merge or remove the others"


def _missing_types(cluster: Cluster) -> list[str]:
    types = {str(pool.get("type")) for pool in pools_of(cluster)}
    return [kind for kind in (*_AT_LEAST_ONE[cluster.type], *_EXACTLY_ONE[cluster.type]) if kind not in types]


def _types_to_use(cluster: Cluster) -> str:
    """The types that the cluster lacks, or else those of which it may have another pool: not master-etcd, for whose
    nodes Puppet has no role."""
    single = ("master-etcd", *_EXACTLY_ONE[cluster.type])
    free = [kind for kind in _TYPES[cluster.type] if kind not in single]
    return f"use {_listed(_missing_types(cluster) or free, 'or')}"


def pool_issues(cluster: Cluster) -> Iterator[Issue]:
    """Errors in a single pool, whatever the other pools are: Tarmak stops at the first error of each pool."""
    for index, pool in enumerate(pools_of(cluster)):
        for path, what, remedy in islice(_pool_flaws(cluster, pool), 1):
            yield ("instancePools", index, *path), f"pool {shortened(_name(pool))}: {what}", remedy


def _pool_flaws(cluster: Cluster, pool: Mapping[str, Any]) -> Iterator[Issue]:
    if pool.get("type") in _WITHOUT_ROLE:
        yield ("type",), f"Tarmak has no role for the type {quoted(pool.get('type'))}", _types_to_use(cluster)
    least, most = pool.get("minCount") or 0, pool.get("maxCount") or 0
    if not least and not most:
        yield (), "minCount and maxCount are missing or 0", "set both, as in minCount: 3 and maxCount: 3"
    least, most = least or most, most or least  # Tarmak uses the given one for both
    if least > most:
        yield ("minCount",), f"minCount {least} is larger than maxCount {most}", "raise maxCount or lower minCount"
    if pool.get("type") in _STATEFUL and least != most:
        what = f"type {shortened(pool.get('type'))} cannot scale, but minCount is {least} and maxCount is {most}"
        yield ("maxCount",), what, "set both to the same number"
    names = [metadata_name(volume) for volume in pool.get("volumes") or ()]
    others = [index for index, name in enumerate(names) if name != "root"]
    if len(others) >= _MOST_VOLUMES and others[_MOST_VOLUMES - 1] + 1 < len(names):
        what = f"Tarmak has device names for {_MOST_VOLUMES} volumes in addition to the root volume"
        yield ("volumes", others[_MOST_VOLUMES - 1] + 1), f"{what}, and panics at the next", "remove volumes"
    if "root" not in names:
        yield ("volumes",), "no volume is named root", "add {metadata: {name: root}, size: 16Gi, type: ssd}"


def zero_count_issues(cluster: Cluster) -> Iterator[Issue]:
    """A count of 0 next to another count: Tarmak uses the other for both, so the pool does not scale."""
    for index, pool in enumerate(pools_of(cluster)):
        for key, other in (("minCount", "maxCount"), ("maxCount", "minCount")):
            if pool.get(key) == 0 and (pool.get(other) or 0) > 0:
                what = f"pool {shortened(_name(pool))}: {key} is 0, so Tarmak uses {other} {pool[other]} for both"
                scale = "" if pool.get("type") in _STATEFUL else ", or set it to 1 or more so that the pool scales"
                yield ("instancePools", index, key), what, f"remove {key}{scale}"


def hub_zone_issues(cluster: Cluster) -> list[Issue]:
    """Zones of a cluster in which the hub of its environment has no subnet."""
    hub = cluster.hub
    if cluster.type != "cluster-multi" or hub is None:
        return []
    zones = [value for _, value in values_at(hub.data, "instancePools.*.subnets.*.zone")]
    known, first = sorted({str(zone) for zone in zones if zone}), dict[str, tuple[str | int, ...]]()
    for path, zone in values_at(cluster.data, "instancePools.*.subnets.*.zone"):
        if zone and zone not in known:
            first.setdefault(zone, path)
    remedy = f"{'use ' + _listed(known, 'or') + ', or ' if known else ''}add a subnet of the hub there"
    return [(path, f"the hub has no subnet in zone {quoted(zone)}", remedy) for zone, path in first.items()]


def region_zone_issues(cluster: Cluster) -> Iterator[Issue]:
    """Subnets that are null, without a zone or outside the region of the cluster's environment."""
    location = str(cluster.environment_data().get("location") or "")
    region = location if is_region(location) else None
    # A zone of the region that was probably meant is correct once the location is fixed.
    regions = (region, *(region_suggestions(location) if region and not is_known_region(location) else ()))
    remedy = f"write a zone such as {region or 'eu-west-1'}a"
    for path, subnet in values_at(cluster.data, "instancePools.*.subnets.*"):
        zone = str((subnet or {}).get("zone") or "")
        if subnet is None:
            yield path, "the subnet is null, so Tarmak panics", "remove it"
        elif not zone:
            yield (*path, "zone"), "the subnet has no zone", remedy
        elif region and region_of_zone(zone) not in regions:
            plain = zone.strip().lower()
            write = f"write {plain}" if region_of_zone(plain) == region else remedy
            yield (*path, "zone"), f"{quoted(zone)} is not a zone of {shortened(region)}", write


def _name(pool: Mapping[str, Any]) -> str:
    """The name that Tarmak uses: the type if the pool has no name."""
    return metadata_name(pool) or str(pool.get("type") or "without a name")


def _listed(names: Sequence[str], word: str) -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


_LABEL_TEXT = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z"
_LABEL_KEY = rf"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?{_LABEL_TEXT}"
_TAINT_KEY = r"(?a)[a-zA-Z0-9][\w.-]*/?[\w.-]*[a-zA-Z0-9]\Z"
_TAINT_VALUE = r"(?a)([a-zA-Z0-9][\w.-]*[a-zA-Z0-9])?\Z"
# Tarmak's expression is anchored at one end of one alternative only.
_EFFECT = r"PreferNoSchedule|(?s:.*)NoSchedule|(?s:.*)NoExecute\Z"
_LONGEST_PREFIX = 253
"""Of a label's key, as in Kubernetes's qualified names."""

_LABEL_REMEDY = "use up to 63 letters, digits, '-', '_' and '.'"
_TAINT_REMEDY = "use two or more letters, digits, '-', '_' and '.'"
_LABEL_CHECKS = (
    ("labels", "key", _LABEL_KEY, "{} is not a valid label key", "write it as in team or example.com/team"),
    ("labels", "value", rf"({_LABEL_TEXT}|\Z)", "{} is not a valid label value", _LABEL_REMEDY),
    ("taints", "key", _TAINT_KEY, "{} is not a valid taint key", "write it as in dedicated or example.com/dedicated"),
    ("taints", "value", _TAINT_VALUE, "Tarmak rejects the taint value {}", _TAINT_REMEDY),
    ("taints", "effect", _EFFECT, "{} is not a taint effect", "write NoSchedule, PreferNoSchedule or NoExecute"),
)
"""The list, the key and form of its texts, what is wrong otherwise, and the remedy."""


def label_issues(cluster: Cluster) -> Iterator[Issue]:
    """The labels and taints of the pools."""
    for kind in ("labels", "taints"):
        for path, item in values_at(cluster.data, f"instancePools.*.{kind}.*"):
            if item is None:
                yield path, f"{kind} has a null item, so Tarmak panics", "remove it"
            for of, key, form, what, remedy in _LABEL_CHECKS if item is not None else ():
                text = str(item.get(key) or "")
                is_long = form == _LABEL_KEY and len(text.rpartition("/")[0]) > _LONGEST_PREFIX
                if of == kind and (is_long or not re.match(form, text)):
                    yield (*path, key), what.format(quoted(text)), remedy


_SIZES = ("tiny", "small", "medium", "large")
_INSTANCE_TYPE = r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z"
_VOLUME_TYPES = CHOICES["Volume.type"]
_WITH_IOPS = ("io1", "io2")
"""EBS creates such a volume only with a number of IOPS, which Tarmak's Terraform code does not set."""

_RESOURCE_NAME = r"[A-Za-z0-9_-]*\Z"
_GIBIBYTE = 1024**3


def pool_resource_issues(cluster: Cluster) -> Iterator[Issue]:
    """Issues of the pools that Tarmak itself does not reject, with paths below the cluster."""
    refused = {path[:2] for path, _, _ in (*pool_type_issues(cluster), *pool_issues(cluster))}
    names: set[tuple[bool, str]] = set()
    for index, pool in enumerate(pools_of(cluster)):
        base = ("instancePools", index)
        if base in refused or not pool.get("type"):
            continue
        name = _name(pool)
        for path, what, remedy in (*_resource_issues(pool, name), *_volume_issues(pool)):
            yield (*base, *path), f"pool {quoted(name)}: {what}", remedy
        resource = pool["type"] in _KUBERNETES, name
        if resource in names:
            what = f"a second pool is named {quoted(name)}, and Terraform rejects two resources with the same name"
            given = "" if metadata_name(pool) else " (without metadata.name, the type is the name)"
            yield (*base, "metadata", "name"), what + given, "set another metadata.name"
        names.add(resource)


def _resource_issues(pool: Mapping[str, Any], name: str) -> Iterator[Issue]:
    size = str(pool.get("size") or "")
    if size and size not in _SIZES and not re.match(_INSTANCE_TYPE, size):
        plain = size.strip().lower()
        remedy = "write tiny, small, medium, large or a type such as m5.xlarge"
        if not plain.endswith("xlarge"):  # one of EC2's sizes, and not a slip of Tarmak's large
            remedy = did_you_mean(size, _SIZES) or remedy
        remedy = f"write {plain}" if re.match(_INSTANCE_TYPE, plain) else remedy
        yield ("size",), f"{quoted(size)} is not an EC2 instance type", remedy
    for key in [key for key in ("minCount", "maxCount") if (pool.get(key) or 0) < 0][:1]:
        yield (key,), f"{key} is negative", "write 1 or more for both minCount and maxCount"
    if not re.match(_RESOURCE_NAME, name):
        what = f"{quoted(name)} cannot be part of the name of a Terraform resource"
        yield ("metadata", "name"), what, "use letters, digits, '-' and '_'"


def _volume_issues(pool: Mapping[str, Any]) -> Iterator[Issue]:
    names: set[str] = set()
    for index, item in enumerate(pool.get("volumes") or ()):
        volume, where = item or {}, ("volumes", index)
        name, kind, size = metadata_name(volume), str(volume.get("type") or ""), str(volume.get("size") or "")
        if kind and kind not in _VOLUME_TYPES:
            what = f"{quoted(kind)} is not an EBS volume type"
            remedy = did_you_mean(kind, _VOLUME_TYPES) or "write ssd, or an EBS volume type such as gp2"
            if kind == "hdd":
                what, remedy = "Tarmak translates the volume type hdd to st2, which EBS does not have", "write ssd"
            elif kind in _WITH_IOPS:
                what = f"a volume of type {kind} requires a number of IOPS, which Tarmak does not set"
                remedy = "write ssd"
            yield (*where, "type"), what, remedy
        number = quantity_size(size) if size.strip("+-") else _GIBIBYTE
        if number < _GIBIBYTE or size.startswith("-"):  # Tarmak uses whole GiB, rounded down
            gibibytes = int(number) if number == int(number) and 1 <= number <= 16384 and size[0] != "-" else 0
            remedy = f"did you mean {gibibytes}Gi?" if gibibytes else "write 1Gi or more"
            yield (*where, "size"), f"Tarmak reads the volume size {quoted(size)} as 0 GiB", remedy
        if not re.match(_RESOURCE_NAME, name):
            what = f"the volume name {quoted(name)} cannot be part of the name of a Terraform resource"
            yield (*where, "metadata", "name"), what, "use letters, digits, '-' and '_'"
        if name in names:
            what = f"a second volume is named {quoted(name)}" if name else "a second volume has no name"
            yield (*where, "metadata", "name"), what, "set a different metadata.name for each volume"
        names.add(name)
