"""`render`: all files or none, only over its own, and never over one that the cluster needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.emit.directory import RECORD_NAME, FileAction
from tests.support import ADMIN, FILES, ROOT, Shell

ROLE = ["map", "add", ADMIN, "--username", "kubernetes-admin", "--group", "system:masters"]


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    shell.dev("enable")
    shell.dev(*ROLE)
    return shell


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_the_admin_kubeconfig_is_never_overwritten(mapped: Shell) -> None:
    """It is the only way back in where the authenticator locks everybody out."""
    home = mapped.single / "dev-cluster"
    before = content(home)
    failed = mapped.dev("render", "--output-dir", home, code=2)
    assert failed.err == (
        f"{home / 'kubeconfig'}: error: this file belongs to the cluster itself; nothing was written; "
        "specify another --output-dir\n"
    )
    assert content(home) == before
    link = mapped.single / "out"
    link.symlink_to(home)
    mapped.dev("render", "--output-dir", link, code=2)
    assert content(home) == before


def test_one_target_that_cannot_be_written_keeps_all_from_being_written(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "kubeconfig").mkdir(parents=True)
    failed = mapped.dev("render", "--output-dir", out, code=2)
    assert failed.err == (
        f"{out / 'kubeconfig'}: error: this is a directory, but a file has to be written there; nothing was written; "
        "remove it, or specify another --output-dir\n"
    )
    assert [path.name for path in out.iterdir()] == ["kubeconfig"]


NAMES = [*FILES, "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]


def test_a_dry_run_writes_nothing(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = mapped.dev("render", "--output-dir", out, "--dry-run")
    assert shown.out.splitlines() == [f"would write {out / name}" for name in NAMES]
    assert shown.err == "dry run: nothing was written\n"
    assert not out.exists()
    mapped.dev("render", "--output-dir", out)
    (out / "kubeconfig").chmod(0o644)
    mapped.dev("map", "add", ADMIN, "--username", "root", "--group", "system:masters")
    words = {"kubeconfig": "would restrict", "configmap.yaml": "would write", "daemonset.yaml": "would write"}
    again = mapped.dev("render", "--output-dir", out, "--dry-run")
    assert again.out.splitlines() == [f"{words.get(name, 'unchanged')} {out / name}" for name in NAMES]
    words = {"kubeconfig": "restricted", "configmap.yaml": "wrote", "daemonset.yaml": "wrote"}
    done = mapped.dev("render", "--output-dir", out)
    assert done.out.splitlines() == [f"{words.get(name, 'unchanged')} {out / name}" for name in NAMES]


def test_an_empty_name_is_not_the_working_directory(
    mapped: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    failed = mapped.dev("render", "--output-dir", "", code=2)
    assert "error: invalid value for '--output-dir': the value is empty; specify a directory" in failed.err
    assert os.listdir() == []


def test_what_was_done_as_json(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (mapped.single / "dev-cluster" / "kubeconfig").unlink()
    done = mapped.dev("render", "--output-dir", out, "-o", "json")
    told = json.loads(done.out)
    assert [(each["name"], each["action"]) for each in told["files"]] == [
        (name, "write") for name in NAMES if name != "kubeconfig"
    ]
    assert told["files"][0]["path"] == str(out / "flags.txt")
    assert (told["cluster"], told["directory"], told["dryRun"]) == ("dev-cluster", str(out), False)
    ((left_out),) = told["leftOut"]
    assert left_out["name"] == "kubeconfig"
    assert f"run `tarmak -c {mapped.single} clusters kubeconfig`, or `" in left_out["reason"]
    assert done.err == ""


def test_a_kubeconfig_that_cannot_be_made_any_more_is_removed(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mapped.dev("render", "--output-dir", out)
    (mapped.single / "dev-cluster" / "kubeconfig").unlink()
    done = mapped.dev("render", "--output-dir", out)
    assert done.out.splitlines()[-1] == f"removed {out / 'kubeconfig'}"
    assert "kubeconfig skipped: " in done.err


def test_a_file_of_the_user_is_in_the_way(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "kustomization.yaml").write_text("resources: [mine.yaml]\n")
    failed = mapped.dev("render", "--output-dir", out, code=2)
    assert failed.err == (
        f"{out / 'kustomization.yaml'}: error: this file is not replaced: tarmak-iam render did not write it; "
        "nothing was written; specify another --output-dir, or overwrite it with --force\n"
    )
    assert content(out) == {"kustomization.yaml": b"resources: [mine.yaml]\n"}
    mapped.dev("render", "--output-dir", out, "--force")
    assert b"- configmap.yaml\n" in content(out)["kustomization.yaml"]


def test_two_clusters_do_not_share_a_directory(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for cluster in ("prod-blue", "prod-green"):
        shell.run("-c", shell.multi, "--current-cluster", cluster, *ROLE)
    blue: list[str | Path] = ["-c", shell.multi, "--current-cluster", "prod-blue", "render", "--output-dir"]
    shell.run(*blue, out)
    green: list[str | Path] = ["-c", shell.multi, "--current-cluster", "prod-green", "render", "--output-dir"]
    failed = shell.run(*green, out, code=2)
    assert failed.err.startswith(
        f"{out}: error: this directory contains the files of prod-blue, not of prod-green; nothing was written; "
    )
    shell.run(*green, out, "--force")


def test_windows_line_ends_make_the_same_files(mapped: Shell, tmp_path: Path) -> None:
    mapped.dev("render", "--output-dir", tmp_path / "one")
    file = mapped.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    mapped.dev("render", "--output-dir", tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.sample(1)
@pytest.mark.parametrize("variables", [{"LC_ALL": "C", "TZ": "UTC"}, {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}])
def test_neither_place_nor_time_nor_umask_matter(mapped: Shell, tmp_path: Path, variables: dict[str, str]) -> None:
    mapped.dev("map", "add", ADMIN.replace("role/", "user/"), "--username", "jürgen", "--group", "düsseldorf")
    mapped.dev("render", "--output-dir", tmp_path / "one")
    program = [sys.executable, "-m", "tarmak_iam", "-c", str(mapped.single), "render", "--output-dir", "two"]
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    subprocess.run(program, check=True, cwd=tmp_path, env=environment, umask=0o027, capture_output=True)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    modes = [{path.name: path.stat().st_mode for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains no https server"),
        ("[]\n", "contains no https server"),
        ("clusters: nonsense\n", "contains no https server"),
        ("clusters: [nonsense]\n", "contains no https server"),
        (
            "clusters: [{name: x}]\ncontexts: [{name: a, context: 5}]\ncurrent-context: [a]\n",
            "contains no https server",
        ),
        ("clusters: [{name: x, cluster: {server: 5}}]\n", "contains no https server"),
        ("clusters: [{name: x, cluster: {server: 'http://x'}}]\n", "contains no https server"),
        ("clusters: [{name: x, cluster: {server: 'https://x'}}]\n", "contains no certificate-authority-data"),
        (
            "clusters: [{name: x, cluster: {server: 'https://x', certificate-authority-data: '#'}}]\n",
            "contains no certificate-authority-data",
        ),
    ],
)
def test_an_odd_admin_kubeconfig(mapped: Shell, text: str, message: str) -> None:
    file = mapped.single / "dev-cluster" / "kubeconfig"
    file.write_text(text)
    failed = mapped.dev("kubeconfig", code=2)
    assert failed.err.startswith(f"{file}:")
    assert message in failed.err
    for command in (["check"], ["manifests"], ["flags"], ["whois", ADMIN]):  # these do not need it
        mapped.dev(*command)


def test_a_directory_that_cannot_be_entered_names_the_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    real = open

    def refused(file: object, *args: Any, **options: Any) -> object:
        if str(file).endswith("tarmak.yaml"):
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refused)
    failed = shell.dev("check", code=2)
    assert failed.err.startswith(f"{shell.single / 'tarmak.yaml'}: error: cannot be read: Permission denied")


def test_the_page_has_every_file_and_action() -> None:
    page = (ROOT / "docs" / "render.md").read_text(encoding="utf-8")
    for name in (*NAMES, RECORD_NAME, *FileAction):
        assert f"`{name.value if isinstance(name, FileAction) else name}`" in page


def test_an_object_whose_file_goes_stays_in_the_cluster(mapped: Shell, tmp_path: Path) -> None:
    told = "note: removing the file of an object does not delete the object from a cluster"
    out = tmp_path / "out"
    assert told not in mapped.dev("render", "--output-dir", out, "--backend", "EKSConfigMap").err
    assert told in mapped.dev("render", "--output-dir", out, "--dry-run").err
    assert told in mapped.dev("render", "--output-dir", out).err
    (mapped.single / "dev-cluster" / "kubeconfig").unlink()
    done = mapped.dev("render", "--output-dir", out)
    assert (f"removed {out / 'kubeconfig'}" in done.out, told in done.err) == (True, False)


def test_a_role_that_nobody_has_mapped(mapped: Shell, tmp_path: Path) -> None:
    told = "warning: no login succeeds with this kubeconfig: "
    for command in (["kubeconfig"], ["render", "--output-dir", tmp_path / "out"]):
        for role, is_told in ((ADMIN, False), (f"{ADMIN}s", True), (ADMIN.replace("role/", "role/team/"), False)):
            assert (told in mapped.dev(*command, "--role", role).err) == is_told


def test_the_session_name_of_the_aws_cli(shell: Shell, tmp_path: Path) -> None:
    shell.dev("map", "add", ADMIN, "--username", "admin:{{SessionName}}", "--group", "system:masters")
    told = (
        "warning: everybody who uses the kubeconfig gets the name 'admin:EKSGetTokenAuth' from the mapping of "
        f"{ADMIN}: `aws eks get-token --role-arn` names every session EKSGetTokenAuth; use --role '' and --profile "
        "NAME with a profile that has role_arn and role_session_name in ~/.aws/config, or `kubeconfig --exec "
        "aws-iam-authenticator --session-name NAME` [IAM132]\n"
    )
    for command in (["kubeconfig"], ["render", "--output-dir", tmp_path / "out"]):
        assert told in shell.dev(*command, "--exec", "aws", "--role", ADMIN).err
        assert told not in shell.dev(*command, "--exec", "aws", "--profile", "dev").err
        assert told not in shell.dev(*command, "--role", ADMIN).err
    shell.dev("settings", "set", "role", ADMIN)
    shell.dev("settings", "set", "exec", "aws")
    assert told in shell.dev("kubeconfig").err
    assert told not in shell.dev("kubeconfig", "--role", "", "--profile", "dev").err
    assert told not in shell.dev("kubeconfig", "--exec", "aws-iam-authenticator", "--session-name", "ann").err


def test_a_directory_that_an_interrupted_run_left_is_named(mapped: Shell, tmp_path: Path) -> None:
    """By each command that reads it, until a run has completed it."""
    out = tmp_path / "out"
    mapped.dev("render", "--output-dir", out)
    record = out / RECORD_NAME
    record.write_text(record.read_text().replace('"files"', '"incomplete": true, "files"'))
    what = f"{out}: warning: a `render` to this directory was interrupted, so some files may be old and others new; "
    again = f"{what}run it again before you use the files\n"
    configmap = str(out / "configmap.yaml")
    assert again in mapped.run("doctor", out).err
    assert again in mapped.dev("diff", "--from", configmap).err
    assert again in mapped.dev("map", "import", configmap, "--dry-run").err
    dry = mapped.dev("render", "--output-dir", out, "--dry-run")
    assert f"{what}run it without --dry-run to complete it\n" in dry.err
    assert f"{what}this run completes it\n" in mapped.dev("render", "--output-dir", out, "-o", "json").err
    for words in (("doctor", out), ("render", "--output-dir", out)):
        assert "interrupted" not in mapped.dev(*words).err
