"""--backend, and what the commands say of backends other than the file."""

from __future__ import annotations

import json

import pytest

from tests.support import ADMIN, Shell

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
        (
            "etcd",
            "error: unknown backend 'etcd' (names are case-sensitive); the backends are MountedFile, EKSConfigMap, C",
        ),
        ("DynamicFile", "error: DynamicFile is read from a file on each master"),
        ("CRD,CRD", "error: backends: a backend is listed twice in CRD, CRD"),
        (",", "error: no backend is specified; the backends are MountedFile, EKSConfigMap, CRD"),
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


def test_settings_choose_them_for_all_commands(mapped: Shell) -> None:
    mapped.dev("settings", "set", "backends", "CRD")
    answer = json.loads(mapped.dev("whois", ADMIN, "-o", "json").out)
    assert (answer["username"], answer["line"]) == ("kubernetes-admin", 6)
    assert answer["reason"] == f"the mapping for {ADMIN} matches"
    mapped.dev("check")
    assert mapped.dev("diff", "--from", mapped.single / "dev-cluster" / "aws-iam-authenticator.yaml").out == ""
    dropped = mapped.dev("map", "remove", ADMIN, code=2)
    assert "the last mapping to system:masters would be lost" in dropped.err


def test_what_objects_cannot_carry_is_not_mapped(mapped: Shell) -> None:
    mapped.dev("settings", "set", "backends", "CRD")
    failed = mapped.dev("map", "add", "111122223333", code=2)
    assert failed.err == (
        "error: 111122223333: the backend CRD does not support accounts; "
        f"add MountedFile: tarmak-iam -c {mapped.single} settings set backends CRD,MountedFile\n"
    )


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


def test_an_sso_entry_that_is_not_carried(mapped: Shell) -> None:
    mapped.dev("settings", "set", "image", "x:v0.7.9")
    mapped.dev("settings", "set", "featureGates", "SSORoleMatch=true")
    mapped.dev("map", "add", "sso:111122223333/Dev", "--username", "dev")
    mapped.dev("settings", "set", "backends", "CRD")
    arn = "arn:aws:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcdef"
    told = mapped.dev("whois", arn).out
    assert "the backend CRD does not support its SSO mapping: add the backend MountedFile (" in told
    mapped.dev("settings", "set", "backends", "CRD,MountedFile")
    assert mapped.dev("whois", arn).out.startswith("username: dev\n")


def test_a_release_without_backends(mapped: Shell) -> None:
    failed = mapped.dev("manifests", "--backend", "CRD", "--image", "x:v0.4.0-scratch", code=2)
    assert failed.err.startswith("error: authenticator v0.4.0 does not support backends: it reads only its file")


def test_gates_are_one_flag_each(shell: Shell) -> None:
    (shell.single / "dev-cluster" / "tarmak-iam.yaml").write_text('featureGates: {"A=true,AllAlpha": true}\n')
    failed = shell.dev("settings", "show", code=2)
    assert "'A=true,AllAlpha' is not a valid name of a feature gate" in failed.err
