"""The objects of every backend: taken by a real API server, and enough for the daemon that runs with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import components
from tests.e2e.conftest import CURRENT, TARMAKS, Stage, skews, with_first
from tests.e2e.test_login import expected

MAPPINGS = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: "admin:{{SessionName}}", groups: ["system:masters"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Deployer", username: deployer, groups: [deployers, "o'dd: \\"1\\""]}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/team/Bob", username: bob, groups: [readers]}
"""
BACKENDS = ("EKSConfigMap", "CRD", "MountedFile,EKSConfigMap", "CRD,EKSConfigMap,MountedFile")
pytestmark = skews(CURRENT, TARMAKS, daemons=components.DAEMONS[-1:])


@pytest.fixture(autouse=True)
def _leaving_nothing(stage: Stage) -> Iterator[None]:
    """Objects of other backends would be some that `apply` removes."""
    yield
    stage.clear_all()


@pytest.mark.parametrize("backends", with_first(2, BACKENDS))
def test_the_daemon_needs_no_more_than_it_is_given(stage: Stage, version: str, backends: str) -> None:
    """And objects that are applied again are not changed."""
    stage.home.map(MAPPINGS)
    objects = stage.home.objects("--backend", backends)
    first, second = ([each["metadata"]["resourceVersion"] for each in stage.plane.apply(objects)] for _ in range(2))
    assert first == second
    with stage.daemon(version, "--backend", backends) as daemon:
        for name in ("admin", "path", "user"):
            login = stage.eventually(name)
            assert (login.username, login.groups) == expected(stage, name, version), login.refused
        assert "forbidden" not in daemon.text.lower()
