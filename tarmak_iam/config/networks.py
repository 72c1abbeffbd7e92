"""The address ranges of a cluster: its VPC's, its pods' and its services'.

Sources: terraform/amazon/modules/network/subnets.tf, which divides the VPC's range; kubernetesClusterConfig in
pkg/puppet/puppet.go and puppet/modules/tarmak/manifests/init.pp for those of pods and services; the limits of Amazon
VPC, where a VPC and a subnet have masks from /16 to /28; and cmd/kube-apiserver/app/options/validation.go of
Kubernetes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tarmak_iam.config.effective import Issue, is_cidr
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster

__all__ = ["cluster_cidr_issues", "range_issues"]

_EXISTING_VPC = "tarmak.io/existing-vpc-id"
_VPC_MASKS = (16, 22)
"""Public subnets have six bits more, and end at /28."""
_SERVICE_MASKS = (12, 28)
"""The API server takes up to 20 bits; Tarmak's cluster DNS has the address that ends in .10."""
_VPC, _PODS, _SERVICES = "10.99.0.0/16", "100.64.0.0/16", "10.254.0.0/16"
"""Tarmak's defaults."""
_NUMBER = re.compile(r"[0-9]+\Z", re.ASCII)


def cluster_cidr_issues(cluster: Cluster) -> Iterator[Issue]:
    """A podCIDR or serviceCIDR that is no CIDR, with what comes of it: nothing in Tarmak checks them."""
    for key, cidr in _kubernetes_ranges(cluster):
        if is_cidr(cidr):
            continue
        mask = cidr.split("/")[1] if "/" in cidr else ""
        what = f"{key} {quoted(cidr)} {'is not a CIDR' if mask else 'has no mask'}"
        if key == "podCIDR":
            comes, example = "pods get no network", _PODS
            if not _NUMBER.match(mask):  # Puppet makes an Integer of it
                comes = "Puppet fails on every etcd node, master and worker"
        else:
            comes, example = "the API server does not start", _SERVICES
            if cidr.count("/") != 1:  # Tarmak passes it on only in two parts
                comes = f"Tarmak ignores it, and services get {_SERVICES}"
        yield ("kubernetes", key), f"{what}; {comes}", f"write an IPv4 address with its mask, as in {example}"


def range_issues(cluster: Cluster) -> Iterator[Issue]:
    """CIDRs that are not of IPv4, or too large or too small, with what comes of it."""
    for key, cidr in _kubernetes_ranges(cluster):
        example = _PODS if key == "podCIDR" else _SERVICES
        comes = "pods get no network" if key == "podCIDR" else "the API server or the cluster's DNS does not work"
        masks = (0, 32) if key == "podCIDR" else _SERVICE_MASKS
        for what, remedy in _flaws(cidr, masks, example):
            yield ("kubernetes", key), f"{key} {what}; {comes}", remedy
    network = cluster.data.get("network") or {}
    annotations = (network.get("metadata") or {}).get("annotations") or {}
    # Only a hub, or a cluster that is alone in its environment, makes a VPC.
    if cluster.type != "cluster-multi" and _EXISTING_VPC not in annotations:
        for what, remedy in _flaws(str(network.get("cidr") or ""), _VPC_MASKS, _VPC):
            comes = "tarmak clusters apply fails: AWS makes no such VPC, or no public subnets in it"
            yield ("network", "cidr"), f"the network {what}; {comes}", remedy


def _kubernetes_ranges(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """A hub has no Kubernetes."""
    kubernetes = {} if cluster.is_hub else cluster.data.get("kubernetes") or {}
    for key in ("podCIDR", "serviceCIDR"):
        if kubernetes.get(key):
            yield key, str(kubernetes[key])


def _flaws(cidr: str, masks: tuple[int, int], example: str) -> Iterator[tuple[str, str]]:
    if not is_cidr(cidr):
        return  # which is another finding
    address, _, mask = cidr.partition("/")
    widest, narrowest = masks
    if not isinstance(ipaddress.ip_address(address), ipaddress.IPv4Address):
        yield f"{quoted(cidr)} is not an IPv4 range", f"write one, as in {example}"
    elif not widest <= int(mask) <= narrowest:
        size = "large" if int(mask) < widest else "small"
        yield f"{quoted(cidr)} is too {size}", f"write a mask from /{widest} to /{narrowest}, as in {example}"
