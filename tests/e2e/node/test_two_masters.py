"""Two masters, and rollouts that are only partly through. The API server asks the daemon of the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.node.conftest import ADMIN, APPLY, DEPLOYER
from tests.e2e.node.machine import Node
from tests.e2e.node.masters import Masters

BOTH_RUN = "2 of 2 nodes updated, 2 available"


@pytest.fixture(scope="module")
def second(masters: Masters) -> Iterator[Node]:
    with masters.second() as made:
        yield made


@pytest.mark.usefixtures("second")
def test_an_update_has_one_daemon_away_at_a_time(masters: Masters, tmp_path: Path) -> None:
    assert BOTH_RUN in masters.stage.live(*APPLY, "--timeout=600").err
    masters.stage.home.map(ADMIN + DEPLOYER)
    with masters.watched("{.status.numberUnavailable}", tmp_path / "unavailable.log") as unavailable:
        assert BOTH_RUN in masters.stage.live(*APPLY, "--timeout=600").err
    assert set(unavailable()) == {"1"}
    assert masters.stage.eventually("path").username == "deployer"


def test_one_whose_daemon_does_not_start(masters: Masters, second: Node) -> None:
    """It has lost its key, as where Tarmak's init unit has not run."""
    assert BOTH_RUN in masters.stage.live(*APPLY, "--timeout=600").err
    key = second.inside("/var/aws-iam-authenticator/key.pem")
    lost = key.rename(key.with_name("lost"))
    try:
        masters.stage.home.map(ADMIN + DEPLOYER)
        assert "run apply again, or run rollback" in masters.stage.live(*APPLY, "--timeout=1", code=2).err
        masters.wait_for_crash_loop("m2")
        failed = masters.stage.live(*APPLY, "--timeout=1", code=2)
        assert re.search(r"[12] of 2 nodes updated, 1 available", failed.err)
        assert re.search(r"pod aws-iam-authenticator-\w+ on m2: CrashLoopBackOff", failed.err)
        assert not re.search(r"pod \S+ on m1: ", failed.err)
        assert masters.stage.eventually("admin").username == "admin:ann-example.com"
    finally:
        lost.rename(key)
    for pod in masters.pods():  # the kubelet starts it again after minutes only
        if not pod["status"]["containerStatuses"][0]["ready"]:
            masters.kubectl("-n", "kube-system", "delete", "pod", pod["metadata"]["name"])
    assert BOTH_RUN in masters.stage.live(*APPLY, "--timeout=600").err
    assert masters.stage.eventually("path").username == "deployer"
