"""apply and rollback, killed at every moment: what is true then, and what the next command makes of it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarmak_iam.errors import PolicyRefused, SelectionError
from tarmak_iam.hook.cluster.history import Status
from tarmak_iam.hook.cluster.lease import LeaseHeld
from tests.support.applied import NAME
from tests.support.kill_cases import CHANGES, SERVERS, Case, case_of, world_in
from tests.support.kill_points import Killed, World, kills, steady

MOST = {SERVERS[-1]: 4}
"""How many states on an API server: what differs there is how objects are written, not when."""


def edit_configuration(world: World) -> Callable[[], bool] | None:
    found = world.cluster.get("ConfigMap", NAME)
    if found is None:
        return None
    text = found["data"]["config.yaml"] + "# theirs\n"
    world.cluster.add({**found, "data": {**found["data"], "config.yaml": text}}, "kubectl-edit")
    return lambda: bool((world.cluster.get("ConfigMap", NAME) or {})["data"]["config.yaml"] == text)


def add_data(world: World) -> Callable[[], bool] | None:
    found = world.cluster.get("ConfigMap", NAME)
    if found is None:
        return None
    world.cluster.add({**found, "data": {**found["data"], "theirs": "x"}}, "kubectl-edit")
    return lambda: bool((world.cluster.get("ConfigMap", NAME) or {})["data"]["theirs"] == "x")


def edit_image(world: World) -> Callable[[], bool] | None:
    found = copy.deepcopy(world.cluster.get("DaemonSet", NAME))
    if found is None:
        return None
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/theirs:v0.7.9"
    world.cluster.add(found, "kubectl-edit")
    return lambda: "theirs" in str((world.cluster.get("DaemonSet", NAME) or {})["spec"]["template"])


@pytest.fixture(autouse=True)
def _steady() -> Iterator[None]:
    with steady():
        yield


@pytest.fixture
def world(tmp_path: Path, server: str) -> World:
    (tmp_path / "elsewhere").mkdir()
    return world_in(tmp_path / "config", server)


def check_admins(case: Case, killed: Killed) -> None:
    world = killed.restored()
    for _ in range(world.cluster.masters + 1):
        logins = world.cluster.logins()
        assert all(case.admins <= each for each in logins.values())
        assert logins.keys() >= case.before.logins.keys()
        world.cluster.roll()


def check_diff(case: Case, killed: Killed) -> None:
    """It finds a difference where there is one, and none where there is none; later on, too."""
    world = killed.restored()
    for _ in range(2):
        before = world.fingerprint
        assert world.diff(case.wanted).changed == (world.seen != case.after)
        assert world.fingerprint == before
        world.cluster.settle()


def check_apply(case: Case, killed: Killed) -> None:
    """It ends with everything as it is wanted, and one rollback after it goes back to what was before the first one."""
    world = killed.restored()
    case.apply(world)
    assert world.seen == case.after
    assert not world.diff(case.wanted).changed
    assert {each.status for each in world.history.revisions} == {Status.APPLIED}
    assert len(world.statuses) == case.numbers + 1
    world.rollback()
    assert world.seen == case.before
    assert world.statuses[-1] == f"{case.numbers + 1} undone"


def check_rollback(case: Case, killed: Killed) -> None:
    world = killed.restored()
    if len(world.statuses) == case.numbers:  # nothing of it is in the history, nor in the cluster
        assert world.seen == case.before
        check_rollback_of_the_one_before(case, world)
        return
    world.rollback()
    assert world.seen == case.before
    assert world.rollback().undone == ()
    assert world.seen == case.before


def check_rollback_of_the_one_before(case: Case, world: World) -> None:
    """As the page says: the killed one is not in the history."""
    if not case.numbers:
        with pytest.raises(SelectionError, match="nothing was applied from this directory"):
            world.rollback()
        assert world.seen == case.before
    elif case.is_forced:  # over somebody else's change
        with pytest.raises(PolicyRefused):
            world.rollback()
        assert world.seen == case.before
    else:
        assert world.rollback().undone == (case.numbers,)


def check_strangers(case: Case, killed: Killed, number: int) -> None:
    """Whoever changes something afterwards finds it again after a rollback, and after an apply. Each state has one of
    three changes, the next one another."""
    edit = (edit_configuration, edit_image, add_data)[number % 3]
    for run in (World.rollback, lambda world: world.apply(case.wanted)):
        world = killed.restored()
        theirs = edit(world)
        if theirs is None:
            continue
        is_refused = False
        try:
            run(world)
        except PolicyRefused:
            is_refused = True
        except SelectionError:
            assert not world.statuses
        assert theirs(), (edit.__name__, is_refused)


def check_lease(case: Case, killed: Killed, elsewhere: Path) -> None:
    """From another directory it is in the way for a minute, and says so."""
    world = killed.restored()
    lease = world.cluster.lease
    if lease is None:
        return
    other = World(elsewhere, world.cluster)
    with pytest.raises(LeaseHeld) as refused:
        other.apply(case.wanted, force=True)
    assert "the lease of a killed run expires 60 seconds after its last renewal" in refused.value.message
    lease["spec"]["renewTime"] = "2026-03-02T10:00:00.000000Z"
    other.said.clear()
    with contextlib.suppress(PolicyRefused):
        other.apply(case.wanted)
    assert other.said[1].startswith("taking over the lease of ")
    assert other.cluster.lease is None


@pytest.mark.sample(1)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", CHANGES)
def test_apply(world: World, server: str, name: str, tmp_path: Path) -> None:
    case, start = case_of(world, CHANGES[name])
    for number, killed in enumerate(kills(start, case.apply, tmp_path / "dump", MOST.get(server))):
        for check in (check_admins, check_diff, check_apply, check_rollback):
            check(case, killed)
        check_strangers(case, killed, number)
        check_lease(case, killed, tmp_path / "elsewhere")


def check_rollback_again(case: Case, killed: Killed) -> None:
    """It finishes what the killed one began; where that had not begun, it is the first."""
    world = killed.restored()
    world.rollback()
    assert world.seen == case.before
    assert world.statuses[-1] == f"{case.numbers + 1} undone"
    assert world.rollback().undone == ()


def check_apply_after_rollback(case: Case, killed: Killed) -> None:
    """It brings back what was rolled back, and one rollback after it goes where the killed one was to go."""
    world = killed.restored()
    case.apply(world)
    assert world.seen == case.after
    world.rollback()
    assert world.seen == case.before


@pytest.mark.sample(1)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", CHANGES)
def test_rollback(world: World, server: str, name: str, tmp_path: Path) -> None:
    case, _ = case_of(world, CHANGES[name])
    world.cluster.clock += 86400
    start = world.saved()
    for number, killed in enumerate(kills(start, World.rollback, tmp_path / "dump", MOST.get(server))):
        for check in (check_admins, check_diff, check_rollback_again):
            check(case, killed)
        check_strangers(case, killed, number)
        check_apply_after_rollback(case, killed)
        check_lease(case, killed, tmp_path / "elsewhere")
