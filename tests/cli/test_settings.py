"""Our settings file: every value is checked where it stands."""

from __future__ import annotations

import pytest

from tests.support import Shell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imgae: x\n", "1:1: error: there is no setting 'imgae'"),
        ("# c\nimage: a b\n", "2:8: error: image: 'a b' is no image, write it as in registry/name:tag"),
        ("image: 5\n", "1:8: error: image: must be a string"),
        ("daemonVersion: nonsense\n", "1:16: error: daemonVersion: "),
        ("kubernetesVersion: latest\n", "1:20: error: kubernetesVersion: 'latest' is no Kubernetes version"),
        ("role: Admin\n", "1:7: error: role: 'Admin' is no ARN of a role"),
        ('profile: "a\\nb"\n', "1:10: error: profile: 'a\\nb' is no name of a profile"),
        ("featureGates: {a: 1}\n", "1:19: error: featureGates.a: must be a boolean"),
        ("backends: []\n", "1:11: error: backends: list should have at least 1 item"),
        ("backends:\n- DynamicFile\n", "2:3: error: backends[0]: input should be"),
        ("- a\n", "1:1: error: the settings are no mapping"),
        ("image: [\n", "2:1: error: not YAML: "),
    ],
)
def test_what_is_wrong_is_told_at_its_place(shell: Shell, text: str, message: str) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text(text)
    for command in (["settings", "show"], ["settings", "set", "profile", "dev"], ["check"]):
        failed = shell.dev(*command, code=2)
        assert failed.err.startswith(f"{file}:{message}")
        assert failed.err.count("\n") == 1
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image", "a b", "image: 'a b' is no image"),
        ("daemonVersion", "x", "daemonVersion: "),
        ("kubernetesVersion", "x", "kubernetesVersion: 'x' is no Kubernetes version"),
        ("role", "arn:aws:iam::111122223333:user/a", "role: 'arn:aws:iam::111122223333:user/a' is no ARN of a role"),
        ("featureGates", "a", "'a' is no feature gate; write NAME=true or NAME=false"),
        (
            "backends",
            "DynamicFile",
            "DynamicFile is a file on each master, which no object can bring there; choose among",
        ),
        (
            "backends",
            "Mountedfile,CRD",
            "there is no backend 'Mountedfile', and the spelling counts; did you mean MountedFile?",
        ),
        ("backends", "", "no backend is named; the backends are MountedFile"),
    ],
)
def test_nothing_wrong_is_let_in(shell: Shell, key: str, value: str, message: str) -> None:
    failed = shell.dev("settings", "set", key, value, code=2)
    assert failed.err.startswith(f"error: {message}")
    assert not (shell.single / "dev-cluster" / "tarmak-iam.yaml").exists()


def test_a_gate_that_the_release_does_not_have(shell: Shell) -> None:
    shell.dev("settings", "set", "featureGates", "Nonsense=true")
    assert "Nonsense" in shell.dev("manifests", code=2).err


def test_a_setting_that_is_there_twice(shell: Shell) -> None:
    path = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    path.write_text("daemonVersion: v0.7.9\nimage: example.com/x:v0.7.9\ndaemonVersion: v0.4.0\n")
    done = shell.dev("settings", "show", code=2)
    assert done.err == f"{path}:3:1: error: the setting 'daemonVersion' is there twice; remove one of them\n"
