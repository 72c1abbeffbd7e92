"""kubectl takes the manifests, and its kustomize makes the same objects of a directory as `manifests` gives."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document
from tarmak_iam.emit import Emitter, manifests, render
from tarmak_iam.emit.emitters import GROUP
from tarmak_iam.emit.kubernetes_objects import garbled
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.installation import Installation
from tests.emit.awkward import TEXTS
from tests.support import ADMIN, Shell, bring_plugins
from tests.support.installations import MAPPINGS, installation

Objects = list[dict[str, Any]]


def _command() -> list[str] | None:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return ["kustomize", "build"] if shutil.which("kustomize") else None


COMMAND = _command()
needs_kustomize = pytest.mark.skipif(COMMAND is None, reason="neither kubectl nor kustomize is installed")


def built(directory: Path) -> Objects:
    assert COMMAND is not None
    done = subprocess.run([*COMMAND, str(directory)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [each.data for each in Document.parse_all(done.stdout)]


def sorted_objects(objects: Objects) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in objects)


def written(made: Installation, directory: Path) -> Path:
    directory.mkdir()
    for artifact in render(made)[0]:
        (directory / artifact.name).write_bytes(artifact.data)
    return directory


CRD = manifests(installation(backends=["CRD"]))[0]


def mapping(number: int, text: str) -> dict[str, Any]:
    spec = {"arn": "arn:aws:iam::111122223333:role/x", "username": text, "groups": [text]}
    metadata = {"name": f"awkward-{number}", "annotations": {"example.org/text": text}}
    of = {"apiVersion": "iamauthenticator.k8s.aws/v1alpha1", "kind": "IAMIdentityMapping"}
    return {**of, "metadata": metadata, "spec": spec}


def binding(name: str) -> dict[str, Any]:
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [subject],
    }


@needs_kustomize
def test_definitions_their_resources_and_awkward_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = tuple(mapping(number, text) for number, text in enumerate(TEXTS) if not garbled(text))
    bindings = (binding("iam:a"), binding("iam-a"), binding("iam:A"))
    plugin = Emitter("awkward", objects=lambda _: (*resources, *bindings, CRD))
    bring_plugins(monkeypatch, GROUP, plugin)
    document = Document.parse(MAPPINGS).set(("server", "mapRoles", 0, "groups"), list(TEXTS))
    made = installation(mappings=document.text)
    objects = built(written(made, tmp_path / "out"))
    assert sorted_objects(objects) == sorted_objects(manifests(made))
    kinds = [each["kind"] for each in objects]
    assert kinds.index("CustomResourceDefinition") < kinds.index("IAMIdentityMapping")
    assert kinds.index("ConfigMap") < kinds.index("DaemonSet")


@pytest.mark.parametrize("is_key", [False, True])
@pytest.mark.parametrize("character", ["\x7f", "\x85", "\x9f", "\ufffe", "\uffff"])
def test_what_kustomize_would_change_is_refused(monkeypatch: pytest.MonkeyPatch, character: str, is_key: bool) -> None:
    text = f"a{character}b"
    made = {**mapping(1, "a"), "other": {text: "a"}} if is_key else mapping(1, text)
    bring_plugins(monkeypatch, GROUP, Emitter("x", objects=lambda _: (made,)))
    with pytest.raises(
        ConfigError,
        match=r"IAMIdentityMapping.iamauthenticator.k8s.aws awkward-1 contains '.*': `kubectl apply -k` would",
    ):
        manifests(installation())


@needs_kustomize
def test_every_line_end_of_the_mappings_arrives(tmp_path: Path) -> None:
    text = MAPPINGS.replace("   # the id\n", "   # the id\x85").replace("   # admins\n", "   # admins\r\n")
    made = installation(mappings=text)
    (config,) = (each for each in built(written(made, tmp_path / "out")) if each["kind"] == "ConfigMap")
    assert config["data"] == {"config.yaml": MAPPINGS}


def test_the_same_bytes_whatever_the_order_of_the_settings(shell: Shell, tmp_path: Path) -> None:
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    settings = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    lines = [
        "featureGates: {SSORoleMatch: true, IAMIdentityMappingCRD: true}",
        "daemonVersion: v0.7.9",
        "image: x:v0.7.9",
    ]

    def rendered(name: str, content: list[str]) -> dict[str, bytes]:
        settings.write_text("\n".join(content) + "\n")
        shell.dev("render", "--output-dir", tmp_path / name)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    turned = [lines[2], "featureGates: {IAMIdentityMappingCRD: true, SSORoleMatch: true}", lines[1]]
    assert rendered("one", lines) == rendered("two", turned)
