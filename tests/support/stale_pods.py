"""Pods of a cluster in memory that run another configuration than its objects say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tarmak_iam.hook.cluster.pods import check_pods
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tarmak_iam.installation.installation import Installation
from tests.support.applied import NAME, made
from tests.support.fake_cluster import Cluster
from tests.support.histories import put_data
from tests.support.installations import MAPPINGS

BEFORE = f"it started before the last change of ConfigMap kube-system/{NAME}, at "
EVIL = """\
  - roleARN: arn:aws:iam::111122223333:role/Evil
    username: evil
    groups: [system:masters]
"""


def of_1_12() -> Installation:
    return made(kubernetesVersion="1.12.9")


def of_1_15(mappings: str = MAPPINGS, **overrides: Any) -> Installation:
    return made(mappings, kubernetesVersion="1.15.12", **overrides)


def edited_back(cluster: Cluster) -> None:
    """By hand, to the mappings of these tests; no pod is restarted."""
    put_data(cluster, **{"config.yaml": MAPPINGS})


def edited(cluster: Cluster, text: str = MAPPINGS + EVIL) -> None:
    """By hand, and taken in by every pod."""
    put_data(cluster, **{"config.yaml": text})
    restarted(cluster)


def restarted(cluster: Cluster) -> None:
    """As with `kubectl delete pods` of all of them; days go by."""
    cluster.clock += 86400
    for name in list(cluster.daemons.pods):
        cluster.replace_pod(name)
    cluster.clock += 86400


def stale(cluster: Cluster) -> list[str]:
    return [re.sub(r" at 2026-.*", " at TIME", each.text) for each in check_pods(server(cluster)).stale]


def server(cluster: Cluster) -> Server:
    return Server.of(cluster.kubectl())


def deleted(cluster: Cluster) -> list[str]:
    return [call[2] for call in cluster.calls if call[:2] == ("delete", "pod")]


def names(cluster: Cluster) -> list[str]:
    return sorted(cluster.daemons.pods)


def without_deleting(answer: Completed | None) -> Callable[[tuple[str, ...]], Any]:
    """Where a pod would be deleted, apply is killed, or the API server refuses."""

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[:2] != ("delete", "pod"):
            return None
        if answer is None:
            raise KeyboardInterrupt
        return answer

    return fault
