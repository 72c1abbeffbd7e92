"""diff as a user calls it: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import json

import pytest

from tarmak_iam.cli.release_diff import print_release_change
from tarmak_iam.emit.release_change import ReleaseChange
from tarmak_iam.identity.releases import DaemonVersion
from tests.support import ADMIN
from tests.support.kubectl_stand import Stand


def test_pods_that_run_another_configuration(stand: Stand) -> None:
    shell, cluster = stand.shell, stand.cluster
    shell.dev("apply")
    config = cluster.get("ConfigMap", "aws-iam-authenticator")
    assert config is not None
    config["metadata"]["managedFields"][0]["time"] = "2026-06-01T00:00:00Z"
    text = (
        "pod aws-iam-authenticator-1 on master-1: it started before the last change of ConfigMap "
        "kube-system/aws-iam-authenticator, at 2026-06-01T00:00:00Z"
    )
    shown = shell.dev("diff", code=1)
    assert (shown.out.splitlines()[0], len(shown.out.splitlines())) == (text, 3)
    found = json.loads(shell.dev("diff", "-o", "json", code=1).out)
    assert (found["changed"], found["objects"], len(found["stalePods"])) == (True, [], 3)
    assert found["stalePods"][0] == {
        "namespace": "kube-system",
        "name": "aws-iam-authenticator-1",
        "node": "master-1",
        "reason": text.partition(": ")[2],
    }
    assert found["missingPods"] == 0
    assert f"note: would be restarted: {text}\n" in shell.dev("apply", "--dry-run", "client").err
    done = shell.dev("apply", "-o", "json")
    assert f"restarting {text}\n" in done.err
    assert json.loads(done.out)["restartedPods"] == found["stalePods"]
    # Those that were made just now are of May.
    waiting = "run the same command without --no-wait to restart them one by one"
    assert waiting in shell.dev("apply", "--no-wait").err


def test_a_node_without_a_pod(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.cluster.daemons.pods.popitem()
    text = "DaemonSet kube-system/aws-iam-authenticator: 1 of its nodes has no pod yet\n"
    assert stand.shell.dev("diff", code=1).out == text
    assert json.loads(stand.shell.dev("diff", "-o", "json", code=1).out)["missingPods"] == 1


def test_the_difference_of_every_cluster(stand: Stand) -> None:
    """Each is asked through the kubeconfig that tarmak names for it."""
    shell = stand.shell
    for name in ("prod-blue", "prod-green"):
        chosen = ("-c", shell.multi, "--current-cluster", name)
        shell.run(*chosen, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
        shell.run(*chosen, "settings", "set", "kubernetesVersion", "1.24.17")
    shell.run("-c", shell.multi, "apply")
    (stand.bin / "tarmak.log").unlink()
    every = ("-c", shell.multi, "diff", "--all-clusters")
    done = shell.run(*every, code=1)
    assert done.out.splitlines()[0] == "prod-green:"
    assert "prod-blue: no differences: the cluster is up to date\n" in done.err
    assert done.err.splitlines()[-1] == "2 clusters: 1 up to date, 1 different (prod-green)"
    asked = [f"--config-directory {shell.multi} --current-cluster {name}" for name in ("prod-blue", "prod-green")]
    assert (stand.bin / "tarmak.log").read_text().splitlines() == [f"{each} clusters kubeconfig" for each in asked]
    told = json.loads(shell.run(*every, "-o", "json", code=1).out)
    assert [(each["cluster"], each["changed"], len(each["objects"])) for each in told] == [
        ("prod-blue", False, 0),
        ("prod-green", True, 2),
    ]
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").unlink()
    broken, other = json.loads(shell.run(*every, "-o", "json", code=2).out)
    assert broken["error"].startswith("prod-blue has no mappings file")
    assert other["changed"] is True


def test_a_release_whose_objects_cannot_be_generated(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = DaemonVersion(0, 7, 9), DaemonVersion(0, 5, 8)
    print_release_change(ReleaseChange(before, after, "command", failure="the emitter x does not know it"))
    assert capsys.readouterr() == (
        "authenticator v0.7.9 -> v0.5.8\ncannot be applied: the emitter x does not know it\n",
        "",
    )
