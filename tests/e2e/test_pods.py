"""What is read of pods and of a ConfigMap's changes, from a real API server; nothing runs the pods."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref, last_change
from tarmak_iam.hook.cluster.pods import check_pods
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Programs
from tests.e2e.access_reviews import rule
from tests.e2e.conftest import ADMIN, APPLY, DEPLOYER, NAME, ON_TARMAKS, Stage
from tests.e2e.processes import wait_until
from tests.e2e.test_locks import CONFIG_MAPS, LEASES, allowed, cannot, kubeconfig_of

CONFIG_MAP = Ref("v1", "ConfigMap", "kube-system", NAME)


@pytest.fixture(autouse=True)
def _no_pods(stage: Stage) -> Iterator[None]:
    yield
    stage.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")


def kubectl(stage: Stage) -> Kubectl:
    environment = {"PATH": f"{stage.home.bin}{os.pathsep}{os.environ['PATH']}", "HOME": str(stage.home.state)}
    return Kubectl(Programs(environment), stage.home.kubeconfig)


def changed(stage: Stage) -> datetime:
    (found,) = Server.of(kubectl(stage)).read([CONFIG_MAP.stub])
    time = last_change(found)
    assert time is not None
    return time


def test_only_a_change_of_data_is_one(stage: Stage) -> None:
    stage.live(*APPLY)
    first = changed(stage)
    time.sleep(1.1)  # timestamps are of whole seconds
    stage.home.run("settings", "set", "addonManagerMode", "Reconcile")
    assert "configured ConfigMap" in stage.live(*APPLY).out
    stage.home.run("settings", "unset", "addonManagerMode")
    stage.kubectl("label", "configmap", NAME, "team=x")
    assert changed(stage) == first
    time.sleep(1.1)
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    second = changed(stage)
    assert second > first
    time.sleep(1.1)
    stage.edit("by hand")
    assert changed(stage) > second


def make_pod(stage: Stage) -> None:
    """As the controller makes one, which is not there."""
    (daemon,) = Server.of(kubectl(stage)).read([Ref("apps/v1", "DaemonSet", "kube-system", NAME).stub])
    template = daemon["spec"]["template"]
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": NAME, "uid": daemon["metadata"]["uid"]}
    metadata: Object = {**template["metadata"], "name": "a-pod", "namespace": "kube-system"}
    metadata["ownerReferences"] = [{**owner, "controller": True}]
    spec = {**template["spec"], "nodeName": "master-1", "automountServiceAccountToken": False}
    account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "kube-system"}}
    objects: list[Object] = [account, {"kind": "Pod", "metadata": metadata, "spec": spec}]
    stage.plane.apply([{"apiVersion": "v1", **each} for each in objects])


def test_a_pod_of_before(stage: Stage, tmp_path: Path) -> None:
    """A configuration that was edited by hand is put right by apply, and the pods must be restarted for that."""
    stage.live(*APPLY)
    make_pod(stage)
    (daemon,) = Server.of(kubectl(stage)).read([Ref("apps/v1", "DaemonSet", "kube-system", NAME).stub])
    template = daemon["spec"]["template"]
    (pod,) = check_pods(Server.of(kubectl(stage))).pods
    assert (pod.ref.name, pod.node, pod.has_started, pod.is_ready) == ("a-pod", "master-1", False, False)
    assert pod.image == template["spec"]["containers"][0]["image"]
    assert pod.checksum == template["metadata"]["annotations"]["checksum/config"]
    assert pod.created is not None
    assert abs(pod.created - kubectl(stage).server_time()) < timedelta(minutes=1)
    assert abs(pod.created - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert check_pods(Server.of(kubectl(stage))).stale == ()
    stage.edit("clusterID: evil\n", "evil")
    allowed(stage, "no-pods", LEASES, CONFIG_MAPS, rule("patch", "daemonsets", "apps"))
    kubeconfig = kubeconfig_of(stage, tmp_path / "kubeconfig", "no-pods")
    refused = stage.live(*APPLY, "--force", code=2, kubeconfig=kubeconfig)
    assert f"{cannot('no-pods', 'delete', 'pods')}; nothing was changed" in refused.err
    assert stage.configuration == "clusterID: evil\n"


@ON_TARMAKS
def test_a_pod_that_started_before_a_change_was_undone(stage: Stage) -> None:
    """Nothing of the ConfigMap shows that it had other content, but for its version."""
    stage.live(*APPLY)
    before = stage.object()["data"]
    stage.edit()
    time.sleep(1.1)  # timestamps are of whole seconds
    make_pod(stage)
    started = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    container = {"name": NAME, "ready": True, "image": "x", "imageID": "x", "restartCount": 0}
    running = {"state": {"running": {"startedAt": started}}}
    status = {"phase": "Running", "containerStatuses": [{**container, **running}]}
    stage.plane.object("pods", "a-pod/status", method="PATCH", body={"status": status})
    stage.plane.object("configmaps", NAME, method="PATCH", body={"data": before})
    said = f"pod a-pod on master-1: ConfigMap kube-system/{NAME} was changed since the last apply, and may have had"
    assert said in stage.live("diff", code=1).out
    found = json.loads(stage.live("verify", "--timeout=0", "-o", "json", code=1).out)
    assert said in " ".join(found["account"])
    with stage.plane.rolling_out(NAME):
        wait_until(lambda: stage.plane.object("daemonsets", NAME)["status"].get("observedGeneration"))
        done = stage.live(*APPLY)
    assert f"unchanged ConfigMap kube-system/{NAME}" in done.out
    assert f"restarting {said}" in done.err
    assert stage.live("diff").out == ""
