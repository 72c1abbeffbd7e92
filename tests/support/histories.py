"""Applies and rollbacks that are killed at any call, and what the history says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import read_history
from tarmak_iam.hook.cluster.kubectl import is_write
from tests.support.applied import NAME, READERS, made
from tests.support.fake_cluster import Cluster
from tests.support.installations import MAPPINGS

NOW = datetime(2026, 3, 2, 10, 0, 0, tzinfo=timezone.utc)
WRITERS = READERS.replace("eader", "riter")
CONFIG = f"ConfigMap kube-system/{NAME}"
DAEMON = f"DaemonSet kube-system/{NAME}"


class Killed(BaseException):
    """As by SIGKILL: nobody is told, and nothing is written any more."""


def after_applies(state: Path, *more: str) -> Cluster:
    """A cluster to which the mappings were applied, each time with more."""
    cluster = Cluster()
    for added in more:
        apply_to_cluster(made(MAPPINGS + added), cluster.kubectl(), state)
    return cluster


def config(cluster: Cluster) -> str | None:
    """The mappings by their suffix: what was added to the first ones."""
    found = cluster.get("ConfigMap", NAME)
    return None if found is None else found["data"]["config.yaml"].removeprefix(MAPPINGS)


def statuses(state: Path) -> list[str]:
    return [f"{each.number} {each.status}" for each in read_history(state).revisions]


def killed_at(cluster: Cluster, number: int, run: Callable[[], object]) -> bool:
    """Whether it was killed at that call, from 0, or came to its end before. What counts are writes, and the call after
    one: between others, nothing changes."""
    left, was_write = iter(range(number)), False

    def is_there(args: tuple[str, ...]) -> bool:
        nonlocal was_write
        is_after_write, was_write = was_write, is_write(args)
        return (was_write or is_after_write) and next(left, None) is None

    return _killed_where(cluster, is_there, run)


def killed_at_verb(cluster: Cluster, verb: tuple[str, ...], run: Callable[[], object]) -> bool:
    return _killed_where(cluster, lambda args: args[: len(verb)] == verb, run)


def _killed_where(cluster: Cluster, is_there: Callable[[tuple[str, ...]], bool], run: Callable[[], object]) -> bool:
    cluster.fault = lambda args: killing() if is_there(args) else None
    try:
        run()
    except Killed:
        return True
    finally:
        cluster.fault = lambda _: None
    return False


def kills(cluster_of: Callable[[], Cluster], run: Callable[[Cluster], object]) -> Iterator[Cluster]:
    """A cluster for each call at which a run can be killed, after that."""
    number = 0
    while killed_at(cluster := cluster_of(), number, lambda: run(cluster)):
        yield cluster
        number += 1
    assert number > 2


def put_data(cluster: Cluster, **data: str) -> None:
    live = cluster.get("ConfigMap", NAME)
    assert live is not None
    cluster.add({**live, "data": {**live["data"], **data}}, "kubectl-edit")


def killing(*_: object) -> None:
    raise Killed
