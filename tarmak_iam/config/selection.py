"""What to do where `currentCluster` selects no cluster: only what Tarmak can select is offered.

Source: CurrentCluster in pkg/tarmak/config/config.go, which splits the text at its dashes and takes exactly two parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.config.cluster import named as find_named
from tarmak_iam.config.repair import misspelt_key_of_selection
from tarmak_iam.near import did_you_mean
from tarmak_iam.text import quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster
    from tarmak_iam.config.config import TarmakConfig

__all__ = ["selection_remedy"]

_FORM = "<environment>-<name>"


def selection_remedy(config: TarmakConfig, current: str) -> str:
    """What makes `currentCluster` select a cluster."""
    misspelt = misspelt_key_of_selection(config)
    if misspelt is not None:
        key, name = misspelt
        line = config.document.position(key.route, at_key=True).line
        if key.name == name:
            return f"move {quoted(name)} in line {line} where Tarmak reads it [IAM031]"
        return f"did you mean {name} instead of {quoted(key.name)} in line {line}?"
    named = config.selectable_clusters
    unlisted = [each for each in named if "environments" in config.data and not each.environment_data()]
    for each in unlisted:
        environment = current.partition("-")[0]
        if current == f"{environment}-{each.name}" and find_named(config.data.get("environments"), environment):
            line = config.document.position((*each.route.plain, "environment")).line
            return f"write environment: {shortened(environment)} in line {line}"
    names = [each.cluster_name for each in named if not _own_dashes(each) and each not in unlisted]
    dashed = [each for each in named if _own_dashes(each)]
    wanted = next((each for each in dashed if current in (each.cluster_name, each.name)), None)
    if wanted is None and names:
        # One without a dash is no cluster's name, so it is like none.
        return did_you_mean(current if current.count("-") == 1 else "", names, "choose one of")
    if dashed:
        renamed = _rename(wanted or dashed[0])
        return f"{renamed}; or choose one of {', '.join(map(shortened, names))}" if names else renamed
    if config.clusters:
        return f"give a cluster an environment and a metadata.name, and write {_FORM} here"
    return "the file has no clusters: add one" + (", or remove currentCluster" if current else "")


def _own_dashes(cluster: Cluster) -> list[str]:
    return [each for each in (cluster.environment, cluster.name) if "-" in each]


def _rename(cluster: Cluster) -> str:
    names = " and ".join(map(quoted, _own_dashes(cluster)))
    return f"rename {names} without a dash, and write {_FORM} here"
