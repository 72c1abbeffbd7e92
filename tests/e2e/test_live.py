"""apply, diff, rollback and verify on a real cluster, through the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.hook.login.verify import logged_refusal
from tarmak_iam.identity import Identity
from tests.e2e import components
from tests.e2e.conftest import (
    ADMIN,
    APPLY,
    DEPLOYER,
    EACH_DAEMON,
    MOSTLY_ON_CURRENT,
    NAME,
    ON_ALL,
    ON_ALL_MOSTLY_ON_CURRENT,
    ON_BOTH,
    ON_TARMAKS,
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


@ON_ALL
def test_apply_changes_nothing_twice_and_the_first_one_can_be_undone(stage: Stage) -> None:
    before = stage.live("diff", code=1)
    assert f"would create {CONFIG}" in before.out
    assert "role/Admin: can log in as admin:{{SessionName}} with group system:masters" in before.out
    assert "would create DaemonSet" in stage.live(*APPLY, "--dry-run=server").out
    assert stage.plane.object("configmaps", NAME) is None
    assert "created DaemonSet" in stage.live(*APPLY).out
    assert (stage.home.mappings.parent / "tarmak-iam.state.json").stat().st_mode & 0o777 == 0o600
    versions = [stage.object(kind)["metadata"]["resourceVersion"] for kind in KINDS]
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert again["changed"] is False
    assert {each["action"] for each in again["changes"]} == {"unchanged"}
    assert [stage.object(kind)["metadata"]["resourceVersion"] for kind in KINDS] == versions
    assert stage.live("diff").out == ""
    done = stage.live("rollback", "--no-wait")
    assert "removed DaemonSet" in done.out
    assert stage.home.way_back in done.err
    assert stage.plane.object("configmaps", NAME) is None


@ON_ALL
def test_rollback_restores(stage: Stage) -> None:
    stage.live(*APPLY)
    before = meant(stage)
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY, "--image", "example.org/aws-iam-authenticator:v0.7.9")
    assert meant(stage) != before
    assert "configured DaemonSet" in stage.live("rollback", "--no-wait").out
    assert meant(stage) == before
    assert "unchanged" in stage.live("rollback", "--no-wait").err
    # What rollback wrote is ours: no conflict with ourselves.
    assert "configured ConfigMap" in stage.live(*APPLY).out


@pytest.fixture
def unserved(stage: Stage) -> Iterator[None]:
    """A group of the API with nobody behind it, as a metrics server that is down leaves it."""
    group = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
    service = {"name": "metrics-server", "namespace": "kube-system"}
    spec = {**group, "service": service, "insecureSkipTLSVerify": True}
    api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": spec}
    stage.kubectl("apply", "-f", "-", text=json.dumps({**api, "metadata": {"name": "v1beta1.metrics.k8s.io"}}))
    yield
    stage.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io")


@MOSTLY_ON_CURRENT
@pytest.mark.usefixtures("unserved")
def test_a_group_of_the_api_that_is_away_is_in_nobodys_way(stage: Stage, tmp_path: Path) -> None:
    more = {"KUBECACHEDIR": str(tmp_path)}  # what kubectl has found out before is not asked for again
    shown = stage.live("diff", code=1, more=more)
    assert "would create DaemonSet" in shown.out
    assert "created DaemonSet" in stage.live(*APPLY, more=more).out
    assert "cannot be reached" not in shown.err


@ON_ALL_MOSTLY_ON_CURRENT
def test_objects_that_kubectl_applied_are_taken_over_and_given_back(stage: Stage) -> None:
    stage.kubectl("apply", "-f", "-", text=stage.home.run("manifests"))
    before, notes = meant(stage), [noted(stage, kind) for kind in KINDS]
    stage.home.map(ADMIN + DEPLOYER)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")
    assert (meant(stage), [noted(stage, kind) for kind in KINDS]) == (before, notes)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    stage.home.map(ADMIN)
    assert f"configured {CONFIG}" in stage.live(*APPLY).out
    if stage.plane.is_server_side:
        managers = [entry["manager"] for entry in stage.object("daemonset")["metadata"]["managedFields"]]
        assert managers == ["tarmak-iam"]


def noted(stage: Stage, kind: str) -> Any:
    """What kubectl has noted in the object that it sent."""
    return json.loads(stage.object(kind)["metadata"]["annotations"][LAST_APPLIED])


@ON_TARMAKS
def test_rollback_leaves_the_note_of_what_was_applied(stage: Stage) -> None:
    """Plain apply takes away what is in it and no longer wanted: keys of others must not get into it."""
    stage.live(*APPLY)
    stage.kubectl("label", "daemonset.apps", NAME, "argocd.argoproj.io/instance=login")
    before = noted(stage, "daemonset")
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    stage.live("rollback", "--no-wait")
    assert noted(stage, "daemonset") == before
    stage.live(*APPLY)
    assert stage.object("daemonset")["metadata"]["labels"]["argocd.argoproj.io/instance"] == "login"


@ON_TARMAKS
def test_an_apply_that_is_killed_midway(stage: Stage, tmp_path: Path) -> None:
    """Before the DaemonSet is written: the next apply does the rest, and one rollback undoes both. On a current
    Kubernetes test_locks kills it."""
    stage.live(*APPLY)
    before = meant(stage)
    stage.home.map(ADMIN + DEPLOYER)
    real = components.program("kubectl", stage.home.kubectl)
    text = f"""\
