"""A write whose answer is lost, and the last act of apply: what is there is what was written, or an error says who has
changed it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster, read_back
from tarmak_iam.hook.cluster.history import Status, read_history
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tests.support.fake_cluster import Cluster, failed
from tests.support.histories import put_data
from tests.support.installations import MAPPINGS, installation

NAME = "aws-iam-authenticator"
MADE = installation(mappings=MAPPINGS, kubernetesVersion="1.30.1")
WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "x", "namespace": "kube-system", "labels": {"app": "x"}},
    "spec": {
        "template": {"spec": {"containers": [{"name": "main", "image": "a", "args": ["server"]}], "tolerations": []}}
    },
}


def differences(became: dict[str, Any], live: dict[str, Any] | None) -> str:
    cluster = Cluster()
    if live is not None:
        cluster.objects["DaemonSet", "kube-system", "x"] = live
    try:
        read_back(Server.of(cluster.kubectl()), [(WANTED, became)])
    except ToolError as error:
        return error.what
    return ""


def test_what_others_add_does_not_count() -> None:
    became = copy.deepcopy(WANTED)
    became["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    live = copy.deepcopy(WANTED)
    live["metadata"]["labels"]["argocd"] = "x"
    live["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "3"}
    live["status"] = {"numberReady": 3}
    containers = live["spec"]["template"]["spec"]["containers"]
    containers[0]["imagePullPolicy"] = "Always"
    containers.insert(0, {"name": "sidecar", "image": "b"})
    assert differences(became, live) == ""
    # Nor what the API server makes of a value.
    del became["spec"]["template"]["spec"]["tolerations"]
    assert differences(became, copy.deepcopy(became)) == ""


def test_what_differs_is_named() -> None:
    live = copy.deepcopy(WANTED)
    live["metadata"]["labels"]["app"] = "y"
    containers = live["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = "evil"
    live["spec"]["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
    assert differences(WANTED, live) == (
        "DaemonSet kube-system/x differs from what was applied: another process changed metadata.labels.app, "
        "spec.template.spec.containers[main].image, spec.template.spec.tolerations afterwards"
    )
    containers[0]["args"] = ["init"]
    assert differences(WANTED, live).endswith("spec.template.spec.containers[main].args and 1 more afterwards")
    containers.clear()
    assert "spec.template.spec.containers[main].name, " in differences(WANTED, live)


def test_what_is_gone_is_named_and_what_was_removed_must_be_gone() -> None:
    assert differences(WANTED, None) == "DaemonSet kube-system/x was removed by another process after it was applied"
    cluster, ref = Cluster(), Ref("v1", "ServiceAccount", "n", "x")
    live = cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "n"}})
    with pytest.raises(ToolError, match="ServiceAccount n/x was created again by another process after"):
        read_back(Server.of(cluster.kubectl()), [], [ref])
    live["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"  # it is going, as a finalizer allows it
    read_back(Server.of(cluster.kubectl()), [], [ref])


def managed(manager: str, time: str) -> dict[str, str]:
    return {"manager": manager, "operation": "Update", "time": time}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([managed("tarmak-iam", "1"), managed("kubectl-edit", "2")], "kubectl-edit changed "),
        ([managed("b", "2"), managed("a", "2"), managed("tarmak-iam", "2")], "a, b changed "),
        ([managed("tarmak-iam", "2")], "another run of tarmak-iam changed "),
        ([managed("tarmak-iam", "1")], "another process changed "),
    ],
)
def test_who_has_changed_it(entries: list[dict[str, str]], expected: str) -> None:
    became, live = copy.deepcopy(WANTED), copy.deepcopy(WANTED)
    became["metadata"]["managedFields"] = [managed("tarmak-iam", "1")]
    live["metadata"] |= {"managedFields": entries, "labels": {}}
    assert expected in differences(became, live)


@pytest.mark.parametrize("is_edited", [True, False])
def test_apply_ends_with_it(tmp_path: Path, *, is_edited: bool) -> None:
    """Somebody is at it while the rollout is waited for, even where nothing was to be changed."""
    cluster, state = Cluster(), tmp_path / "state.json"
    if not is_edited:
        apply_to_cluster(MADE, cluster.kubectl(), state)

    def fault(args: tuple[str, ...]) -> None:
        if args[:2] == ("get", "DaemonSet.v1.apps"):
            if is_edited:
                put_data(cluster, **{"config.yaml": "x"})
            else:
                cluster.objects.pop(("ConfigMap", "kube-system", NAME), None)

    cluster.fault = fault
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(MADE, cluster.kubectl(), state)
    assert failure.value.message == (
        "ConfigMap kube-system/aws-iam-authenticator differs from what was applied: kubectl-edit changed "
        "data.config.yaml afterwards; done: created ConfigMap kube-system/aws-iam-authenticator, created DaemonSet "
        "kube-system/aws-iam-authenticator; run apply again, or run rollback to restore the previous objects"
        if is_edited
        else "ConfigMap kube-system/aws-iam-authenticator was removed by another process after it was applied; "
        "done: nothing; run apply again"
    )
    assert read_history(state, None).revisions[-1].status is Status.APPLIED


def test_what_cannot_be_read_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, state, rolled_out = Cluster(), tmp_path / "state.json", list[bool]()

    def roll_out(*_: object) -> tuple[bool, tuple[str, ...]]:
        rolled_out.append(True)
        return True, ()

    monkeypatch.setattr("tarmak_iam.hook.cluster.apply.roll_out_and_restart", roll_out)
    cluster.fault = lambda args: failed("error: no") if rolled_out and "-f" in args else None
    with pytest.raises(
        ApplyFailed, match="the applied objects could not be read again: kubectl get failed: no; done: "
    ):
        apply_to_cluster(MADE, cluster.kubectl(), state)
    assert read_history(state, None).revisions[-1].status is Status.APPLIED


def config(text: str) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


@pytest.mark.parametrize("then", [None, "theirs"])
@pytest.mark.parametrize("before", [None, "old"])
def test_an_answer_that_is_lost(before: str | None, then: str | None) -> None:
    """What a second attempt meets may be what the first one made, or what somebody else has written since."""
    cluster = Cluster()
    live = cluster.add(config(before)) if before is not None else None

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] not in ("create", "replace"):
            return None
        cluster.fault = lambda _: None
        cluster.run(args, cluster.text)
        if then is not None:
            cluster.add(config(then))
        return failed('error: error when replacing "STDIN": Put "https://127.0.0.1:6443/api/v1/x": EOF')

    cluster.fault = fault
    server = Server.of(cluster.kubectl())
    if then is None:
        (made,) = server.put_back_all([(config("new"), live, True)])
        assert made["data"] == {"a": "new"}
        assert set(cluster.writes) == {"create" if before is None else "replace"}
    else:
        with pytest.raises(ToolError, match="ConfigMap kube-system/x was just changed by another process"):
            server.put_back_all([(config("new"), live, True)])
        assert cluster.objects["ConfigMap", "kube-system", "x"]["data"] == {"a": "theirs"}


def test_what_somebody_else_has_made_is_not_ours() -> None:
    cluster = Cluster()
    cluster.add(config("theirs"))
    with pytest.raises(ToolError, match="ConfigMap kube-system/x was just changed by another process"):
        Server.of(cluster.kubectl()).put_back_all([(config("new"), None, True)])
