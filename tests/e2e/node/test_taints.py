"""What a master can be tainted with, on the real scheduler: the pod comes up, or the one that runs is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.e2e.conftest import ADMIN, DEPLOYER
from tests.e2e.node.conftest import APPLY
from tests.e2e.node.masters import ALL_RUN, Masters

Condition = Callable[[Masters], AbstractContextManager[None]]


@contextmanager
def commands(masters: Masters, on: str, off: str) -> Iterator[None]:
    masters.kubectl(*on.split())
    try:
        yield
    finally:
        masters.kubectl(*off.split())


def tainting(taint: str) -> Condition:
    key = taint.partition("=")[0]
    return lambda masters: commands(masters, f"taint node m1 {taint}", f"taint node m1 {key}-")


def not_ready(masters: Masters) -> AbstractContextManager[None]:
    """As a new master is before there is a pod network."""
    return masters.first.without_pod_network()


def pressure(masters: Masters) -> AbstractContextManager[None]:
    """Of every kind: the kubelet also ends pods then, but no critical ones."""
    return masters.first.short_of("nodefs.available", "memory.available", "pid.available")


def network_unavailable(masters: Masters) -> AbstractContextManager[None]:
    """The condition that a cloud provider sets until there are routes; the taint is the controller's."""
    condition = {"type": "NetworkUnavailable", "reason": "NoRouteCreated", "message": "no-routes"}
    patches = (json.dumps({"status": {"conditions": [{**condition, "status": is_so}]}}) for is_so in ("True", "False"))
    return commands(masters, *(f"patch node m1 --subresource=status -p {patch.replace(' ', '')}" for patch in patches))


def cordoned(masters: Masters) -> AbstractContextManager[None]:
    return commands(masters, "cordon m1", "uncordon m1")


uninitialized = tainting("node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule")
"""As the kubelet registers with `--cloud-provider=external`, until a cloud provider takes note of the node."""
under_maintenance = tainting("example.org/maintenance=true:NoExecute")
"""An administrator's own taint, which ends pods."""
_NODE = "node.kubernetes.io"
NOT_READY = f"{_NODE}/not-ready:NoSchedule"
CONDITIONS: dict[Condition, tuple[str, ...]] = {
    not_ready: (NOT_READY,),
    uninitialized: ("node.cloudprovider.kubernetes.io/uninitialized:NoSchedule",),
    under_maintenance: ("example.org/maintenance:NoExecute",),
    network_unavailable: (f"{_NODE}/network-unavailable:NoSchedule",),
    cordoned: (f"{_NODE}/unschedulable:NoSchedule",),
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


@pytest.mark.parametrize(
    "condition",
    [
        under_maintenance,
        *(
            pytest.param(each, marks=pytest.mark.thorough)
            for each in (not_ready, pressure, uninitialized, network_unavailable, cordoned)
        ),
    ],
)
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
