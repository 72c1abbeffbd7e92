"""Runs that are killed at any moment, and API servers that are away at any moment."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarmak_iam.cli import run_hooks
from tarmak_iam.errors import PolicyRefused, SelectionError
from tarmak_iam.hook.cluster.history import Status
from tarmak_iam.hook.cluster.lease import LeaseHeld
from tests.hook.conftest import Bench
from tests.support.applied import NAME
from tests.support.kill_cases import CHANGES, SERVERS, Case, case_of, world_in
from tests.support.kill_points import Killed, World, kills, steady
from tests.support.privileges import modes_hold

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


APPLY = ("run", "--", "tarmak", "clusters", "apply")
DONE = "tarmak has finished, but nothing was applied; run `tarmak-iam apply` to apply the objects"
RESTORES = "or `tarmak-iam rollback` to restore the previous objects"
SOME = f"some objects may have been applied; run `tarmak-iam apply` to continue, {RESTORES}"
APPLIED = f"applied, not verified; run `tarmak-iam verify` to verify a login, {RESTORES}"
UNDOING = "the rollback may be incomplete; run `tarmak-iam rollback` to continue"


class TestInterrupted:
    """By Ctrl-C on a terminal, and by SIGTERM to us alone."""

    STEPS = (
        ({"FAKE_ACCESS": "wait"}, "access", DONE),
        ({"FAKE_APPLY": "wait"}, "apply", DONE),
        ({"FAKE_CHANGE": "wait"}, "change", SOME),
        ({"FAKE_VERIFY": "wait"}, "verify", APPLIED),
        ({"FAKE_APPLY": "midway", "FAKE_ROLLBACK": "wait"}, "rollback", UNDOING),
    )

    @pytest.mark.sample(4)
    @pytest.mark.parametrize("by", ["Ctrl-C", "SIGTERM"])
    @pytest.mark.parametrize(("variables", "event", "state"), STEPS)
    def test_after_tarmak(self, bench: Bench, variables: dict[str, str], event: str, state: str, by: str) -> None:
        ran = bench.typed("run", "--rollback-on-failure", "--", "tarmak", "clusters", "apply", **variables)
        ran.until(bench.has(event))
        if by == "Ctrl-C":
            ran.insist("\x03")
        else:
            os.kill(ran.pid, signal.SIGTERM)
        assert ran.ended() == (130 if by == "Ctrl-C" else 143)
        assert f"tarmak-iam: interrupted: {state}\n" in ran.text
        assert "Traceback" not in ran.text

    @pytest.mark.sample(1)
    @pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_before_tarmak(self, bench: Bench, signum: signal.Signals, code: int) -> None:
        bench.program("kubectl", f"#!/bin/sh\necho asked > {bench.root}/asked\nexec sleep 600\n")
        ran = bench.start(*APPLY)
        ran.until((bench.root / "asked").exists)
        os.kill(ran.pid, signum)
        assert ran.ended() == code
        assert ran.text == "tarmak-iam: interrupted: tarmak was not started, and nothing was changed\n"
        assert bench.events == []

    def test_during_tarmak(self, bench: Bench) -> None:
        ran = bench.typed(*APPLY, STUB_WAIT="1")
        ran.until(bench.has("ready"))
        ran.send("\x03")
        assert ran.ended() == 1
        assert bench.signals() == ["SIGINT"]
        assert ran.text.endswith("tarmak-iam: tarmak ended with exit code 1: nothing was applied to dev-cluster\n")

    @pytest.mark.sample(1)
    @pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_during_a_tarmak_that_ends_well(self, bench: Bench, signum: signal.Signals, code: int) -> None:
        """Somebody wanted an end, so there is one."""
        ran = bench.start(*APPLY, STUB_WAIT="1", STUB_FINISH="1")
        ran.until(bench.has("ready"))
        os.killpg(ran.pid, signum)
        assert ran.ended() == code
        assert ran.text.endswith(f"tarmak-iam: interrupted: {DONE}\n")
        assert "apply" not in bench.names()

    def test_around_a_command_that_rewrites(self, bench: Bench) -> None:
        ran = bench.typed("run", "--", "tarmak", "init", STUB_WAIT="1")
        ran.until(bench.has("ready"))
        ran.send("\x03")
        assert ran.ended() == 1
        assert bench.events[-1] == {"event": "put back", "finished": False}


def test_no_kubectl_is_told_before(bench: Bench) -> None:
    (bench.root / "bin" / "kubectl").unlink()
    said = bench.apply(PATH=str(bench.root / "bin"))
    told = "kubectl is not installed, so nothing can be applied after tarmak; put kubectl on the PATH"
    assert said.startswith(f"tarmak-iam: warning: {told}\ntarmak at work\n")


def test_a_history_that_cannot_be_saved_is_told_before(bench: Bench) -> None:
    home = bench.mappings.parent
    home.chmod(0o555)
    try:
        with modes_hold():
            said = bench.apply()
            assert not run_hooks.can_be_written(home / "created-first")
    finally:
        home.chmod(0o755)
    assert run_hooks.can_be_written(home / "created-first")
    told = "the history for rollback cannot be saved, so nothing can be applied after tarmak; make it writable"
    assert f"tarmak-iam: warning: {home}: the directory is not writable: {told}\ntarmak at work\n" in said


class TestTwoRuns:
    def test_the_second_one_says_who_is_at_work(self, bench: Bench) -> None:
        first = bench.start(*APPLY, STUB_WAIT="1")
        first.until(bench.has("ready"))
        said = bench.apply(code=2)
        assert said == (
            f"tarmak-iam: {bench.lock}: error: this cluster is in use by another run (process {first.pid}); "
            "run again when it is done; tarmak was not started\n"
        )
        assert bench.names().count("start") == 1
        bench.run("run", "--", "tarmak", "clusters", "list")
        bench.run("run", "--", "tarmak", "clusters", "apply", "-I")
        os.kill(first.pid, signal.SIGTERM)
        assert first.ended() == 1

    def test_one_that_was_killed_is_in_nobodys_way(self, bench: Bench) -> None:
        first = bench.start(*APPLY, STUB_WAIT="1")
        first.until(bench.has("ready"))
        os.kill(first.pid, signal.SIGKILL)
        os.kill(bench.first("start")["pid"], signal.SIGKILL)
        first.ended()
        with bench.lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # which the killed ones have until they have ended
        bench.apply()
        assert not bench.lock.exists()


def test_a_lock_that_cannot_be_had(bench: Bench) -> None:
    bench.lock.symlink_to("/nowhere")
    said = bench.apply()
    assert f"warning: {bench.lock}: cannot be locked, so another run at the same time would not be detected" in said
    assert said.endswith("applied and verified\n")
    assert bench.lock.is_symlink()


def test_nobody_listens(bench: Bench) -> None:
    """stderr on a full disk: the exit code says it."""
    command = [str(bench.root / "bin" / "tarmak-iam"), *APPLY]
    with Path("/dev/full").open("w") as full:
        for variables, code in (({"FAKE_APPLY": "away"}, 2), ({}, 0)):
            done = subprocess.run(
                command, env={**bench.environment, **variables}, stdout=subprocess.DEVNULL, stderr=full, check=False
            )
            assert done.returncode == code
