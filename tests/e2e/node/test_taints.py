"""What a master can be tainted with, on the real scheduler: the pod comes up, or the one that runs is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.e2e.conftest import ADMIN, DEPLOYER, with_first
from tests.e2e.node.conftest import APPLY
from tests.e2e.node.masters import ALL_RUN, Masters

Condition = Callable[[Masters], AbstractContextManager[None]]


@contextmanager
def under_maintenance(masters: Masters) -> Iterator[None]:
    """An administrator's own taint, which ends pods."""
    masters.kubectl("taint", "node", "m1", "example.org/maintenance=true:NoExecute")
    try:
        yield
    finally:
        masters.kubectl("taint", "node", "m1", "example.org/maintenance-")


def not_ready(masters: Masters) -> AbstractContextManager[None]:
    """As a new master is before there is a pod network."""
    return masters.first.without_pod_network()


def pressure(masters: Masters) -> AbstractContextManager[None]:
    """Of every kind: the kubelet also ends pods then, but no critical ones."""
    return masters.first.short_of("nodefs.available", "memory.available", "pid.available")


_NODE = "node.kubernetes.io"
NOT_READY = f"{_NODE}/not-ready:NoSchedule"
CONDITIONS: dict[Condition, tuple[str, ...]] = {
    under_maintenance: ("example.org/maintenance:NoExecute",),
    not_ready: (NOT_READY,),
    pressure: tuple(f"{_NODE}/{kind}-pressure:NoSchedule" for kind in ("disk", "memory", "pid")),
}


@contextmanager
def tainted(masters: Masters, condition: AbstractContextManager[None], *taints: str) -> Iterator[None]:
    try:
        with condition:
            masters.wait_for_taints(*taints)
            yield
    finally:
        masters.wait_for_taints()


@pytest.mark.parametrize("condition", with_first(1, CONDITIONS))
def test_a_first_apply_and_an_update(masters: Masters, condition: Condition) -> None:
    with tainted(masters, condition(masters), *CONDITIONS[condition]):
        assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600").err
        assert masters.stage.eventually("admin").username == "admin:ann-example.com"
        masters.stage.home.map(ADMIN + DEPLOYER)
        assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600").err
        assert masters.stage.eventually("admin").username == "admin:ann-example.com"
        assert masters.stage.login("path").username == "deployer"


def test_an_update_of_a_master_that_is_not_ready_any_more(masters: Masters) -> None:
    masters.stage.live(*APPLY, "--timeout=600")
    with tainted(masters, not_ready(masters), NOT_READY):
        masters.stage.home.map(ADMIN + DEPLOYER)
        assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600").err
        assert masters.stage.eventually("admin").username == "admin:ann-example.com"
