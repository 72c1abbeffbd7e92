"""--backend, and what the commands say of backends other than the file."""

from __future__ import annotations

import json

import pytest

from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS
from tests.support import ADMIN, Shell

BACKENDS = ", ".join(WRITABLE_BACKENDS)
USER = "arn:aws:iam::111122223333:user/alice"
OBJECTS = "note: `kubectl apply` accepts the IAMIdentityMapping objects only after"
STAYS = "note: the object of a removed entry stays in the cluster"


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    shell.dev("map", "add", ADMIN, "--username", "kubernetes-admin", "--group", "system:masters")
    shell.dev("map", "add", USER, "--username", "alice", "--group", "dev")
    return shell


def kinds(text: str) -> list[str]:
    return [each["kind"] for each in json.loads(text)["items"]]


def test_manifests_of_every_backend(mapped: Shell) -> None:
    made = mapped.dev("manifests", "--backend", "CRD, EKSConfigMap,MountedFile", "-o", "json")
    rights = ["ClusterRole", "ClusterRole", "ClusterRole", "ClusterRoleBinding", "RoleBinding", "RoleBinding"]
    objects = ["ConfigMap", "ConfigMap", "IAMIdentityMapping", "IAMIdentityMapping", "DaemonSet"]
    assert kinds(made.out) == ["CustomResourceDefinition", "ServiceAccount", *rights, *objects]
    first, second = made.err.splitlines()
    assert first.startswith(OBJECTS)
    assert second.startswith(STAYS)
    assert mapped.dev("manifests", "--backend", "EKSConfigMap").err == ""


@pytest.mark.parametrize("command", [["manifests"], ["render", "--output-dir", "out"]])
@pytest.mark.parametrize(
    ("backends", "message"),
    [
        ("mountedfile", "error: unknown backend 'mountedfile' (names are case-sensitive); did you mean MountedFile?"),
        ("ConfigMap", "error: unknown backend 'ConfigMap' (names are case-sensitive); did you mean EKSConfigMap?"),
        ("etcd", f"error: unknown backend 'etcd' (names are case-sensitive); the backends are {BACKENDS}\n"),
        ("DynamicFile", "error: DynamicFile is read from a file on each master"),
        ("CRD,CRD", "error: backends: a backend is listed twice in CRD, CRD"),
        (",", f"error: no backend is specified; the backends are {BACKENDS}\n"),
    ],
)
def test_typing_errors(mapped: Shell, command: list[str], backends: str, message: str) -> None:
    failed = mapped.dev(*command, "--backend", backends, code=2)
    assert failed.err.startswith(message)
    assert failed.out == ""


def test_render_writes_the_objects(mapped: Shell) -> None:
    out = mapped.single / "out"
    mapped.dev("render", "--output-dir", out, "--backend", "EKSConfigMap")
    assert {path.name for path in out.iterdir()} >= {
        "configmap-aws-auth.yaml",
        "configmap.yaml",
        "daemonset.yaml",
        "clusterrole-aws-iam-authenticator-aws-auth.yaml",
        "rolebinding-aws-iam-authenticator-aws-auth.yaml",
        "serviceaccount.yaml",
    }


def test_the_option_several_times_is_a_list(mapped: Shell) -> None:
    listed = mapped.dev("manifests", "--backend", "CRD,MountedFile", "--backend", "EKSConfigMap").out
    assert "--backend-mode=CRD,MountedFile,EKSConfigMap\n" in listed
    assert "no backend is specified" in mapped.dev("manifests", "--backend", "", code=2).err


def test_whois_knows_what_is_not_carried(mapped: Shell) -> None:
    mapped.dev("map", "add", "111122223333")
    bob = "arn:aws:iam::111122223333:user/bob"
    for backends, username in (("EKSConfigMap", bob), ("CRD,EKSConfigMap", bob), ("CRD", None)):
        mapped.dev("settings", "set", "backends", backends)
        answer = json.loads(mapped.dev("whois", bob, "-o", "json").out)
        assert answer["username"] == username
    assert answer["reason"] == (
        f"no mapping matches {bob}, and the backend CRD does not support accounts: "
        "account 111122223333 is in mapAccounts of the file, so add the backend MountedFile"
    )
    assert answer["line"] == 16
    failed = mapped.dev("manifests", code=2)
    assert failed.err.endswith("set backends CRD,MountedFile\n")
