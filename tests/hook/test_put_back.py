"""Writes that are no use twice: what a second attempt meets may be what the first one made."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tests.support.fake_cluster import Cluster, failed

NAME = ("ConfigMap", "kube-system", "x")
EOF = 'error: error when replacing "STDIN": Put "https://127.0.0.1:6443/api/v1/x": EOF'


def config(text: str) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


def losing(cluster: Cluster, *, then: dict[str, Any] | None = None) -> None:
    """The answer to the first write is lost, and somebody may write `then`."""

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] not in ("create", "replace"):
            return None
        cluster.fault = lambda _: None
        cluster.run(args, cluster.text)
        if then is not None:
            cluster.add(then)
        return failed(EOF)

    cluster.fault = fault


@pytest.mark.parametrize("is_there", [False, True])
def test_an_answer_that_is_lost(is_there: bool) -> None:
    cluster = Cluster()
    live = cluster.add(config("old")) if is_there else None
    losing(cluster)
    (made,) = Server.of(cluster.kubectl()).put_back_all([(config("new"), live, True)])
    assert made["data"] == {"a": "new"}
    assert set(cluster.writes) == {"replace" if is_there else "create"}


@pytest.mark.parametrize("is_there", [False, True])
def test_what_somebody_else_has_written_is_not_ours(is_there: bool) -> None:
    cluster = Cluster()
    live = cluster.add(config("old")) if is_there else None
    losing(cluster, then=config("theirs"))
    with pytest.raises(ToolError, match="ConfigMap kube-system/x was just changed by another process"):
        Server.of(cluster.kubectl()).put_back_all([(config("new"), live, True)])
    assert cluster.objects[NAME]["data"] == {"a": "theirs"}


def test_what_somebody_else_has_made_is_not_ours() -> None:
    cluster = Cluster()
    cluster.add(config("theirs"))
    with pytest.raises(ToolError, match="ConfigMap kube-system/x was just changed by another process"):
        Server.of(cluster.kubectl()).put_back_all([(config("new"), None, True)])
