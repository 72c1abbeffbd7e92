"""Images on the command line: what `manifests` and `render` tell beside them, and the registry as a setting."""

from __future__ import annotations

import pytest

from tests.support import Shell

ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    shell.dev("map", "add", "arn:aws:iam::111122223333:role/A", "--username", "a", "--group", "system:masters")
    return shell


def test_manifests_and_render_tell_it_beside_the_objects(mapped: Shell) -> None:
    assert mapped.dev("manifests").err == ""
    done = mapped.dev("manifests", "--registry", "ecr")
    assert f"image: {ECR}:v0.6.26\n" in done.out
    assert done.err.startswith(f"warning: the image {ECR} is in a private ECR repository")
    assert "use the public image, which is v0.7.18 instead of v0.6.26: " in done.err
    assert done.err.endswith(" [IAM101]\n")
    done = mapped.dev("manifests", "--image", "gcr.io/heptio-images/authenticator:v0.3.0", "-o", "json")
    assert done.err.startswith(
        "warning: the image gcr.io/heptio-images/authenticator:v0.3.0 does not exist: the registry"
    )
    assert "no recovery access: the current context of" in done.err
    out = mapped.single / "out"
    done = mapped.dev(
        "render", "--output-dir", out, "--registry", "mirror.example.com", "--kubernetes-version", "1.99.0"
    )
    assert "mirror.example.com/eks-distro/kubernetes-sigs/" in (out / "daemonset.yaml").read_text()
    assert "warning: Kubernetes 1.99.0 is newer than the newest version that tarmak-iam knows" in done.err


def test_the_registry_as_a_setting(mapped: Shell) -> None:
    failed = mapped.dev("settings", "set", "registry", "pubilc", code=2)
    message = "error: registry: 'pubilc' is not a valid registry; use public, ecr, or HOST[:PORT][/PATH] of a mirror\n"
    assert failed.err == message
    mapped.dev("settings", "set", "registry", "ecr")
    assert f"image: {ECR}:v0.6.26\nregistry: ecr\n" in mapped.dev("settings", "show").out
    assert "tarmak-iam.yaml:2:11: warning: the image" in mapped.dev("check", code=1).out
    mapped.dev("settings", "set", "image", "x:v0.7.9")
    done = mapped.dev("settings", "set", "registry", "public")
    assert "registry is ignored while image is set" in done.err
    assert "image: x:v0.7.9\n" in mapped.dev("manifests").out
    assert f"image: {ECR}:v0.6.26\n" in mapped.dev("manifests", "--registry", "ecr").out
