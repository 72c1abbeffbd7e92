"""Kubernetes versions that Tarmak accepts, but that its Puppet cannot install."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tarmak_iam.config.cluster import Cluster, Issue, api_server_issues
from tarmak_iam.config.instance_pools import pools_of
from tarmak_iam.config.kubernetes_versions import FIRST_WITHOUT_HYPERKUBE, is_release, parse_version
from tarmak_iam.text import quoted, shortened


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
        skipped = [f"{major}.{each}" for each in dict.fromkeys((minor + 1, new_minor - 1))]
        joined = (" and " if new_minor == minor + 3 else " to ").join(skipped)
        return f"{change} skips {joined}; Kubernetes supports upgrades by one minor version at a time"
    return ""


def _versions(cluster: Cluster) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The Kubernetes versions of a cluster and its pools, with their paths below the cluster."""
    places: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [((), cluster.data)]
    places += [(("instancePools", index), pool) for index, pool in enumerate(pools_of(cluster))]
    for path, item in places:
        version = (item.get("kubernetes") or {}).get("version")
        if version:
            yield (*path, "kubernetes", "version"), version


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
