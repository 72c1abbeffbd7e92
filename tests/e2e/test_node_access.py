"""What the API server lets a node do, by its username and groups: `map` and `apply` object to the loss of just that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tarmak_iam.access.lockout import losses
from tarmak_iam.installation.installation import Installation
from tests.e2e.access_reviews import Api, Caller, Request
from tests.e2e.conftest import CURRENT, TARMAKS, Stage
from tests.support.reviews import installation

NODE = "arn:aws:iam::111122223333:role/Node"


@pytest.fixture(scope="module", params=[CURRENT, TARMAKS], ids=str)
def cluster(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    """No daemon runs: the API server alone is asked."""
    return stages(request.param.server)


@pytest.fixture(scope="module")
def api(cluster: Stage) -> Iterator[Api]:
    with Api.of(cluster.plane) as api:
        yield api


def mapped(username: str, groups: tuple[str, ...]) -> Installation:
    entry = f"{{roleARN: '{NODE}', username: '{username}', groups: {[*groups]}}}"
    return installation(f"clusterID: dev-cluster\nserver:\n  mapRoles:\n  - {entry}\n")


@pytest.mark.parametrize(
    ("username", "groups", "is_node"),
    [
        ("system:node:n1", ("system:nodes",), True),
        ("system:node:n1", ("system:bootstrappers", "system:nodes"), True),
        ("system:node:n1", (), False),
        ("system:node:n1", ("system:bootstrappers",), False),
        ("kubelet", ("system:nodes",), False),
        ("system:nodes", ("system:nodes",), False),
    ],
)
def test_a_node_needs_both_its_name_and_its_group(
    api: Api, username: str, groups: tuple[str, ...], is_node: bool
) -> None:
    """It reads and registers its node, and follows the Services, or may do none of that."""
    caller = Caller(username, (*groups, "system:authenticated"))
    requests = (Request("get", "nodes", name="n1"), Request("create", "nodes"), Request("list", "services"))
    assert api.allowed([(caller, each) for each in requests]) == [is_node] * 3
    lost = losses(mapped(username, groups), mapped("nobody", ()))
    assert lost == ((f"the nodes of {NODE} could no longer join",) if is_node else ())
