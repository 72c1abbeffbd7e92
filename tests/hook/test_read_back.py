"""The last act of apply: what is there is what was applied, or an error says who has changed it."""

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
from tests.support.fake_cluster import Cluster, failed
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


def test_apply_ends_with_it(tmp_path: Path) -> None:
    """Somebody is at it while the rollout is waited for."""
    cluster, state = Cluster(), tmp_path / "state.json"

    def fault(args: tuple[str, ...]) -> None:
        if args[:2] == ("get", "DaemonSet.v1.apps"):
            cluster.add({**(cluster.get("ConfigMap", NAME) or {}), "data": {"config.yaml": "x"}}, "kubectl-edit")

    cluster.fault = fault
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(MADE, cluster.kubectl(), state)
    assert failure.value.message == (
        "ConfigMap kube-system/aws-iam-authenticator differs from what was applied: kubectl-edit changed "
        "data.config.yaml afterwards; done: created ConfigMap kube-system/aws-iam-authenticator, created DaemonSet "
        "kube-system/aws-iam-authenticator; run apply again, or run rollback to restore the previous objects"
    )
    assert read_history(state, None).revisions[-1].status is Status.APPLIED


def test_also_where_nothing_was_to_be_changed(tmp_path: Path) -> None:
    cluster, state = Cluster(), tmp_path / "state.json"
    apply_to_cluster(MADE, cluster.kubectl(), state)

    def fault(args: tuple[str, ...]) -> None:
        if args[:2] == ("get", "DaemonSet.v1.apps"):
            cluster.objects.pop(("ConfigMap", "kube-system", NAME), None)

    cluster.fault = fault
    with pytest.raises(ApplyFailed, match="ConfigMap kube-system/aws-iam-authenticator was removed by another process"):
        apply_to_cluster(MADE, cluster.kubectl(), state)


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
