"""apply, diff, rollback and verify on a real cluster, through the command line."""

from __future__ import annotations

import json
import os
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
    EACH_DAEMON,
    MOSTLY_ON_CURRENT,
    ON_ALL,
    ON_ALL_MOSTLY_ON_CURRENT,
    ON_BOTH,
    ON_TARMAKS,
    Stage,
)
from tests.e2e.processes import Running, free_port
from tests.support.fake_cluster import Cluster

ADMIN = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: "admin:{{SessionName}}", groups: ["system:masters"]}
"""
DEPLOYER = '  - {roleARN: "arn:aws:iam::111122223333:role/Deployer", username: deployer, groups: [deployers]}\n'
NAME = "aws-iam-authenticator"
# The webhook file of these tests lies elsewhere than on Tarmak's masters, which check calls an error.
APPLY = ("apply", "--no-check", "--no-wait")
NEWEST = components.DAEMONS[0]
pytestmark = ON_BOTH


@pytest.fixture(autouse=True)
def _empty(stage: Stage) -> Iterator[None]:
    stage.home.map(ADMIN)
    _clear(stage)
    yield
    _clear(stage)


def _clear(stage: Stage) -> None:
    for file in (stage.home.mappings.parent).glob("tarmak-iam.state*"):
        file.unlink()
    for kind in ("daemonsets", "configmaps"):
        stage.plane.object(kind, NAME, method="DELETE")


def state_of(stage: Stage) -> Path:
    return stage.home.mappings.parent / "tarmak-iam.state.json"


def get(stage: Stage, kind: str) -> dict[str, Any]:
    found = stage.plane.object(f"{kind}s", NAME)
    assert found is not None
    return dict(found)


def managers_of(each: dict[str, Any]) -> list[str]:
    return [entry["manager"] for entry in each["metadata"]["managedFields"]]


def meant(each: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: each["metadata"].get(key) for key in ("name", "namespace", "labels")}
    return {"metadata": metadata, "spec": each.get("spec"), "data": each.get("data")}


@ON_ALL
def test_a_second_apply_changes_nothing_and_diff_is_empty(stage: Stage) -> None:
    before = stage.live("diff", code=1)
    assert "created ConfigMap kube-system/aws-iam-authenticator" in before.out
    assert "role/Admin: can log in as admin:{{SessionName}} with group system:masters" in before.out
    assert "created DaemonSet" in stage.live(*APPLY, "--dry-run=server").out
    assert stage.plane.object("configmaps", NAME) is None
    assert "created DaemonSet" in stage.live(*APPLY).out
    versions = [get(stage, kind)["metadata"]["resourceVersion"] for kind in ("configmap", "daemonset")]
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert again["changed"] is False
    assert {each["action"] for each in again["changes"]} == {"unchanged"}
    assert [get(stage, kind)["metadata"]["resourceVersion"] for kind in ("configmap", "daemonset")] == versions
    assert stage.live("diff").out == ""


@pytest.fixture
def unserved(stage: Stage) -> Iterator[None]:
    """A group of the API with nobody behind it, as a metrics server that is down leaves it."""
    group = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
    service = {"name": "metrics-server", "namespace": "kube-system"}
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
    }
    spec = {**group, "service": service, "insecureSkipTLSVerify": True}
    done = stage.plane.kubectl("apply", "-f", "-", text=json.dumps({**api, "spec": spec}))
    assert done.code == 0, done.err
    yield
    stage.plane.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io")


@MOSTLY_ON_CURRENT
@pytest.mark.usefixtures("unserved")
def test_a_group_of_the_api_that_is_away_is_in_nobodys_way(stage: Stage, tmp_path: Path) -> None:
    more = {"KUBECACHEDIR": str(tmp_path)}  # what kubectl has found out before is not asked for again
    shown = stage.live("diff", code=1, more=more)
    assert "created DaemonSet" in shown.out
    assert "created DaemonSet" in stage.live(*APPLY, more=more).out
    assert "cannot be reached" not in shown.err


@MOSTLY_ON_CURRENT
def test_the_kubeconfig_is_the_one_that_tarmak_prints(stage: Stage, tmp_path: Path) -> None:
    kubeconfig = stage.home.mappings.parent / "kubeconfig"
    tarmak = tmp_path / "tarmak"
    tarmak.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args\necho a warning >&2\necho KUBECONFIG={kubeconfig}\n')
    tarmak.chmod(0o755)
    environment = stage.caller_environment("admin")
    more = {**environment, "PATH": f"{tmp_path}{os.pathsep}{environment['PATH']}"}
    assert "created DaemonSet" in stage.home.call(*APPLY, more=more).out
    assert (tmp_path / "args").read_text().split()[1:4:2] == [str(stage.home.directory), "dev-cluster"]


@ON_ALL_MOSTLY_ON_CURRENT
def test_objects_that_kubectl_applied_are_taken_over(stage: Stage) -> None:
    done = stage.plane.kubectl("apply", "-f", "-", text=stage.home.run("manifests"))
    assert done.code == 0, done.err
    stage.home.map(ADMIN + DEPLOYER)
    assert "configured ConfigMap" in stage.live(*APPLY).out
    stage.home.map(ADMIN)
    assert "configured ConfigMap" in stage.live(*APPLY).out
    if stage.plane.is_server_side:
        assert managers_of(get(stage, "daemonset")) == ["tarmak-iam"]


def test_plain_apply_comes_to_the_same(stage: Stage, tmp_path: Path) -> None:
    """As below Kubernetes 1.16: what would change is worked out here, and the object is created or replaced."""
    if not stage.plane.is_server_side:
        pytest.skip("all tests are about plain apply here")
    kubectl = tmp_path / "kubectl"
    old = json.dumps({"clientVersion": {"gitVersion": "v1.15.12"}, "serverVersion": {"gitVersion": "v1.15.12"}})
    is_version = 'for each; do [ "$each" = version ] && echo "$old" && exit; done'
    kubectl.write_text(f"#!/bin/sh\nold='{old}'\n{is_version}\nexec {components.program('kubectl')} \"$@\"\n")
    kubectl.chmod(0o755)
    more = {"PATH": f"{tmp_path}{os.pathsep}{stage.caller_environment('admin')['PATH']}"}
    stage.live(*APPLY, more=more)
    before = meant(get(stage, "daemonset"))
    assert "unchanged DaemonSet" in stage.live(*APPLY, more=more).out
    stage.home.map(ADMIN + DEPLOYER)
    assert "+      - {roleARN:" in stage.live("diff", code=1, more=more).out
    assert "configured DaemonSet" in stage.live(*APPLY, more=more).out
    assert stage.live("diff", more=more).out == ""
    assert "tarmak-iam" not in managers_of(get(stage, "daemonset"))
    stage.live("rollback", "--no-wait", more=more)
    assert meant(get(stage, "daemonset")) == before


@ON_ALL
def test_rollback_restores(stage: Stage) -> None:
    stage.live(*APPLY)
    before = [meant(get(stage, kind)) for kind in ("configmap", "daemonset")]
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY, "--image", "example.org/aws-iam-authenticator:v0.7.9")
    assert [meant(get(stage, kind)) for kind in ("configmap", "daemonset")] != before
    assert state_of(stage).stat().st_mode & 0o777 == 0o600
    assert "configured DaemonSet" in stage.live("rollback", "--no-wait").out
    assert [meant(get(stage, kind)) for kind in ("configmap", "daemonset")] == before
    assert "unchanged" in stage.live("rollback", "--no-wait").err
    # What rollback wrote is ours: no conflict with ourselves.
    assert "configured ConfigMap" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")


@ON_TARMAKS
def test_rollback_leaves_the_note_of_what_was_applied(stage: Stage) -> None:
    """Plain apply takes away what is in it and no longer wanted: keys of others must not get into it."""
    stage.live(*APPLY)
    label = ("label", "daemonset.apps", NAME, "argocd.argoproj.io/instance=login")
    assert stage.plane.kubectl("-n", "kube-system", *label).code == 0
    before = get(stage, "daemonset")["metadata"]
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    stage.live("rollback", "--no-wait")
    after = get(stage, "daemonset")["metadata"]
    note = "kubectl.kubernetes.io/last-applied-configuration"
    assert json.loads(after["annotations"][note]) == json.loads(before["annotations"][note])
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    assert get(stage, "daemonset")["metadata"]["labels"]["argocd.argoproj.io/instance"] == "login"


@pytest.mark.parametrize(("signal", "code"), [("KILL", -9), pytest.param("TERM", 143, marks=pytest.mark.thorough)])
def test_an_apply_that_is_ended_midway(stage: Stage, signal: str, code: int, tmp_path: Path) -> None:
    """Before the DaemonSet is written: the next apply does the rest, and one rollback undoes both."""
    stage.live(*APPLY)
    before = [meant(get(stage, kind)) for kind in ("configmap", "daemonset")]
    stage.home.map(ADMIN + DEPLOYER)
    real = components.program("kubectl", stage.home.kubectl)
    text = f"""\
