"""Changes of a cluster's objects, as text and JSON, and the options that say how long to wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.console import print_line
from tarmak_iam.hook.cluster.changes import Change
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.stale_pods import StalePod

__all__ = ["change_json", "print_changes", "stale_pod_json", "timeout_option", "wait_option"]

wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until the DaemonSet runs on every master, then restart pods with another configuration one by one.",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=ROLLOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for each of the two.",
)


def change_json(change: Change) -> dict[str, str]:
    return {
        "action": str(change.action),
        "kind": change.kind,
        "namespace": change.namespace,
        "name": change.name,
    }


def stale_pod_json(each: StalePod) -> dict[str, str]:
    return {
        "namespace": each.pod.ref.namespace,
        "name": each.pod.ref.name,
        "node": each.pod.node,
        "reason": each.reason,
    }


def print_changes(changes: Iterable[Change]) -> None:
    for change in changes:
        print_line(change.text)
