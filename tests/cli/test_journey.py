"""What holds for several commands: line ends, output as JSON and as YAML, secrets, and files that cannot be written."""

from __future__ import annotations

import json
import os
import stat
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support import ADMIN, Shell

ROLE = ["map", "add", ADMIN, "--username", "kubernetes-admin", "--group", "system:masters"]
MAPPINGS = "dev-cluster/aws-iam-authenticator.yaml"


@pytest.mark.parametrize(
    ("file", "edit", "back", "added"),
    [
        ("tarmak.yaml", "enable", "disable", 2),
        (
            "tarmak.yaml",
            "config set internalELBAccessLogs.bucket b",
            "config unset internalELBAccessLogs.bucket",
            3,
        ),
        (MAPPINGS, f"map add {ADMIN} --username dev", f"map remove {ADMIN}", 3),
    ],
)
def test_windows_line_ends_stay(shell: Shell, file: str, edit: str, back: str, added: int) -> None:
    path = shell.single / file
    text = path.read_bytes() if path.exists() else b"clusterID: other\nserver:\n  mapRoles: []\n"
    before = text.replace(b"\n", b"\r\n")
    path.write_bytes(before)
    shell.dev(*edit.split())
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n") == before.count(b"\n") + added
    shell.dev(*back.split())
    assert path.read_bytes() == before


def test_json_and_yaml_have_the_same_values(shell: Shell) -> None:
    shell.dev(*ROLE)
    yaml = YAML(typ="safe", pure=True)
    listed = json.loads(shell.dev("manifests", "-o", "json").out)
    assert listed["kind"] == "List"
    assert [each["kind"] for each in listed["items"]] == ["ConfigMap", "DaemonSet"]
    assert listed["items"] == list(yaml.load_all(StringIO(shell.dev("manifests").out)))
    kubeconfig = ["kubeconfig", "--role", ADMIN, "--profile", "p"]
    assert json.loads(shell.dev(*kubeconfig, "-o", "json").out) == yaml.load(StringIO(shell.dev(*kubeconfig).out))
    image = "example.org/a:v0.7.9"
    assert f"image: {image}\n" in shell.dev("manifests", "--image", image, "--kubernetes-version", "1.30.1").out


def test_a_configuration_that_is_not_utf_8(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"clusterID: \xe9\n")
    failed = shell.run("whois", ADMIN, "--config", path, code=2)
    assert failed.err == f"{path}: error: byte 12 is not valid UTF-8; save the file as UTF-8\n"


def test_what_cannot_be_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (shell.single / "tarmak.yaml").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    failed = shell.dev("enable", code=2)
    assert failed.err == (
        f"{shell.single / 'tarmak.yaml'}: error: cannot be written: No space left on device; "
        "free some disk space; the old file is unchanged\n"
    )
    assert (shell.single / "tarmak.yaml").read_bytes() == before
    shell.dev(*ROLE, code=2)
    assert not (shell.single / MAPPINGS).exists()


def test_a_bug_is_one_line_and_exit_code_3(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("tarmak_iam.cli.checked.examine", broken)
    failed = shell.dev("check", code=3)
    assert failed.err == "error: this is a bug in tarmak-iam; please report it: KeyError: 'surprise'\n"


def test_secrets_stay_where_they_are(shell: Shell, tmp_path: Path) -> None:
    kubeconfig = shell.single / "dev-cluster" / "kubeconfig"
    kubeconfig.write_text(kubeconfig.read_text().replace("user: {}", "user: {client-key-data: c2VjcmV0}"))
    shell.dev(*ROLE)
    for command in (["render", "--output-dir", tmp_path / "out"], ["check"], ["kubeconfig"], ["manifests"]):
        done = shell.dev(*command)
        assert "c2VjcmV0" not in done.out + done.err
    for path in (tmp_path / "out").iterdir():
        assert "c2VjcmV0" not in path.read_text()
    (tmp_path / "out" / "kubeconfig").chmod(0o644)
    shell.dev("render", "--output-dir", tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "kubeconfig").stat().st_mode) == 0o600
