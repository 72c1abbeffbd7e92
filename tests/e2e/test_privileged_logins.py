"""Principals whom `report` calls admins: each of them logs in through the real daemon and does what makes it one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e import components
from tests.e2e.access_reviews import granting, rule
from tests.e2e.conftest import ACCOUNT, ADMIN, MOSTLY_ON_CURRENT, NAME, PRINCIPALS, Stage

DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
MAPPINGS = f'{ADMIN}  - {{roleARN: "{DEPLOYER}", username: deployer, groups: [deployers]}}\n'
MASTERS = "system:masters"


@pytest.fixture(autouse=True)
def _leaving_nothing(stage: Stage) -> Iterator[None]:
    yield
    for name in ("featureGates", "backends"):
        stage.home.call("settings", "unset", name)
    stage.clear_all("made-by=test")


def daemon_for(stage: Stage) -> str:
    """The newest that works with the CustomResourceDefinitions of its Kubernetes."""
    return components.DAEMONS[0 if stage.plane.is_server_side else -1]


def give(stage: Stage, group: str, namespace: str, verbs: str, resource: str, api_group: str = "") -> None:
    """The rights on one resource, by a binding of their own."""
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}
    own, labels = rule(verbs, resource, api_group), {"made-by": "test"}
    stage.apply(*granting("given", own, namespace=namespace, subject=subject, labels=labels))


def said(stage: Stage, principal: str = DEPLOYER) -> tuple[str, str]:
    """Privilege and why, as `report --kubeconfig` has it."""
    (cluster,) = json.loads(stage.live("report", "-o", "json").out)["clusters"]
    assert cluster["live"]["error"] is None
    (found,) = [each for each in cluster["principals"] if each["principal"] == principal]
    return found["privilege"], "; ".join(found["because"])


@MOSTLY_ON_CURRENT
def test_who_writes_aws_auth_makes_itself_an_admin(stage: Stage) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(daemon_for(stage), "--backend", "EKSConfigMap"):
        assert stage.eventually("path").groups == ("deployers", "system:authenticated")
        assert said(stage) == ("none", "")
        give(stage, "deployers", "kube-system", "get patch", "configmaps")
        assert said(stage) == ("admin", "RoleBinding kube-system/given: writes the IAM mappings in kube-system")
        roles = [{"rolearn": DEPLOYER, "username": "deployer", "groups": [MASTERS]}]
        patch = json.dumps({"data": {"mapRoles": json.dumps(roles)}})
        command = ("-n", "kube-system", "patch", "configmap", "aws-auth", "--type=merge", "-p", patch)
        done = stage.kubectl_as("path", *command)
        assert done.code == 0, done.err
        stage.eventually("path", MASTERS)


@MOSTLY_ON_CURRENT
def test_who_creates_identity_mappings_makes_anybody_an_admin(stage: Stage) -> None:
    stage.home.map(MAPPINGS)
    with stage.daemon(daemon_for(stage), "--backend", "CRD"):
        assert stage.eventually("path").groups == ("deployers", "system:authenticated")
        assert said(stage) == ("none", "")
        give(stage, "deployers", "", "create", "iamidentitymappings", "iamauthenticator.k8s.aws")
        assert said(stage) == ("admin", "ClusterRoleBinding given: writes the IAM mappings")
        assert "Unauthorized" in stage.login("unmapped").refused
        mapping = {
            "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
            "kind": "IAMIdentityMapping",
            "metadata": {"name": "nobody"},
            "spec": {"arn": f"arn:aws:iam::{ACCOUNT}:role/Nobody", "username": "n", "groups": [MASTERS]},
        }
        file = stage.home.state / "mapping.json"
        file.write_text(json.dumps(mapping))
        done = stage.kubectl_as("path", "create", "--validate=false", "-f", str(file))
        assert done.code == 0, done.err
        stage.eventually("unmapped", MASTERS)


def test_who_writes_our_config_map_starts_pods_or_may_do_what_everybody_may(stage: Stage) -> None:
    stage.home.map(MAPPINGS)
    patch = json.dumps({"data": {"config.yaml": "server: {mapRoles: []}"}})
    container = {"name": "own", "image": "example.org/own", "volumeMounts": [{"name": "n", "mountPath": "/n"}]}
    spec = {"containers": [container], "volumes": [{"name": "n", "hostPath": {"path": "/"}}]}
    kind = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own", "namespace": "kube-system"}}
    file = stage.home.state / "pod.json"
    file.write_text(json.dumps({**kind, "spec": {**spec, "automountServiceAccountToken": False}}))
    metadata = {"name": "default", "namespace": "kube-system"}
    stage.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def done(*args: str) -> bool:
        return stage.kubectl_as("path", *args).code == 0

    with stage.daemon(daemon_for(stage)):
        assert said(stage) == ("none", "")
        give(stage, "deployers", "kube-system", "get patch", "configmaps")
        assert said(stage) == ("admin", "RoleBinding kube-system/given: writes the IAM mappings in kube-system")
        assert done("-n", "kube-system", "patch", "configmap", NAME, "--type=merge", "-p", patch)
        give(stage, "deployers", "kube-system", "create", "pods")
        privilege, because = said(stage)
        assert (privilege, "starts pods in kube-system" in because) == ("admin", True)
        assert done("create", "--validate=false", "-f", str(file))
        stage.kubectl("delete", "pod", "own", "--force", "--grace-period=0")
        stage.kubectl("delete", "rolebinding", "given")
        assert "Forbidden" in stage.kubectl_as("path", "get", "secrets", "-A").err
        give(stage, "system:authenticated", "", "*", "*", "*")
        assert said(stage)[0] == "admin"
        assert done("get", "secrets", "-A")


def test_a_permission_set_whose_name_begins_as_an_admins_does(stage: Stage) -> None:
    """Dev_Ops is taken for Dev at random, so that its own entry is not all that it may get."""
    entries = (("Dev", "dev", f'["{MASTERS}"]'), ("Dev_Ops", "ops", "[]"))
    lines = [
        f'  - {{sso: {{permissionSetName: {name}, accountID: "{ACCOUNT}"}}, username: {user}, groups: {groups}}}\n'
        for name, user, groups in entries
    ]
    stage.home.run("settings", "set", "featureGates", "SSORoleMatch=true")
    stage.home.map("  mapRoles:\n" + "".join(lines))
    with stage.daemon(daemon_for(stage)):
        logins = {(each.username, MASTERS in each.groups) for each in (stage.login("sso") for _ in range(10))}
        assert logins <= {("dev", True), ("ops", False)}
        assert PRINCIPALS["sso"].arn in stage.sts.asked
        assert said(stage, f"{ACCOUNT}/Dev_Ops") == ("admin", f"group {MASTERS}")
        assert ("dev", True) in logins
