"""What goes wrong on the way: the exit code and one line say what happened and what state things are in."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tarmak_iam.cli import run_hooks
from tests.hook.conftest import Bench, Ran
from tests.support.privileges import modes_hold

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

    def begun(self, bench: Bench, variables: dict[str, str], event: str) -> Ran:
        ran = bench.typed("run", "--rollback-on-failure", "--", "tarmak", "clusters", "apply", **variables)
        ran.until(bench.has(event))
        return ran

    @pytest.mark.sample(2)
    @pytest.mark.parametrize(("variables", "event", "state"), STEPS)
    def test_by_ctrl_c(self, bench: Bench, variables: dict[str, str], event: str, state: str) -> None:
        ran = self.begun(bench, variables, event)
        ran.insist("\x03")
        assert ran.ended() == 130
        assert f"tarmak-iam: interrupted: {state}\n" in ran.text
        assert "Traceback" not in ran.text

    @pytest.mark.sample(2)
    @pytest.mark.parametrize(("variables", "event", "state"), STEPS)
    def test_by_sigterm(self, bench: Bench, variables: dict[str, str], event: str, state: str) -> None:
        ran = self.begun(bench, variables, event)
        os.kill(ran.pid, signal.SIGTERM)
        assert ran.ended() == 143
        assert f"tarmak-iam: interrupted: {state}\n" in ran.text

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


def test_tarmak_is_killed_midway(bench: Bench) -> None:
    text = bench.config.read_bytes()
    ran = bench.start(*APPLY, STUB_WAIT="1")
    ran.until(bench.has("ready"))
    os.kill(bench.first("start")["pid"], signal.SIGKILL)
    assert ran.ended() == 137
    assert ran.text.endswith("tarmak-iam: tarmak ended with SIGKILL: nothing was applied to dev-cluster\n")
    assert bench.config.read_bytes() == text


def test_a_bug_of_ours(bench: Bench) -> None:
    said = bench.apply(code=3, FAKE_APPLY="bug")
    assert f"tarmak-iam: stopped: {SOME}\nerror: this is a bug in tarmak-iam" in said


def test_no_tarmak(bench: Bench) -> None:
    (bench.root / "bin" / "tarmak").unlink()
    assert bench.apply(code=127) == "tarmak-iam: error: tarmak is not installed; put tarmak on the PATH\n"


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
    finally:
        home.chmod(0o755)
    told = "the history for rollback cannot be saved, so nothing can be applied after tarmak; make it writable"
    assert f"tarmak-iam: warning: {home}: the directory is not writable: {told}\ntarmak at work\n" in said


def test_a_directory_that_is_created_first_can_be_written(tmp_path: Path) -> None:
    assert run_hooks.can_be_written(tmp_path / "dev-cluster")
    tmp_path.chmod(0o555)
    try:
        with modes_hold():
            assert not run_hooks.can_be_written(tmp_path / "dev-cluster")
    finally:
        tmp_path.chmod(0o755)


class TestTwoRuns:
    def test_the_second_one_says_who_is_at_work(self, bench: Bench) -> None:
        first = bench.start(*APPLY, STUB_WAIT="1")
        first.until(bench.has("ready"))
        said = bench.apply(code=2)
        assert said == (
            f"tarmak-iam: {bench.lock}: error: this cluster is in use by another run (process {first.pid}); "
            "run again when it is done; tarmak was not started\n"
        )
        os.kill(first.pid, signal.SIGTERM)
        assert first.ended() == 1
        assert bench.names().count("start") == 1

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

    @pytest.mark.thorough
    def test_other_commands_are_free(self, bench: Bench) -> None:
        first = bench.start(*APPLY, STUB_WAIT="1")
        first.until(bench.has("ready"))
        bench.run("run", "--", "tarmak", "clusters", "list")
        bench.run("run", "--", "tarmak", "clusters", "apply", "-I")


def test_a_directory_that_may_not_be_written_to(bench: Bench) -> None:
    bench.directory.chmod(0o555)
    try:
        with modes_hold():
            said = bench.apply()
    finally:
        bench.directory.chmod(0o755)
    assert f"warning: {bench.lock}: cannot be locked, so another run at the same time would not be detected" in said
    assert said.endswith("applied and verified\n")


def test_a_lock_that_cannot_be_had(bench: Bench) -> None:
    bench.lock.symlink_to("/nowhere")
    said = bench.apply()
    assert f"warning: {bench.lock}: cannot be locked, so another run at the same time would not be detected" in said
    assert said.endswith("applied and verified\n")
    assert bench.lock.is_symlink()


def test_nobody_listens(bench: Bench) -> None:
    """stderr on a full disk: the exit code says it."""
    with Path("/dev/full").open("w") as full:
        assert _code(bench, full.fileno(), FAKE_APPLY="away") == 2
        assert _code(bench, full.fileno()) == 0


def _code(bench: Bench, descriptor: int, **variables: str) -> int:
    done = subprocess.run(
        [bench.root / "bin" / "tarmak-iam", *APPLY],
        env={**bench.environment, **variables},
        stdout=subprocess.DEVNULL,
        stderr=descriptor,
        check=False,
    )
    return done.returncode
