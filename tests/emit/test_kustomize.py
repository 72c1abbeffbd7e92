"""kubectl takes the manifests, and its kustomize makes the same objects of a directory as `manifests` gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document
from tarmak_iam.emit import Emitter, manifests, render
from tarmak_iam.emit.directory import RECORD_NAME
from tarmak_iam.emit.emitters import GROUP
from tarmak_iam.emit.kubernetes_objects import garbled
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.installation import Installation
from tests.emit.awkward import TEXTS
from tests.emit.discovery import discovery
from tests.emit.goldens import FOLDER, OUTPUT, cases
from tests.support import ADMIN, ROOT, Shell, bring_plugins
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


@needs_kustomize
def test_the_built_in_objects(tmp_path: Path) -> None:
    made = installation()
    assert sorted_objects(built(written(made, tmp_path / "out"))) == sorted_objects(manifests(made))


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


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs kubectl against an API server without objects. Strict schemas are validated by test_matrix.py: kubectl would
    want them as protobuf."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    environment = {"HOME": str(tmp_path_factory.mktemp("home")), "PATH": os.environ["PATH"], "KUBECONFIG": os.devnull}
    with discovery() as server:

        def run(verb: str, *args: str) -> subprocess.CompletedProcess[str]:
            command = ["kubectl", "--server", server, verb, "--dry-run=client", "--validate=false", *args]
            return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

        yield run


@pytest.mark.sample(4)
@pytest.mark.parametrize("verb", ["apply", "create"])
@pytest.mark.parametrize("case", cases())
def test_a_dry_run_of_the_goldens(case: str, verb: str, kubectl: Run) -> None:
    file = FOLDER / case / OUTPUT
    done = kubectl(verb, "-o", "name", "-f", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    kinds = [line.partition(": ")[2] for line in file.read_text().splitlines() if line.startswith("kind: ")]
    assert [line.partition("/")[0].partition(".")[0] for line in done.stdout.split()] == [k.lower() for k in kinds]


def test_kubectl_applies_the_directory(kubectl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Emitter("more", objects=lambda _: (mapping(1, "x"), binding("iam:a"), CRD))
    bring_plugins(monkeypatch, GROUP, plugin)
    done = kubectl("apply", "-k", str(written(installation(), tmp_path / "out")))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "customresourcedefinition.apiextensions.k8s.io/iamidentitymappings.iamauthenticator.k8s.aws created (dry run)",
        "clusterrolebinding.rbac.authorization.k8s.io/iam:a created (dry run)",
        "configmap/aws-iam-authenticator created (dry run)",
        "daemonset.apps/aws-iam-authenticator created (dry run)",
        "iamidentitymapping.iamauthenticator.k8s.aws/awkward-1 created (dry run)",
    ]


def test_kubectl_reads_neither_flags_nor_kubeconfig_nor_record(kubectl: Run, tmp_path: Path) -> None:
    """With -f it reads every .yaml, .yml and .json, so that the kustomization is all that it cannot take."""
    out = written(installation(), tmp_path / "out")
    (out / RECORD_NAME).write_text("{}\n")
    done = kubectl("apply", "-f", str(out))
    assert done.stdout.splitlines() == [
        "configmap/aws-iam-authenticator created (dry run)",
        "daemonset.apps/aws-iam-authenticator created (dry run)",
    ]
    assert done.stderr.count("no matches for kind") == 1
    assert f'from "{out / "kustomization.yaml"}"' in done.stderr


def test_the_kustomization(tmp_path: Path) -> None:
    text = (written(installation(), tmp_path / "out") / "kustomization.yaml").read_text()
    head = "# Generated by `tarmak-iam render`, which replaces it. Use the directory with `kubectl apply -k`.\n"
    content = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    assert text == f"{head}{content}- configmap.yaml\n- daemonset.yaml\n"


def test_the_definition_is_the_file_that_the_page_names(tmp_path: Path) -> None:
    out = written(installation(backends=["CRD"], kubernetesVersion="1.30.1"), tmp_path / "out")
    (file,) = [path.name for path in out.iterdir() if path.name.startswith("customresourcedefinition")]
    page = (ROOT / "docs" / "render.md").read_text(encoding="utf-8")
    definition = Document.parse((out / file).read_bytes()).data["metadata"]["name"]
    assert f"$ kubectl apply -f crd/{file}\n" in page
    assert f"$ kubectl wait --for=condition=Established crd/{definition}\n" in page


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