#!/bin/sh
case " $* " in *" apply "* | *" replace "*) ;; *) exec {real} "$@" ;; esac
case " $* " in *dry-run*) exec {real} "$@" ;; esac
cat > {tmp_path}/sent
grep -q '"kind": "DaemonSet"' {tmp_path}/sent && kill -{signal} $PPID && exit 1
exec {real} "$@" < {tmp_path}/sent
"""
    (tmp_path / "kubectl").write_text(text)
    (tmp_path / "kubectl").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{stage.caller_environment('admin')['PATH']}"
    stage.live(*APPLY, code=code, more={"PATH": path})
    midway = [meant(get(stage, kind)) for kind in ("configmap", "daemonset")]
    assert midway[0] != before[0]
    assert midway[1] == before[1]
    assert "configured DaemonSet" in stage.live(*APPLY).out
    stage.live("rollback", "--no-wait")
    assert [meant(get(stage, kind)) for kind in ("configmap", "daemonset")] == before


@MOSTLY_ON_CURRENT
def test_rollback_of_the_first_apply_removes(stage: Stage) -> None:
    stage.live(*APPLY)
    done = stage.live("rollback", "--no-wait")
    assert "removed DaemonSet" in done.out
    assert stage.home.way_back in done.err
    assert stage.plane.object("configmaps", NAME) is None


@MOSTLY_ON_CURRENT
def test_rollback_does_not_undo_what_others_did_since(stage: Stage) -> None:
    stage.live(*APPLY)
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    edit(stage, "somebody")
    refused = stage.live("rollback", "--no-wait", code=2)
    assert (
        "ConfigMap kube-system/aws-iam-authenticator (data.config.yaml) has since been changed by another manager"
        in refused.err
    )
    assert "configured ConfigMap" in stage.live("rollback", "--no-wait", "--force").out


def edit(stage: Stage, manager: str) -> None:
    patch = json.dumps({"data": {"config.yaml": "clusterID: dev-cluster\n"}})
    args = ("patch", "configmap", NAME, f"--field-manager={manager}", "--type=merge", "-p", patch)
    assert stage.plane.kubectl("-n", "kube-system", *args).code == 0


@ON_ALL
def test_a_conflict_with_another_field_manager(stage: Stage) -> None:
    stage.live(*APPLY)
    edit(stage, "somebody-else")
    live = meant(get(stage, "configmap"))
    refused = stage.live(*APPLY, code=2)
    told = {
        True: "has fields that were set by somebody-else",
        False: "(data.config.yaml) was changed since it was applied (this Kubernetes version does not record who",
    }
    assert f"ConfigMap kube-system/aws-iam-authenticator {told[stage.plane.is_server_side]}" in refused.err
    assert meant(get(stage, "configmap")) == live
    assert "apply would refuse this" in stage.live("diff", code=1).err
    assert "configured ConfigMap" in stage.live(*APPLY, "--force").out


@ON_ALL_MOSTLY_ON_CURRENT
def test_an_object_that_is_not_ours(stage: Stage) -> None:
    create = ("create", "configmap", NAME, "--from-literal=config.yaml=clusterID: dev-cluster")
    assert stage.plane.kubectl("-n", "kube-system", *create).code == 0
    live = meant(get(stage, "configmap"))
    refused = stage.live(*APPLY, code=2)
    assert "exists and is not managed by tarmak-iam; nothing was changed" in refused.err
    who = "set by kubectl-create, without labels" if stage.plane.is_server_side else "without labels, created 20"
    assert f"({who}" in refused.err
    assert meant(get(stage, "configmap")) == live
    assert not state_of(stage).exists()
    stage.live(*APPLY, "--force")
    stage.live("rollback", "--no-wait")
    assert meant(get(stage, "configmap")) == live
    assert "exists and is not managed by tarmak-iam" in stage.live(*APPLY, code=2).err


@ON_ALL_MOSTLY_ON_CURRENT
def test_what_is_given_back_is_not_ours_any_more(stage: Stage) -> None:
    config = next(each for each in stage.home.objects() if each["kind"] == "ConfigMap")
    theirs = {**config, "metadata": {"name": NAME, "namespace": "kube-system"}}
    done = stage.plane.kubectl("create", "-f", "-", text=json.dumps(theirs))
    assert done.code == 0, done.err
    stage.live(*APPLY, "--force")
    stage.live("rollback", "--no-wait")
    assert "exists and is not managed by tarmak-iam" in stage.live(*APPLY, code=2).err


@ON_ALL_MOSTLY_ON_CURRENT
def test_an_old_object_of_ours_goes_last(stage: Stage) -> None:
    labels = "app.kubernetes.io/managed-by=tarmak-iam"
    assert stage.plane.kubectl("-n", "kube-system", "create", "serviceaccount", "old").code == 0
    assert stage.plane.kubectl("-n", "kube-system", "label", "serviceaccount", "old", labels).code == 0
    assert "kept until an apply that waits for the rollout" in stage.live(*APPLY).err
    with stage.plane.rolling_out(NAME):
        assert "removed ServiceAccount kube-system/old" in stage.live("apply", "--no-check", "--timeout=600").out
    assert "created ServiceAccount kube-system/old" in stage.live("rollback", "--no-wait").out
    assert stage.plane.kubectl("-n", "kube-system", "delete", "serviceaccount", "old").code == 0


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
    ("kind", "code", "logged"),
    [
        ("healthy", 0, "authenticator's log about this caller: "),
        ("no way to STS", 1, "within the last minute: sts getCallerIdentity failed: error during GET: "),
        (
            "another cluster id",
            1,
            "within the last minute: sts getCallerIdentity failed: error from AWS (expected 200, got 403)",
        ),
        ("no mappings", 1, "authenticator's log about this caller: "),
    ],
)
def test_a_refusal_verifies_nothing(stage: Stage, version: str, kind: str, code: int, logged: str) -> None:
    """Somebody who is not mapped is refused in the same way by every one of them; who is mapped sees the difference."""
    with broken_daemon(stage, version, kind) as daemon:
        nobody = verified(stage, "unmapped", code=4)
        log = daemon.text
        assert verified(stage, code=code)["outcome"] == ("failed" if code else "verified")
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
def test_without_credentials_nothing_is_verified(stage: Stage) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(stage.home.state)}
    with stage.daemon(NEWEST):
        assert verified(stage, code=4, **nobody)["outcome"] == "caller unknown"


@MOSTLY_ON_CURRENT
def test_our_own_token_where_the_go_program_is_not(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "kubectl").symlink_to(components.program("kubectl", stage.home.kubectl))
    with stage.daemon(NEWEST):
        found = verified(stage, PATH=str(tmp_path))
    assert found["tokenFrom"] == "tarmak-iam token"


@MOSTLY_ON_CURRENT
def test_a_dead_daemon(stage: Stage) -> None:
    found = verified(stage, code=1)
    text = " ".join(found["account"])
    assert "the API server cannot reach the authenticator" in text
    assert "connection refused" in text
    assert "does not exist" in text


@MOSTLY_ON_CURRENT
def test_a_dead_daemon_is_told_to_those_whom_nobody_maps_too(stage: Stage) -> None:
    assert "the API server cannot reach the authenticator" in " ".join(verified(stage, "unmapped", code=1)["account"])


def test_a_wrong_cluster_id(stage: Stage, version: str) -> None:
    with stage.daemon(version, config_of=lambda text: text.replace("clusterID: dev-cluster", "clusterID: other")):
        text = " ".join(verified(stage, code=1)["account"])
        assert "another cluster ID" in text
        edited = json.dumps({"data": {"config.yaml": stage.home.mappings.read_text().replace("dev-cluster", "other")}})
        stage.plane.kubectl("-n", "kube-system", "patch", "configmap", NAME, "--type=merge", "-p", edited)
        text = " ".join(verified(stage, code=1)["account"])
        assert "the cluster's objects do not map this caller" in text
        assert "other" in text


@MOSTLY_ON_CURRENT
def test_a_foreign_certificate(stage: Stage, version: str, tmp_path: Path) -> None:
    components.needed(components.daemon("v0.6.20"))
    init: list[str | Path] = [components.daemon("v0.6.20"), "init", "-c", stage.home.mappings]
    subprocess.run(init, cwd=tmp_path, check=True, capture_output=True)
    with stage.daemon(version, key_pair=tmp_path):
        text = " ".join(verified(stage, code=1)["account"])
    assert "the API server does not trust the authenticator's certificate" in text


def test_a_removed_mapping(stage: Stage, version: str) -> None:
    stage.home.map(ADMIN.replace("Admin", "Other"))
    with stage.daemon(version):
        stage.home.map(ADMIN)
        text = " ".join(verified(stage, code=1)["account"])
    assert "the cluster's objects do not map this caller: no mapping matches" in text
    assert "`apply` applies the file" in text


@MOSTLY_ON_CURRENT
def test_another_username(stage: Stage, version: str) -> None:
    with stage.daemon(version):
        stage.home.map(ADMIN.replace("admin:", "boss:"))
        text = " ".join(verified(stage, code=1)["account"])
        assert "'admin:ann-example.com' with group system:masters" in text
        assert "the cluster's mappings differ from the file" in text
        stage.live(*APPLY)
        assert "an older authenticator may still run" in " ".join(verified(stage, code=1)["account"])


@MOSTLY_ON_CURRENT
def test_credentials_that_aws_does_not_take(stage: Stage, version: str) -> None:
    with stage.daemon(version):
        found = verified(stage, code=4, AWS_SECRET_ACCESS_KEY="another one")
    assert found["outcome"] == "caller unknown"
    assert "the signature is wrong" in " ".join(found["account"])