#!/bin/sh
case " $* " in *dry-run*) exec {real} "$@" ;; *" apply "* | *" replace "*) ;; *) exec {real} "$@" ;; esac
cat > {tmp_path}/sent
grep -q '"kind": "DaemonSet"' {tmp_path}/sent && kill -KILL $PPID && exit 1
exec {real} "$@" < {tmp_path}/sent
"""
    (tmp_path / "kubectl").write_text(text)
    (tmp_path / "kubectl").chmod(0o755)
    stage.live(*APPLY, code=-9, more={"PATH": stage.path_with(tmp_path)})
    config, daemon = meant(stage)
    assert (config == before[0], daemon == before[1]) == (False, True)
    assert "configured DaemonSet" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")
    assert meant(stage) == before


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
def test_an_old_object_of_ours_goes_last(stage: Stage) -> None:
    stage.kubectl("create", "serviceaccount", "old")
    stage.kubectl("label", "serviceaccount", "old", "app.kubernetes.io/managed-by=tarmak-iam")
    assert "kept until an apply that waits for the rollout" in stage.live(*APPLY).err
    with stage.plane.rolling_out(NAME):
        assert "removed ServiceAccount kube-system/old" in stage.live("apply", "--no-check", "--timeout=600").out
    assert "created ServiceAccount kube-system/old" in stage.live("rollback", "--no-wait").out
    stage.kubectl("delete", "serviceaccount", "old")


@MOSTLY_ON_CURRENT
def test_the_last_way_in_is_kept(stage: Stage) -> None:
    stage.live(*APPLY)
    stage.home.map(ADMIN.replace("system:masters", "readers"))
    refused = stage.live(*APPLY, code=2)
    assert "the last mapping to system:masters would be lost" in refused.err
    assert stage.home.way_back in refused.err
    shown = stage.live("diff", code=1)
    assert "loses system:masters" in shown.out
    assert "no RoleBinding or ClusterRoleBinding names the group readers" in shown.err
    stage.live(*APPLY, "--force")


@ON_ALL_MOSTLY_ON_CURRENT
def test_it_waits_for_the_rollout(stage: Stage) -> None:
    failed = stage.live("apply", "--no-check", "--timeout=3", code=2)
    assert "the rollout did not complete within 3 seconds" in failed.err
    assert "done: created ConfigMap" in failed.err
    assert stage.home.way_back in failed.err
    with stage.plane.rolling_out(NAME):
        done = stage.live("apply", "--no-check", "--timeout=600", "-o", "json")
    assert json.loads(done.out)["rolledOut"] is True
    assert "1 of 1 nodes updated, 1 available" in done.err


def verified(stage: Stage, caller: str = "admin", *, code: int = 0, **more: str) -> dict[str, Any]:
    done = stage.live("verify", "--timeout=0", "-o", "json", caller=caller, code=code, more=more)
    assert "k8s-aws-v1" not in done.out + done.err
    found: dict[str, Any] = json.loads(done.out)
    assert found["ok"] is (code == 0)
    return found


def why(stage: Stage, caller: str = "admin", code: int = 1, **more: str) -> str:
    return " ".join(verified(stage, caller, code=code, **more)["account"])


@ON_ALL
def test_a_login_is_verified(stage: Stage, version: str) -> None:
    stage.home.map(ADMIN + DEPLOYER)
    with stage.daemon(version):
        found = verified(stage)
        assert found["got"] == {"username": "admin:ann-example.com", "groups": ["system:masters"]}
        method = "SelfSubjectReview" if stage.plane.knows_whoami else "TokenReview"
        assert (found["method"], found["tokenFrom"]) == (method, "aws-iam-authenticator")
        assert verified(stage, "path")["got"]["username"] == "deployer"
        assert verified(stage, "account", code=4)["outcome"] == "not mapped"


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/s"
MINUTE = "within the last minute: sts getCallerIdentity failed: error"


@contextmanager
def broken_daemon(stage: Stage, version: str, kind: str) -> Iterator[Running]:
    """One that runs and answers, and refuses everybody, or only those whom nobody maps."""
    changes: dict[str, Callable[[str], str]] = {
        "another cluster id": lambda text: text.replace("clusterID: dev-cluster", "clusterID: other"),
        "no mappings": lambda text: text.partition("  mapRoles:")[0],
    }
    sts = replace(stage.sts, proxy=f"http://127.0.0.1:{free_port()}") if kind == "no way to STS" else stage.sts
    config_of = changes.get(kind, str)
    with stage.home.daemon(version, stage.plane, sts, stage.sts_ca, config_of=config_of) as daemon:
        yield daemon


@MOSTLY_ON_CURRENT
@pytest.mark.parametrize("version", EACH_DAEMON)
@pytest.mark.parametrize(
    ("kind", "account", "logged"),
    [
        ("healthy", "", "authenticator's log about this caller: "),
        ("no way to STS", "", f"{MINUTE} during GET: "),
        ("another cluster id", "another cluster ID", f"{MINUTE} from AWS (expected 200, got 403)"),
        ("no mappings", "", "authenticator's log about this caller: "),
    ],
)
def test_a_refusal_verifies_nothing(stage: Stage, version: str, kind: str, account: str, logged: str) -> None:
    """Somebody who is not mapped is refused in the same way by every one of them; who is mapped sees the difference."""
    with broken_daemon(stage, version, kind) as daemon:
        nobody = verified(stage, "unmapped", code=4)
        log = daemon.text
        found = verified(stage, code=int(kind != "healthy"))
        assert found["outcome"] == ("verified" if kind == "healthy" else "failed")
        assert account in " ".join(found["account"])
    assert (nobody["outcome"], nobody["caller"], nobody["got"]) == ("not mapped", NOBODY, None)
    assert nobody["verifyAs"] == ["arn:aws:iam::111122223333:role/Admin"]
    assert nobody["why"].startswith(f"you ({NOBODY}) are not mapped; verify as ")
    # The daemon is no pod here, so kubectl cannot read its log: what it writes is read as kubectl would give it.
    (evidence,) = logged_refusal(Cluster(log=log).kubectl(), Identity(NOBODY))
    assert logged in evidence
    assert "X-Amz" not in evidence


@MOSTLY_ON_CURRENT
@pytest.mark.parametrize("version", EACH_DAEMON)
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
def test_credentials_and_programs_that_are_there_or_not(stage: Stage, version: str, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(stage.home.state)}
    (tmp_path / "kubectl").symlink_to(components.program("kubectl", stage.home.kubectl))
    with stage.daemon(version):
        assert verified(stage, code=4, **nobody)["outcome"] == "caller unknown"
        refused = verified(stage, code=4, AWS_SECRET_ACCESS_KEY="another one")
        assert verified(stage, PATH=str(tmp_path))["tokenFrom"] == "tarmak-iam token"
    assert refused["outcome"] == "caller unknown"
    assert "the signature is wrong" in " ".join(refused["account"])


@MOSTLY_ON_CURRENT
def test_a_dead_daemon(stage: Stage) -> None:
    """Those whom nobody maps are told, too."""
    for caller in ("admin", "unmapped"):
        text = why(stage, caller)
        assert "the API server cannot reach the authenticator" in text
        assert "connection refused" in text
        assert "does not exist" in text


def test_a_wrong_cluster_id_in_the_cluster(stage: Stage, version: str) -> None:
    with stage.daemon(version, config_of=lambda text: text.replace("clusterID: dev-cluster", "clusterID: other")):
        assert "another cluster ID" in why(stage)
        stage.edit(stage.home.mappings.read_text().replace("dev-cluster", "other"))
        text = why(stage)
        assert "the cluster's objects do not map this caller" in text
        assert "other" in text


@MOSTLY_ON_CURRENT
def test_a_foreign_certificate(stage: Stage, version: str, tmp_path: Path) -> None:
    program = components.daemon("v0.6.20")
    components.needed(program)
    subprocess.run([program, "init", "-c", stage.home.mappings], cwd=tmp_path, check=True, capture_output=True)
    with stage.daemon(version, key_pair=tmp_path):
        assert "the API server does not trust the authenticator's certificate" in why(stage)


def test_a_removed_mapping(stage: Stage, version: str) -> None:
    stage.home.map(ADMIN.replace("Admin", "Other"))
    with stage.daemon(version):
        stage.home.map(ADMIN)
        text = why(stage)
    assert "the cluster's objects do not map this caller: no mapping matches" in text
    assert "`apply` applies the file" in text


@MOSTLY_ON_CURRENT
def test_another_username(stage: Stage, version: str) -> None:
    with stage.daemon(version):
        stage.home.map(ADMIN.replace("admin:", "boss:"))
        text = why(stage)
        assert "'admin:ann-example.com' with group system:masters" in text
        assert "the cluster's mappings differ from the file" in text
        stage.live(*APPLY)
        assert "an older authenticator may still run" in why(stage)
