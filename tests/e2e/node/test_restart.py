"""A configuration that was put right, and pods that run the other one: what runs is what counts."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.e2e import components
from tests.e2e.node.conftest import APPLY
from tests.e2e.node.masters import Masters
from tests.e2e.processes import wait_until
from tests.e2e.test_locks import ended, start

EVIL = '  - {roleARN: "arn:aws:iam::111122223333:role/Nobody", username: evil, groups: ["system:masters"]}\n'
NAME = "aws-iam-authenticator"


def add_evil(masters: Masters) -> None:
    """By hand, and with the pods restarted: role Nobody is an admin then."""
    (config_map,) = (each for each in masters.stage.home.objects() if each["kind"] == "ConfigMap")
    text = config_map["data"]["config.yaml"] + EVIL
    patch = json.dumps({"data": {"config.yaml": text}})
    masters.kubectl("-n", "kube-system", "patch", "configmap", NAME, "--type=merge", "-p", patch)
    for pod in masters.pods():
        masters.kubectl("-n", "kube-system", "delete", "pod", pod["metadata"]["name"])
    wait_until(lambda: masters.stage.login("unmapped").username == "evil", 60)


def test_a_restart_that_was_interrupted_is_made_up_for(masters: Masters, tmp_path: Path) -> None:
    """By a kubectl that kills the tarmak-iam that has it delete pods."""
    stage, kubectl = masters.stage, tmp_path / "kubectl"
    deletes = 'case "$*" in *"delete pod"*) kill -9 $PPID; exit 1 ;; esac'
    kubectl.write_text(f'#!/bin/sh\n{deletes}\nexec {components.program("kubectl")} "$@"\n')
    kubectl.chmod(0o755)
    stage.live(*APPLY, "--timeout=600")
    add_evil(masters)
    ended(start(stage, *APPLY, "--force", PATH=stage.path_with(tmp_path)), -signal.SIGKILL)
    assert "evil" not in masters.kubectl("-n", "kube-system", "get", "configmap", NAME, "-o", "yaml")
    assert stage.login("unmapped").username == "evil"

    (pod,) = masters.pods()
    shown = stage.live("diff", code=1)
    assert f"pod {pod['metadata']['name']} on m1" in shown.out + shown.err
    assert [each["name"] for each in json.loads(stage.live("diff", "-o", "json", code=1).out)["stalePods"]] == [
        pod["metadata"]["name"]
    ]
    stage.live("verify", "--timeout=0", code=1)

    stage.live(*APPLY, "--timeout=600")
    assert "Unauthorized" in stage.login("unmapped").refused
    assert stage.eventually("admin").username == "admin:ann-example.com"
    stage.live("diff")
    stage.live("verify")
