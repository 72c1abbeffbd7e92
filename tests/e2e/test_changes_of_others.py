"""What others do to our objects on a real API server: edits are refused, additions stay over apply and rollback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tarmak_iam.emit.kubernetes_objects import is_intact
from tarmak_iam.hook.cluster.object_fields import projected
from tarmak_iam.hook.cluster.objects import managed_entries
from tests.e2e.conftest import ADMIN, APPLY, DEPLOYER, NAME, Stage

CONFIG = f"ConfigMap kube-system/{NAME}"


def content(stage: Stage) -> Any:
    """Of both, without what the API server counts."""
    config, daemon = stage.object(), stage.object("daemonset")
    marks = [each["metadata"].get("annotations") or {} for each in (config, daemon)]
    for each in marks:
        each.pop("deprecated.daemonset.template.generation", None)
    return config["data"], daemon["spec"], [each["metadata"]["labels"] for each in (config, daemon)], marks


def edited(stage: Stage) -> str:
    """The manifest, with other mappings."""
    config = next(each for each in stage.home.objects() if each["kind"] == "ConfigMap")
    return json.dumps({**config, "data": {"config.yaml": "clusterID: dev-cluster\n"}})


LABEL = ("label", "--overwrite", "configmap", NAME)
REMOVE = '[{"op": "remove", "path": "/data/config.yaml"}]'
OTHER = {"data": {"config.yaml": "clusterID: other\n"}}
EDITS: dict[str, Callable[[Stage], object]] = {
    "edit": lambda stage: stage.kubectl("edit", "configmap", NAME, KUBE_EDITOR="sed -i s/admin:/boss:/"),
    "apply --server-side": lambda stage: stage.kubectl(
        *("apply", "--server-side", "--force-conflicts", "-f", "-"), text=edited(stage)
    ),
    "label that goes": lambda stage: stage.kubectl(*LABEL, "app.kubernetes.io/part-of-"),
    "patch": lambda stage: stage.edit(),
    "replace": lambda stage: stage.kubectl("replace", "-f", "-", text=json.dumps({**stage.object(), **OTHER})),
    "label": lambda stage: stage.kubectl(*LABEL, "app.kubernetes.io/part-of=x"),
    "data that goes": lambda stage: stage.kubectl("patch", "configmap", NAME, "--type=json", "-p", REMOVE),
    "apply": lambda stage: stage.kubectl("apply", "-f", "-", text=edited(stage)),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", EDITS)
def test_edits_of_our_fields_are_refused(stage: Stage, name: str) -> None:
    stage.live(*APPLY)
    EDITS[name](stage)
    live = stage.object()
    refused = stage.live(*APPLY, code=2)
    assert f"error: {CONFIG} " in refused.err
    assert "has fields that were set by" in refused.err or "was changed since it was applied" in refused.err
    assert stage.object() == live
    assert f"note: apply would refuse this: {CONFIG}" in stage.live("diff", code=1).err
    assert f"configured {CONFIG}" in stage.live(*APPLY, "--force").out
    assert "unchanged" in stage.live(*APPLY).out
    assert stage.live("diff").out == ""


def test_additions_stay_over_apply_and_rollback(stage: Stage) -> None:
    stage.live(*APPLY)
    stage.kubectl("label", "daemonsets.apps", NAME, "argocd.argoproj.io/instance=iam")
    stage.kubectl("annotate", "configmap", NAME, "argocd.argoproj.io/tracking-id=iam")
    stage.kubectl("rollout", "restart", f"daemonset/{NAME}")
    stage.kubectl("patch", "configmap", NAME, "--type=merge", "-p", '{"data": {"theirs": "x"}}')
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
    stage.kubectl("patch", "configmap", NAME, "--type=merge", "-p", '{"data": {"theirs": null}}')
    assert f"removed DaemonSet kube-system/{NAME}" in stage.live("rollback", "--no-wait", "--to", "0").out
    assert stage.plane.object("configmaps", NAME) is None


def test_manifests_applied_server_side_are_our_own_and_back_several_changes(stage: Stage) -> None:
    stage.kubectl("apply", "--server-side", "-f", "-", text=stage.home.run("manifests"))
    for mappings in (ADMIN + DEPLOYER, ADMIN):
        stage.home.map(mappings)
        assert f"configured {CONFIG}" in stage.live(*APPLY).out
    image = "example.org/aws-iam-authenticator:v0.7.9"
    assert f"configured DaemonSet kube-system/{NAME}" in stage.live(*APPLY, "--image", image).out
    listed = json.loads(stage.live("rollback", "--list", "-o", "json").out)["changes"]
    assert [(each["number"], each["status"]) for each in listed] == [(1, "applied"), (2, "applied"), (3, "applied")]
    stage.live("rollback", "--no-wait", "--to", "1")
    assert "deployer" in stage.configuration
    assert image not in json.dumps(stage.object("daemonset"))
    shown = stage.live("rollback", "--list").out.splitlines()
    assert [line.split()[0] for line in shown] == ["CHANGE", "1", "2", "3"]
    assert [" undone " in line for line in shown[1:]] == [False, True, True]


def test_what_server_side_apply_has_as_ours_is_what_was_sent(stage: Stage) -> None:
    """So that the checksum of what kubectl applied can be worked out of its fields."""
    kinds = "configmap,daemonset.apps,serviceaccount,clusterrole,clusterrolebinding,customresourcedefinition"
    ours = ("--selector", "app.kubernetes.io/managed-by=tarmak-iam", "--all-namespaces")
    stage.live(*APPLY, "--backend", "EKSConfigMap", "--backend", "MountedFile")
    try:
        shown = json.loads(stage.kubectl("get", kinds, *ours, "-o", "json", "--show-managed-fields").out)["items"]
        assert len(shown) > 3
        for each in shown:
            (own,) = (entry for entry in managed_entries(each) if entry["manager"] == "tarmak-iam")
            assert is_intact(projected(each, own["fieldsV1"])), each["metadata"]["name"]
    finally:
        stage.live("rollback", "--no-wait")
