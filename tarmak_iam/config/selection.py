"""Which cluster a name selects, and `currentCluster`; and what to write where it selects none.

Source: CurrentCluster in pkg/tarmak/config/config.go, which splits the string at its dashes and requires exactly two
parts.
"""

from __future__ import annotations

from tarmak_iam.config.cluster import Cluster, ReadFile
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.text import choose_among, quoted, shortened

_FORM = "<environment>-<name>"


def cluster_named(file: ReadFile, cluster_name: str) -> Cluster:
    """The first cluster with that `<environment>-<name>`. Raises SelectionError."""
    if not isinstance(cluster_name, str):
        raise TypeError(f"the name of a cluster must be a string, not {cluster_name!r}")
    for cluster in file.clusters:
        if cluster.cluster_name == cluster_name:
            return cluster
    names = [cluster.cluster_name for cluster in file.selectable_clusters]
    remedy = choose_among(cluster_name, names) or "the file has no clusters"
    raise SelectionError(f"unknown cluster {quoted(cluster_name)}", remedy=remedy, place=Place(file.document.filename))


def selected_cluster(file: ReadFile) -> Cluster | None:
    """The cluster that `currentCluster` selects, as Tarmak selects it: exactly one dash, the first match."""
    parts = (file.data.get("currentCluster") or "").split("-")
    return next((cluster for cluster in file.clusters if [cluster.environment, cluster.name] == parts), None)


def current_cluster(file: ReadFile) -> Cluster:
    """As `selected_cluster`. Raises SelectionError if there is none."""
    selected = selected_cluster(file)
    if selected is not None:
        return selected
    current = file.data.get("currentCluster") or ""
    what = f"currentCluster is {quoted(current)}, but this cluster does not exist"
    if current.count("-") != 1:
        what = f"currentCluster {quoted(current)} must have exactly one dash (<environment>-<name>)"
    place = file.document.position(("currentCluster",))
    raise SelectionError(what if current else "currentCluster is empty", remedy=_remedy(file, current), place=place)


def _remedy(file: ReadFile, current: str) -> str:
    """How to make `currentCluster` select a cluster."""
    named = file.selectable_clusters
    unlisted = [cluster for cluster in named if "environments" in file.data and not cluster.environment_data()]
    environment = current.partition("-")[0]
    for cluster in unlisted:
        if current == f"{environment}-{cluster.name}" and file.environment(environment):
            line = file.document.position((*cluster.route.plain, "environment")).line
            return f"write environment: {shortened(environment)} in line {line}"
    dashed = [cluster for cluster in named if "-" in cluster.environment + cluster.name]
    listed = [cluster for cluster in named if cluster not in dashed and cluster not in unlisted]
    if not current:  # any cluster will do, so one with an API server is offered
        listed = [cluster for cluster in listed if not cluster.is_hub] or listed
    names = [cluster.cluster_name for cluster in listed]
    meant = next((cluster for cluster in dashed if current in (cluster.cluster_name, cluster.name)), None)
    if meant is None and names:
        # A text without a dash cannot be the name of a cluster, so nothing is suggested for it.
        return choose_among(current if current.count("-") == 1 else "", names)
    if dashed:
        renamed = meant or dashed[0]
        parts = " and ".join(quoted(part) for part in (renamed.environment, renamed.name) if "-" in part)
        other = f"; or choose one of {', '.join(map(shortened, names))}" if names else ""
        return f"rename {parts} without a dash, and write {_FORM} here{other}"
    if file.clusters:
        return f"set environment and metadata.name of a cluster, and write {_FORM} here"
    return "the file has no clusters: add one" + (", or remove currentCluster" if current else "")
