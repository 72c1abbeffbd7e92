"""apply, verify and rollback with pods that run: every status is the controllers' own."""

from __future__ import annotations

import http.client
import itertools
import json
import ssl
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tarmak_iam.token import Credentials
from tarmak_iam.token.make import sign_token
from tests.e2e.conftest import ADMIN, DEPLOYER, PRINCIPALS, Stage
from tests.e2e.control_plane import CLUSTER
from tests.e2e.node.conftest import APPLY, OLDER
from tests.e2e.node.machine import Node
from tests.e2e.node.masters import ALL_RUN, Masters, wait_until

DAEMON = "aws-iam-authenticator server"


def test_apply_verify_and_rollback(masters: Masters) -> None:
    stage = masters.stage
    assert ALL_RUN in stage.live(*APPLY, "--timeout=600").err
    _assert_verified(masters)
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert (again["changed"], again["rolledOut"]) == (False, True)

    stage.home.map(ADMIN + DEPLOYER)
    assert ALL_RUN in stage.live(*APPLY, "--timeout=600").err
    assert stage.eventually("path").username == "deployer"
    assert ALL_RUN in stage.live("rollback", "--timeout=600").err
    assert stage.eventually("admin").username == "admin:ann-example.com"
    assert "Unauthorized" in stage.login("path").refused


def test_an_older_release(masters: Masters) -> None:
    assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600", "--image", OLDER).err
    _assert_verified(masters)
    assert [pod["status"]["containerStatuses"][0]["image"] for pod in masters.pods()] == [OLDER]


def _assert_verified(masters: Masters) -> None:
    found = json.loads(masters.stage.live("verify", "-o", "json").out)
    assert found["got"] == {"username": "admin:ann-example.com", "groups": ["system:masters"]}


def test_rollback_of_the_first_apply_takes_the_pods_away(masters: Masters) -> None:
    masters.stage.live(*APPLY, "--timeout=600")
    assert masters.stage.login("admin").username == "admin:ann-example.com"
    assert "removed DaemonSet" in masters.stage.live("rollback").out
    wait_until(lambda: not masters.pods(), what=masters.pods)
    assert "Unauthorized" in masters.stage.login("admin").refused


def test_the_pod_runs_as_it_is_written(masters: Masters, first: Node) -> None:
    masters.stage.live(*APPLY, "--timeout=600")
    assert masters.stage.login("admin").username == "admin:ann-example.com"
    (pod,) = masters.pods()
    (status,) = pod["status"]["containerStatuses"]
    assert (status["ready"], status["restartCount"]) == (True, 0)

    (process,) = first.processes_of(DAEMON)
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


def log_in(stage: Stage, over: threading.Event, ends: list[tuple[float, bool]]) -> None:
    """One login after the other, each with a token that the API server has not seen: signed at another second each,
    since it keeps an answer for two minutes by token. When each ended, and whether it was let in."""
    environment = PRINCIPALS["admin"].environment
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    credentials = Credentials(*(environment[key] for key in keys))
    now = datetime.now(timezone.utc).replace(microsecond=0)
    moments = (now - timedelta(seconds=number) for number in range(800))
    context = ssl.create_default_context(cadata=stage.plane.ca.decode())
    while not over.wait(0.05):
        token, is_let_in = sign_token(credentials, "eu-west-1", CLUSTER, next(moments)).text, False
        with suppress(OSError, http.client.HTTPException):
            host = stage.plane.server.removeprefix("https://")
            connection = http.client.HTTPSConnection(host, timeout=30, context=context)
            connection.request("GET", "/api", headers={"Authorization": f"Bearer {token}"})
            is_let_in = connection.getresponse().status == 200
            connection.close()
        ends.append((time.monotonic(), is_let_in))


def test_an_update_takes_the_login_away_for_seconds(masters: Masters, request: pytest.FixtureRequest) -> None:
    """One master: the new daemon listens on the port of the old one, so there is a gap."""
    masters.stage.live(*APPLY, "--timeout=600")
    wait_until(lambda: masters.stage.login("admin").username, 20)
    masters.stage.home.map(ADMIN + DEPLOYER)
    over, ends = threading.Event(), list[tuple[float, bool]]()
    thread = threading.Thread(target=log_in, args=(masters.stage, over, ends))
    thread.start()
    try:
        masters.stage.live(*APPLY, "--timeout=600")
        wait_until(lambda: ends[-1][1], 30)
    finally:
        over.set()
        thread.join()
    successes = [end for end, is_let_in in ends if is_let_in]
    gap = max(later - earlier for earlier, later in itertools.pairwise(successes))
    refused = f"{len(ends) - len(successes)} of {len(ends)} logins refused"
    terminal = request.config.get_terminal_writer()
    terminal.line(f"\nan update on one master: {refused}, {gap:.1f} seconds without one")
    assert 0 < gap < 60
