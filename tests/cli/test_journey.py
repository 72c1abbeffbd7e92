"""The command line, as a person uses it: the way through, a second time, and every wrong turn."""

from __future__ import annotations

import json
import os
import stat
import sys
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support import ADMIN, FILES, Shell

ROLE = ["map", "add", ADMIN, "--username", "kubernetes-admin", "--group", "system:masters"]


def test_from_one_line_to_every_artifact(shell: Shell, tmp_path: Path) -> None:
    before = (shell.single / "tarmak.yaml").read_bytes()
    enabled = shell.dev("enable")
    added = [line for line in enabled.out.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added == ["+      amazon:", "+        awsIAMAuthenticatorInit: true"]
    assert not [line for line in enabled.out.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert "+    username: kubernetes-admin\n" in shell.dev(*ROLE).out
    assert shell.dev("check").out == ""
    assert shell.dev("whois", ADMIN).out.splitlines()[:2] == [
        "username: kubernetes-admin",
        "groups:   system:masters",
    ]
    out = tmp_path / "out"
    rendered = shell.dev("render", "--output-dir", out)
    names = [*FILES, "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]
    assert rendered.out.splitlines() == [f"wrote {out / name}" for name in names]
    assert stat.S_IMODE((out / "kubeconfig").stat().st_mode) == 0o600
    flag = "--authentication-token-webhook-config-file=/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
    assert shell.dev("flags").out == f"{flag}\n" == (out / "flags.txt").read_text()
    assert shell.dev("disable").code == 0
    assert (shell.single / "tarmak.yaml").read_bytes() == before


def test_a_second_run_says_unchanged(shell: Shell, tmp_path: Path) -> None:
    for command in (["enable"], ROLE, ["settings", "set", "profile", "dev"]):
        shell.dev(*command)
        again = shell.dev(*command)
        assert again.out == ""
        assert again.err.startswith("unchanged: ")
    shell.dev("render", "--output-dir", tmp_path / "out")
    again = shell.dev("render", "--output-dir", tmp_path / "out")
    assert {line.split()[0] for line in again.out.splitlines()} == {"unchanged"}
    assert shell.dev("map", "remove", "arn:aws:iam::111122223333:role/Nobody", "--if-exists").err.startswith(
        "unchanged: "
    )


def test_windows_line_ends_stay(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    shell.dev("enable")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") == before.count(b"\r\n") + 2
    shell.dev("disable")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ["map", "add", ADMIN, "--username", "admin", "--group", "system:masters"],
        ["map", "remove", ADMIN],
        ["map", "list"],
        ["map", "convert", "--to", "CRD"],
        ["whois", ADMIN],
        ["settings", "show"],
        ["settings", "set", "profile", "dev"],
        ["settings", "unset", "profile"],
        ["kubeconfig"],
        ["token"],
        ["webhook", "--output-dir", "x"],
        ["doctor", "x"],
        ["rollback", "--list"],
    ],
    ids=" ".join,
)
def test_a_hub_has_no_iam_login(shell: Shell, command: list[str]) -> None:
    """Also where it has mappings and settings that somebody wrote by hand."""
    (shell.multi / "prod-hub").mkdir()
    for name, text in (("aws-iam-authenticator.yaml", "mapUsers: [\n"), ("tarmak-iam.yaml", "profile: dev\n")):
        (shell.multi / "prod-hub" / name).write_text(text)
    (shell.multi.parent / "x").mkdir()
    hub = shell.run("-c", shell.multi, "--cluster", "prod-hub", *command, code=2)
    assert hub.out == ""
    assert hub.err == (
        f"{shell.multi}/tarmak.yaml:9:7: error: prod-hub is a hub: it has no masters, so it has no API server to log "
        "in to; choose one of the environment's clusters\n"
    )
    assert (shell.multi / "prod-hub" / "tarmak-iam.yaml").read_text() == "profile: dev\n"


def test_manifests_and_kubeconfig(shell: Shell) -> None:
    shell.dev(*ROLE)
    loaded = list(YAML(typ="safe", pure=True).load_all(StringIO(shell.dev("manifests").out)))
    listed = json.loads(shell.dev("manifests", "-o", "json").out)
    assert listed["kind"] == "List"
    assert listed["items"] == loaded
    assert [each["kind"] for each in loaded] == ["ConfigMap", "DaemonSet"]
    image = shell.dev(
        "manifests", "--image", "example.org/a:v0.7.9", "--kubernetes-version", "1.30.1", "-o", "json"
    ).out
    assert "example.org/a:v0.7.9" in image
    made = json.loads(shell.dev("kubeconfig", "--role", ADMIN, "--profile", "p", "-o", "json").out)
    assert made["users"][0]["user"]["exec"]["args"] == ["token", "-i", "dev-cluster", "-r", ADMIN]
    yaml = YAML(typ="safe", pure=True)
    assert yaml.load(StringIO(shell.dev("kubeconfig", "--role", ADMIN, "--profile", "p").out)) == made


def test_more_wrong_turns(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    unknown = shell.dev("--current-cluster", "dev-clutser", "enable", code=2)
    assert unknown.err == f"{file}: error: unknown cluster 'dev-clutser'; did you mean dev-cluster?\n"
    bad = shell.dev("map", "add", "role/Admin", "--username", "x", code=2)
    assert bad.err.startswith(
        "error: 'role/Admin' is not the ARN of a role or user: it does not begin with 'arn:'; use the"
    )
    assert not (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").exists()
    empty = shell.single.parent / "empty"
    empty.mkdir()
    nothing = shell.run("-c", empty, "check", code=2)
    assert nothing.err.startswith(
        f"{empty}: error: tarmak.yaml not found in this directory; run `tarmak -c {empty} init`"
    )
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("server: [\n")
    assert ":2:1: error: invalid YAML" in shell.dev("check", code=2).err


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
    assert not (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").exists()
    monkeypatch.undo()
    (shell.single / "out").touch()
    shell.dev(*ROLE)
    file = shell.dev("render", "--output-dir", shell.single / "out", code=2)
    assert file.err == f"{shell.single / 'out'}: error: this is not a directory; specify another --output-dir\n"


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


def test_help_names_every_command(shell: Shell) -> None:
    text = shell.run("--help").out
    for name in (
        "enable",
        "disable",
        "map",
        "settings",
        "check",
        "whois",
        "flags",
        "manifests",
        "kubeconfig",
        "render",
    ):
        assert f"\n  {name} " in text
        assert "Usage: tarmak-iam" in shell.run(name, "--help").out
    assert shell.run("--version").out == "tarmak-iam 0.2.0\n"
    assert sys.version_info >= (3, 10)
