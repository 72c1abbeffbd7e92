"""What others do to our objects on a real API server: edits are refused, additions stay over apply and rollback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tarmak_iam.emit.kubernetes_objects import is_intact
from tarmak_iam.hook.cluster.object_fields import projected
from tarmak_iam.hook.cluster.objects import managed_entries
from tests.e2e.conftest import Stage, with_first
from tests.e2e.control_plane import Done
from tests.e2e.test_live import ADMIN, APPLY, DEPLOYER, NAME, _clear, edit, state_of

CONFIG = f"ConfigMap kube-system/{NAME}"
DAEMONSET = "daemonsets"
BEFORE_LAST = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(autouse=True)
def _empty(stage: Stage) -> Iterator[None]:
    stage.home.map(ADMIN)
    _clear(stage)
    yield
    _clear(stage)


def kubectl(stage: Stage, *args: str, text: str = "", **more: str) -> Done:
    done = stage.plane.kubectl("-n", "kube-system", *args, text=text, more=more)
    assert done.code == 0, done.err
    return done


def get(stage: Stage, kind: str = "configmaps") -> dict[str, Any]:
    found = stage.plane.object(kind, NAME)
    assert found is not None
    return dict(found)


def content(stage: Stage) -> Any:
    """Of both, without what the API server counts."""
    config, daemon = get(stage), get(stage, DAEMONSET)
    marks = [each["metadata"].get("annotations") or {} for each in (config, daemon)]
    for each in marks:
        each.pop("deprecated.daemonset.template.generation", None)
    return config["data"], daemon["spec"], [each["metadata"]["labels"] for each in (config, daemon)], marks


def edited(stage: Stage) -> str:
    """The manifest, with other mappings."""
    config = next(each for each in stage.home.objects() if each["kind"] == "ConfigMap")
    return json.dumps({**config, "data": {"config.yaml": "clusterID: dev-cluster\n"}})


def replaced(stage: Stage) -> Done:
    live = get(stage)
    return kubectl(
        stage, "replace", "-f", "-", text=json.dumps({**live, "data": {"config.yaml": "clusterID: other\n"}})
    )


EDITS: dict[str, Callable[[Stage], Any]] = {
    "edit": lambda stage: kubectl(stage, "edit", "configmap", NAME, KUBE_EDITOR="sed -i s/admin:/boss:/"),
    "apply --server-side": lambda stage: kubectl(
        stage, "apply", "--server-side", "--force-conflicts", "-f", "-", text=edited(stage)
    ),
    "label that goes": lambda stage: kubectl(stage, "label", "configmap", NAME, "app.kubernetes.io/part-of-"),
    "patch": lambda stage: edit(stage, "somebody"),
    "replace": replaced,
    "label": lambda stage: kubectl(stage, "label", "--overwrite", "configmap", NAME, "app.kubernetes.io/part-of=x"),
    "data that goes": lambda stage: kubectl(
        stage, "patch", "configmap", NAME, "--type=json", "-p", '[{"op": "remove", "path": "/data/config.yaml"}]'
    ),
    "apply": lambda stage: kubectl(stage, "apply", "-f", "-", text=edited(stage)),
}


@pytest.mark.parametrize("name", with_first(1, EDITS))
def test_edits_of_our_fields_are_refused(stage: Stage, name: str) -> None:
    stage.live(*APPLY)
    EDITS[name](stage)
    live = get(stage)
    refused = stage.live(*APPLY, code=2)
    assert f"error: {CONFIG} " in refused.err
    assert "has fields that were set by" in refused.err or "was changed since it was applied" in refused.err
    assert get(stage) == live
    assert f"note: apply would refuse this: {CONFIG}" in stage.live("diff", code=1).err
    assert f"configured {CONFIG}" in stage.live(*APPLY, "--force").out
    assert "unchanged" in stage.live(*APPLY).out
    assert stage.live("diff").out == ""


def test_additions_stay_over_apply_and_rollback(stage: Stage) -> None:
    stage.live(*APPLY)
    kubectl(stage, "label", f"{DAEMONSET}.apps", NAME, "argocd.argoproj.io/instance=iam")
    kubectl(stage, "annotate", "configmap", NAME, "argocd.argoproj.io/tracking-id=iam")
    kubectl(stage, "rollout", "restart", f"daemonset/{NAME}")
    kubectl(stage, "patch", "configmap", NAME, "--type=merge", "-p", '{"data": {"theirs": "x"}}')
    before = content(stage)
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    assert content(stage) != before
    done = stage.live("rollback", "--no-wait")
    assert "afterwards 1 principal can log in with IAM, 1 of them in system:masters" in done.err
    assert content(stage) == before
    assert "unchanged" in stage.live("rollback", "--no-wait").err
    # Data of others is lost with the object, labels and a restart are about it.
    refused = stage.live("rollback", "--no-wait", "--to", "0", code=2)
    assert f"{CONFIG} (data.theirs) has since been changed by another manager" in refused.err
    stage.live("rollback", "--no-wait", "--to", "0", "--force")
    assert stage.plane.object("configmaps", NAME) is None


def test_a_rollback_of_labels_and_restarts_alone(stage: Stage) -> None:
    stage.live(*APPLY)
    kubectl(stage, "label", f"{DAEMONSET}.apps", NAME, "argocd.argoproj.io/instance=iam")
    kubectl(stage, "rollout", "restart", f"daemonset/{NAME}")
    assert f"removed DaemonSet kube-system/{NAME}" in stage.live("rollback", "--no-wait").out


def test_what_kubectl_has_noted_is_as_before(stage: Stage) -> None:
    kubectl(stage, "apply", "-f", "-", text=stage.home.run("manifests"))
    before = content(stage)
    stage.home.map(ADMIN + DEPLOYER)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")
    assert content(stage)[:3] == before[:3]
    for now, was in zip(content(stage)[3], before[3], strict=True):
        assert json.loads(now[BEFORE_LAST]) == json.loads(was[BEFORE_LAST])
    assert f"configured {CONFIG}" in stage.live(*APPLY).out


def test_manifests_applied_server_side_are_our_own(stage: Stage) -> None:
    kubectl(stage, "apply", "--server-side", "-f", "-", text=stage.home.run("manifests"))
    for mappings in (ADMIN + DEPLOYER, ADMIN, ADMIN + DEPLOYER):
        stage.home.map(mappings)
        assert f"configured {CONFIG}" in stage.live(*APPLY).out
    image = "example.org/aws-iam-authenticator:v0.7.9"
    assert f"configured DaemonSet kube-system/{NAME}" in stage.live(*APPLY, "--image", image).out


def test_what_server_side_apply_has_as_ours_is_what_was_sent(stage: Stage) -> None:
    """So that the checksum of what kubectl applied can be worked out of its fields."""
    kinds = "configmap,daemonset.apps,serviceaccount,clusterrole,clusterrolebinding,customresourcedefinition"
    ours = ("--selector", "app.kubernetes.io/managed-by=tarmak-iam")
    stage.live(*APPLY, "--backend", "EKSConfigMap", "--backend", "MountedFile")
    try:
        shown = kubectl(stage, "get", kinds, *ours, "-o", "json", "--show-managed-fields", "--all-namespaces")
        found = json.loads(shown.out)["items"]
        assert len(found) > 3
        for each in found:
            (own,) = (entry for entry in managed_entries(each) if entry["manager"] == "tarmak-iam")
            assert is_intact(projected(each, own["fieldsV1"])), each["metadata"]["name"]
    finally:
        stage.live("rollback", "--no-wait")


def test_back_several_changes(stage: Stage) -> None:
    for mappings in (ADMIN, ADMIN + DEPLOYER, ADMIN):
        stage.home.map(mappings)
        stage.live(*APPLY)
    listed = json.loads(stage.live("rollback", "--list", "-o", "json").out)["changes"]
    assert [(each["number"], each["status"]) for each in listed] == [(1, "applied"), (2, "applied"), (3, "applied")]
    stage.live("rollback", "--no-wait", "--to", "1")
    assert "deployer" not in get(stage)["data"]["config.yaml"]
    shown = stage.live("rollback", "--list").out.splitlines()
    assert [line.split()[0] for line in shown] == ["CHANGE", "1", "2", "3"]
    assert [" undone " in line for line in shown[1:]] == [False, True, True]
    assert state_of(stage).exists()
