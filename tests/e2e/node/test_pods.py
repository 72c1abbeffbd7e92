"""apply, verify and rollback with pods that run: every status is the controllers' own."""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import ADMIN, DEPLOYER
from tests.e2e.node.conftest import APPLY, OLDER
from tests.e2e.node.masters import ALL_RUN, Masters
from tests.e2e.processes import wait_until

DAEMON = "aws-iam-authenticator server"


def test_apply_verify_and_rollback(masters: Masters) -> None:
    stage = masters.stage
    assert ALL_RUN in stage.live(*APPLY, "--timeout=600").err
    _assert_verified(masters)
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert (again["changed"], again["rolledOut"]) == (False, True)
    _assert_as_it_is_written(masters)

    stage.home.map(ADMIN + DEPLOYER)
    assert ALL_RUN in stage.live(*APPLY, "--timeout=600").err
    assert stage.eventually("path").username == "deployer"
    assert ALL_RUN in stage.live("rollback", "--timeout=600").err
    assert stage.eventually("admin").username == "admin:ann-example.com"
    assert "Unauthorized" in stage.login("path").refused

    # That of the first apply takes the pods away.
    assert "removed DaemonSet" in stage.live("rollback", "--to", "0").out
    wait_until(lambda: not masters.pods(), what=masters.pods)
    assert "Unauthorized" in stage.login("admin").refused


def test_an_older_release(masters: Masters) -> None:
    assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600", "--image", OLDER).err
    _assert_verified(masters)
    assert [pod["status"]["containerStatuses"][0]["image"] for pod in masters.pods()] == [OLDER]


def _assert_verified(masters: Masters) -> None:
    found = json.loads(masters.stage.live("verify", "-o", "json").out)
    assert found["got"] == {"username": "admin:ann-example.com", "groups": ["system:masters"]}


def _assert_as_it_is_written(masters: Masters) -> None:
    """What the pod's own security context and limits promise, after a login."""
    (pod,) = masters.pods()
    (status,) = pod["status"]["containerStatuses"]
    assert (status["ready"], status["restartCount"]) == (True, 0)
    (process,) = masters.first.processes_of(DAEMON)
    found = _status(process)
    assert found["Uid"].split() == ["0", "0", "0", "0"]
    assert {found[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert _root_options(process)[0] == "ro"
    limit, used, failures = _memory(process, "limit_in_bytes", "max_usage_in_bytes", "failcnt")
    assert (limit, failures) == (128 * 1024**2, 0)
    assert used < limit / 2
    assert "k8s-aws-v1" not in masters.kubectl("-n", "kube-system", "logs", pod["metadata"]["name"])


def _status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _root_options(process: int) -> list[str]:
    """Of its root file system, as mounted: proc(5), mountinfo."""
    lines = (line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines())
    return next(fields[5].split(",") for fields in lines if fields[4] == "/")


def _memory(process: int, *names: str) -> tuple[int, ...]:
    groups = (line.split(":", 2) for line in Path(f"/proc/{process}/cgroup").read_text().splitlines())
    path = next(path for _, controllers, path in groups if controllers == "memory")
    return tuple(int(Path(f"/sys/fs/cgroup/memory{path}/memory.{name}").read_text()) for name in names)


def test_an_update_takes_the_login_away_for_seconds(masters: Masters, request: pytest.FixtureRequest) -> None:
    """One master: the new daemon listens on the port of the old one, so there is a gap. Each login has a token of
    another second, which the API server has not seen."""
    stage = masters.stage
    stage.live(*APPLY, "--timeout=600")
    stage.eventually("admin")
    stage.home.map(ADMIN + DEPLOYER)
    over, ends = threading.Event(), list[tuple[float, bool]]()

    def log_in() -> None:
        while not over.wait(0.5):
            is_let_in = not stage.login("admin").refused
            ends.append((time.monotonic(), is_let_in))

    thread = threading.Thread(target=log_in)
    thread.start()
    try:
        stage.live(*APPLY, "--timeout=600")
        wait_until(lambda: ends[-1][1], 60)
    finally:
        over.set()
        thread.join()
    successes = [end for end, is_let_in in ends if is_let_in]
    gap = max(later - earlier for earlier, later in itertools.pairwise(successes))
    refused = f"{len(ends) - len(successes)} of {len(ends)} logins refused"
    terminal = request.config.get_terminal_writer()
    terminal.line(f"\nan update on one master: {refused}, {gap:.1f} seconds without one")
    assert 0 < gap < 60
