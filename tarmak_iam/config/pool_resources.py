"""What Tarmak passes on of an instance pool, and Terraform or AWS refuses.

Sources: InstanceType and VolumeType in pkg/tarmak/provider/amazon/amazon.go, Size in
pkg/tarmak/instance_pool/volume.go, the names of resources in terraform/amazon/templates/instance_pools, Terraform
0.11's own rules for names, and Amazon EBS's volume types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.effective import Issue
from tarmak_iam.config.instance_pools import pool_issues, pool_type_issues, pools_of
from tarmak_iam.near import did_you_mean
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster

__all__ = ["pool_resource_issues"]

_SIZES = ("tiny", "small", "medium", "large")
_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z", re.ASCII)
_VOLUME_TYPES = ("ssd", "gp2", "gp3", "st1", "sc1", "standard")
_WITH_IOPS = ("io1", "io2")
"""EBS makes such a volume only with a number of IOPS, which Tarmak's Terraform code does not set."""
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)
_OF_KUBERNETES = ("master", "worker", "etcd", "master-etcd")
"""The types whose resources begin with `kubernetes_`; those of the others have the pool's name alone."""

_QUANTITY = re.compile(r"(?P<number>[+-]?[0-9]*\.?[0-9]*)(?P<suffix>[EPTGMk]i?|Ki|[num]|[eE][+-]?[0-9]+)?\Z", re.ASCII)
_EXPONENTS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_GIBIBYTE = 1024**3


def pool_resource_issues(cluster: Cluster) -> Iterator[Issue]:
    """Of the pools that Tarmak itself does not refuse, with paths below the cluster."""
    refused = {path[:2] for path, _, _ in (*pool_type_issues(cluster), *pool_issues(cluster))}
    names: set[tuple[bool, str]] = set()
    for index, pool in enumerate(pools_of(cluster)):
        base = ("instancePools", index)
        if base in refused or not pool.get("type"):
            continue
        kind = str(pool["type"])
        name = str((pool.get("metadata") or {}).get("name") or kind)
        for path, what, remedy in (*_size(pool), *_counts(pool), *_name(name), *_volumes(pool)):
            yield (*base, *path), f"pool {quoted(name)}: {what}", remedy
        if (kind in _OF_KUBERNETES, name) in names:
            what = f"a second pool is named {quoted(name)}, and Terraform refuses two resources of one name"
            given = "" if (pool.get("metadata") or {}).get("name") else " (without metadata.name it is the type)"
            yield (*base, "metadata", "name"), what + given, "give it a metadata.name of its own"
        names.add((kind in _OF_KUBERNETES, name))


def _size(pool: Mapping[str, Any]) -> Iterator[Issue]:
    size = str(pool.get("size") or "")
    if not size or size in _SIZES or _INSTANCE_TYPE.match(size):
        return
    plain = size.strip().lower()
    remedy = did_you_mean(size, _SIZES) or "write tiny, small, medium, large or a type such as m5.large"
    if _INSTANCE_TYPE.match(plain):
        remedy = f"write {plain}"
    yield ("size",), f"{quoted(size)} is not an instance type of EC2", remedy


def _counts(pool: Mapping[str, Any]) -> Iterator[Issue]:
    for key in ("minCount", "maxCount"):
        if (pool.get(key) or 0) < 0:
            yield (key,), f"{key} is negative", "write 1 or more for both minCount and maxCount"
            return


def _name(name: str) -> Iterator[Issue]:
    if not _NAME.match(name):
        remedy = "use letters, digits, '-' and '_'"
        yield ("metadata", "name"), f"{quoted(name)} cannot be in the name of a Terraform resource", remedy


def _volumes(pool: Mapping[str, Any]) -> Iterator[Issue]:
    names: set[str] = set()
    for index, item in enumerate(pool.get("volumes") or ()):
        volume = item or {}
        name = str((volume.get("metadata") or {}).get("name") or "")
        where = ("volumes", index)
        for path, what, remedy in (*_volume_type(volume), *_volume_size(volume)):
            yield (*where, *path), what, remedy
        if name and not _NAME.match(name):
            what = f"the volume name {quoted(name)} cannot be in the name of a Terraform resource"
            yield (*where, "metadata", "name"), what, "use letters, digits, '-' and '_'"
        if name in names:
            what = f"a second volume is named {quoted(name)}" if name else "a second volume has no name"
            yield (*where, "metadata", "name"), what, "give each volume a metadata.name of its own"
        names.add(name)


def _volume_type(volume: Mapping[str, Any]) -> Iterator[Issue]:
    kind = str(volume.get("type") or "")
    if not kind or kind in _VOLUME_TYPES:
        return
    what = f"{quoted(kind)} is not a volume type of EBS"
    remedy = did_you_mean(kind, _VOLUME_TYPES) or "write ssd, or a type of EBS such as gp2"
    if kind == "hdd":
        what, remedy = "Tarmak makes st2 of the volume type hdd, which EBS does not have", "write ssd"
    elif kind in _WITH_IOPS:
        what, remedy = f"a volume of type {kind} needs a number of IOPS, which Tarmak does not set", "write ssd"
    yield ("type",), what, remedy


def _volume_size(volume: Mapping[str, Any]) -> Iterator[Issue]:
    """Tarmak takes whole GiB; what is left over is cut off."""
    size = volume.get("size")
    number = None if size is None else _bytes(str(size))
    if number is None or number >= _GIBIBYTE:
        return
    gibibytes = int(number) if number == int(number) and 1 <= number <= 16384 else 0
    remedy = f"did you mean {gibibytes}Gi?" if gibibytes else "write 1Gi or more"
    yield ("size",), f"a volume of size {quoted(size)} has 0 GiB for Tarmak", remedy


def _bytes(text: str) -> Decimal | None:
    match = _QUANTITY.match(text)
    if match is None or not match["number"].strip("+-."):
        return None
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if suffix.endswith("i"):
        return number * Decimal(1024 ** ("KMGTPE".index(suffix[0]) + 1))
    exponent = int(suffix[1:]) if suffix[:1] in ("e", "E") and suffix[1:] else _EXPONENTS[suffix]
    return number.scaleb(exponent) if abs(exponent) < 100 else None
