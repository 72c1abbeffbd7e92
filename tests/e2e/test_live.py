"""apply, diff, rollback and verify on a real cluster, through the command line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from tarmak_iam.hook.login.verify import logged_refusal
from tarmak_iam.identity import Identity
from tests.e2e import components
from tests.e2e.conftest import (
    ADMIN,
    APPLY,
    DEPLOYER,
    MOSTLY_ON_CURRENT,
    NAME,
    ON_ALL,
    ON_ALL_MOSTLY_ON_CURRENT,
    ON_BOTH,
    ON_CURRENT,
    Stage,
)
from tests.e2e.processes import Running, free_port
from tests.support.fake_cluster import Cluster

KINDS = ("configmap", "daemonset")
CONFIG = f"ConfigMap kube-system/{NAME}"
NEWEST = components.DAEMONS[0]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
pytestmark = ON_BOTH


def meant(stage: Stage) -> list[dict[str, Any]]:
    """What the two objects are about."""
    found = [stage.object(kind) for kind in KINDS]
    return [
        {"labels": each["metadata"].get("labels"), "spec": each.get("spec"), "data": each.get("data")} for each in found
    ]


def noted(stage: Stage, kind: str) -> Any:
    """What kubectl has noted in the object that it sent."""
    return json.loads(stage.object(kind)["metadata"]["annotations"][LAST_APPLIED])


@ON_ALL
def test_apply_and_rollback(stage: Stage) -> None:
    """Of two changes, of which the first one makes the objects."""
    shown = stage.live("diff", code=1)
    assert f"would create {CONFIG}" in shown.out
    assert "role/Admin: can log in as admin:{{SessionName}} with group system:masters" in shown.out
    assert "would create DaemonSet" in stage.live(*APPLY, "--dry-run=server").out
    assert stage.plane.object("configmaps", NAME) is None
    assert "created DaemonSet" in stage.live(*APPLY).out
    assert (stage.home.mappings.parent / "tarmak-iam.state.json").stat().st_mode & 0o777 == 0o600
    versions = [stage.object(kind)["metadata"]["resourceVersion"] for kind in KINDS]
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert again["changed"] is False
    assert {each["action"] for each in again["changes"]} == {"unchanged"}
    assert [stage.object(kind)["metadata"]["resourceVersion"] for kind in KINDS] == versions

    if not stage.plane.is_server_side:  # where there is, test_changes_of_others has a label too
        stage.kubectl("label", "daemonset.apps", NAME, "argocd.argoproj.io/instance=login")
    before, notes = meant(stage), [noted(stage, kind) for kind in KINDS if not stage.plane.is_server_side]
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY, "--image", "example.org/aws-iam-authenticator:v0.7.9")
    assert meant(stage) != before
    assert "configured DaemonSet" in stage.live("rollback", "--no-wait").out
    assert meant(stage) == before
    assert "unchanged" in stage.live("rollback", "--no-wait").err
    # Plain apply takes away what is noted and no longer wanted: keys of others must not get into it.
    assert [noted(stage, kind) for kind in KINDS if not stage.plane.is_server_side] == notes
    # What rollback wrote is ours: no conflict with ourselves, and none of it of others is lost.
    assert "configured ConfigMap" in stage.live(*APPLY).out
    assert meant(stage)[1]["labels"] == before[1]["labels"]

    done = stage.live("rollback", "--no-wait", "--to", "0")
    assert "removed DaemonSet" in done.out
    assert stage.home.way_back in done.err
    assert stage.plane.object("configmaps", NAME) is None


@MOSTLY_ON_CURRENT
def test_a_group_of_the_api_that_is_away_is_in_nobodys_way(stage: Stage, tmp_path: Path) -> None:
    """Nobody is behind it, as a metrics server that is down leaves it."""
    group = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
    service = {"name": "metrics-server", "namespace": "kube-system"}
    spec = {**group, "service": service, "insecureSkipTLSVerify": True}
    api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": spec}
    stage.apply({**api, "metadata": {"name": "v1beta1.metrics.k8s.io"}})
    more = {"KUBECACHEDIR": str(tmp_path)}  # what kubectl has found out before is not asked for again
    try:
        shown = stage.live("diff", code=1, more=more)
        assert "would create DaemonSet" in shown.out
        assert "created DaemonSet" in stage.live(*APPLY, more=more).out
        assert "cannot be reached" not in shown.err
    finally:
        stage.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io")


@ON_ALL_MOSTLY_ON_CURRENT
def test_objects_that_kubectl_applied_are_taken_over_and_given_back(stage: Stage) -> None:
    stage.kubectl("apply", "-f", "-", text=stage.home.run("manifests"))
    before, notes = meant(stage), [noted(stage, kind) for kind in KINDS]
    stage.home.map(ADMIN + DEPLOYER)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")
    assert (meant(stage), [noted(stage, kind) for kind in KINDS]) == (before, notes)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    if stage.plane.is_server_side:
        managers = [entry["manager"] for entry in stage.object("daemonset")["metadata"]["managedFields"]]
        assert managers == ["tarmak-iam"]


@ON_ALL
def test_a_conflict_with_another_field_manager(stage: Stage) -> None:
    stage.live(*APPLY)
    stage.edit(manager="somebody-else")
    live = meant(stage)
    refused = stage.live(*APPLY, code=2)
    told = {
        True: "has fields that were set by somebody-else",
        False: "(data.config.yaml) was changed since it was applied (this Kubernetes version does not record who",
    }
    assert f"{CONFIG} {told[stage.plane.is_server_side]}" in refused.err
    assert meant(stage) == live
    assert "apply would refuse this" in stage.live("diff", code=1).err
    assert "configured ConfigMap" in stage.live(*APPLY, "--force").out
    assert stage.live("diff").out == ""


@ON_ALL_MOSTLY_ON_CURRENT
def test_an_object_that_is_not_ours(stage: Stage) -> None:
    """Not even after a rollback has given it back, and where its content is what ours would be."""
    ours = next(each for each in stage.home.objects() if each["kind"] == "ConfigMap")
    stage.kubectl("create", "configmap", NAME, f"--from-literal=config.yaml={ours['data']['config.yaml']}")
    live = stage.object()["data"]
    refused = stage.live(*APPLY, code=2)
    assert "exists and is not managed by tarmak-iam; nothing was changed" in refused.err
    who = "set by kubectl-create, without labels" if stage.plane.is_server_side else "without labels, created 20"
    assert f"({who}" in refused.err
    assert stage.object()["data"] == live
    assert not (stage.home.mappings.parent / "tarmak-iam.state.json").exists()
    stage.live(*APPLY, "--force")
    stage.live("rollback", "--no-wait")
    assert stage.object()["data"] == live
    assert "exists and is not managed by tarmak-iam" in stage.live(*APPLY, code=2).err


@ON_ALL_MOSTLY_ON_CURRENT
def test_it_waits_for_the_rollout_and_an_old_object_of_ours_goes_last(stage: Stage) -> None:
    stage.kubectl("create", "serviceaccount", "old")
    stage.kubectl("label", "serviceaccount", "old", "app.kubernetes.io/managed-by=tarmak-iam")
    failed = stage.live("apply", "--no-check", "--timeout=3", code=2)
    assert "the rollout did not complete within 3 seconds" in failed.err
    assert "done: created ConfigMap" in failed.err
    assert stage.home.way_back in failed.err
    assert "kept until an apply that waits for the rollout" in stage.live(*APPLY).err
    with stage.plane.rolling_out(NAME):
        done = stage.live("apply", "--no-check", "--timeout=600", "-o", "json")
    found = json.loads(done.out)
    assert found["rolledOut"] is True
    assert [each["name"] for each in found["changes"] if each["action"] == "removed"] == ["old"]
    assert "1 of 1 nodes updated, 1 available" in done.err
    assert "created ServiceAccount kube-system/old" in stage.live("rollback", "--no-wait").out
    stage.kubectl("delete", "serviceaccount", "old")


def verified(stage: Stage, caller: str = "admin", *, code: int = 0, **more: str) -> dict[str, Any]:
    done = stage.live("verify", "--timeout=0", "-o", "json", caller=caller, code=code, more=more)
    assert "k8s-aws-v1" not in done.out + done.err
    found: dict[str, Any] = json.loads(done.out)
    assert found["ok"] is (code == 0)
    return found


def why(stage: Stage, caller: str = "admin", code: int = 1, **more: str) -> str:
    return " ".join(verified(stage, caller, code=code, **more)["account"])


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/s"
MINUTE = "within the last minute: sts getCallerIdentity failed: error"


def assert_not_mapped(stage: Stage, daemon: Running, logged: str) -> None:
    """Somebody whom nobody maps is refused by every daemon in the same way, and that verifies nothing."""
    found = verified(stage, "unmapped", code=4)
    assert (found["outcome"], found["caller"], found["got"]) == ("not mapped", NOBODY, None)
    assert found["verifyAs"] == ["arn:aws:iam::111122223333:role/Admin"]
    assert found["why"].startswith(f"you ({NOBODY}) are not mapped; verify as ")
    # The daemon is no pod here, so kubectl cannot read its log: what it writes is read as kubectl would give it.
    (evidence,) = logged_refusal(Cluster(log=daemon.text).kubectl(), Identity(NOBODY))
    assert logged in evidence
    assert "X-Amz" not in evidence


@ON_ALL
def test_a_login_is_verified(stage: Stage, version: str, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(stage.home.state)}
    (tmp_path / "kubectl").symlink_to(components.program("kubectl", stage.home.kubectl))
    stage.home.map(ADMIN + DEPLOYER)
    with stage.daemon(version) as daemon:
        found = verified(stage)
        assert found["got"] == {"username": "admin:ann-example.com", "groups": ["system:masters"]}
        method = "SelfSubjectReview" if stage.plane.knows_whoami else "TokenReview"
        assert (found["method"], found["tokenFrom"]) == (method, "aws-iam-authenticator")
        assert verified(stage, "path")["got"]["username"] == "deployer"
        assert verified(stage, "account", code=4)["outcome"] == "not mapped"
        assert verified(stage, PATH=str(tmp_path))["tokenFrom"] == "tarmak-iam token"
        assert verified(stage, code=4, **nobody)["outcome"] == "caller unknown"
        refused = verified(stage, code=4, AWS_SECRET_ACCESS_KEY="another one")
        assert refused["outcome"] == "caller unknown"
        assert "the signature is wrong" in " ".join(refused["account"])
        stage.home.map(ADMIN)
        assert_not_mapped(stage, daemon, "authenticator's log about this caller: ")
        stage.home.map(ADMIN.replace("admin:", "boss:"))
        text = why(stage)
        assert "'admin:ann-example.com' with group system:masters" in text
        assert "the cluster's mappings differ from the file" in text
        stage.live(*APPLY)
        assert "an older authenticator may still run" in why(stage)


@ON_CURRENT
def test_a_daemon_that_cannot_reach_sts(stage: Stage, version: str) -> None:
    away = replace(stage.sts, proxy=f"http://127.0.0.1:{free_port()}")
    with replace(stage, sts=away).daemon(version) as daemon:
        assert verified(stage, code=1)["outcome"] == "failed"
        assert_not_mapped(stage, daemon, f"{MINUTE} during GET: ")


@ON_CURRENT
def test_a_daemon_with_another_cluster_id(stage: Stage, version: str) -> None:
    with stage.daemon(version, config_of=lambda text: text.replace("clusterID: dev-cluster", "clusterID: o")) as daemon:
        assert_not_mapped(stage, daemon, f"{MINUTE} from AWS (expected 200, got 403)")
        assert "another cluster ID" in why(stage)
        stage.edit(stage.home.mappings.read_text().replace("dev-cluster", "other"))
        text = why(stage)
        assert "the cluster's objects do not map this caller" in text
        assert "other" in text


@ON_CURRENT
def test_a_daemon_without_a_mapping_of_the_file(stage: Stage, version: str) -> None:
    stage.home.map(ADMIN.replace("Admin", "Other"))
    with stage.daemon(version) as daemon:
        stage.home.map(ADMIN)
        assert_not_mapped(stage, daemon, "authenticator's log about this caller: ")
        text = why(stage)
    assert "the cluster's objects do not map this caller: no mapping matches" in text
    assert "`apply` applies the file" in text


@ON_CURRENT
def test_a_daemon_that_lets_in_somebody_whom_nobody_maps(stage: Stage, version: str) -> None:
    evil = '  - {roleARN: "arn:aws:iam::111122223333:role/Nobody", username: evil, groups: ["system:masters"]}\n'
    with stage.daemon(version, config_of=lambda text: text + evil):
        found = verified(stage, "unmapped", code=1)
    assert found["outcome"] == "failed"
    assert found["account"][0].startswith("the API server identifies ")
    assert "the mappings file does not grant this access" in " ".join(found["account"])


@MOSTLY_ON_CURRENT
def test_apply_verifies_where_it_is_told_to(stage: Stage) -> None:
    with stage.daemon(NEWEST), stage.plane.rolling_out(NAME):
        done = stage.live("apply", "--no-check", "--verify", "-o", "json")
        assert json.loads(done.out)["verified"]["outcome"] == "verified"
        done = stage.live("apply", "--no-check", "--verify", caller="unmapped", code=4)
        assert "not verified: you (" in done.err
        done = stage.live("apply", "--no-check", caller="unmapped")
        assert done.err.splitlines()[-1].startswith("unchanged, not verified; run `tarmak-iam ")


@MOSTLY_ON_CURRENT
def test_a_dead_daemon_and_a_foreign_certificate(stage: Stage, version: str, tmp_path: Path) -> None:
    for caller in ("admin", "unmapped"):  # those whom nobody maps are told, too
        text = why(stage, caller)
        assert "the API server cannot reach the authenticator" in text
        assert "connection refused" in text
        assert "does not exist" in text
    program = components.daemon("v0.6.20")
    components.needed(program)
    subprocess.run([program, "init", "-c", stage.home.mappings], cwd=tmp_path, check=True, capture_output=True)
    with stage.daemon(version, key_pair=tmp_path):
        assert "the API server does not trust the authenticator's certificate" in why(stage)
