"""`render`: all files or none, only over its own, and never over one that the cluster needs."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.emit.directory import RECORD_NAME, FileAction
from tests.support import ADMIN, FILES, ROOT, Shell

ROLE = ["map", "add", ADMIN, "--username", "kubernetes-admin", "--group", "system:masters"]
NAMES = [*FILES, "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    shell.dev("enable")
    shell.dev(*ROLE)
    return shell


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_the_admin_kubeconfig_is_never_overwritten(mapped: Shell) -> None:
    """It is the only way back in where the authenticator locks everybody out. A file of another user is with force."""
    home, link, out = (mapped.single / name for name in ("dev-cluster", "link", "out"))
    before = content(home)
    link.symlink_to(home)
    for options in ([], ["--force"]):
        failed = mapped.dev("render", "--output-dir", link, *options, code=2)
        assert failed.err == (
            f"{link / 'kubeconfig'}: error: this file belongs to the cluster itself; nothing was written; "
            "specify another --output-dir\n"
        )
        assert content(home) == before
    out.mkdir()
    (out / "kustomization.yaml").write_text("resources: [mine.yaml]\n")
    mapped.dev("render", "--output-dir", out, code=2)
    assert content(out) == {"kustomization.yaml": b"resources: [mine.yaml]\n"}
    mapped.dev("render", "--output-dir", out, "--force")
    assert b"- configmap.yaml\n" in content(out)["kustomization.yaml"]


def test_a_dry_run_writes_nothing(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = mapped.dev("render", "--output-dir", out, "--dry-run")
    assert shown.out.splitlines() == [f"would write {out / name}" for name in NAMES]
    assert shown.err == "dry run: nothing was written\n"
    assert not out.exists()
    done = json.loads(mapped.dev("render", "--output-dir", out, "-o", "json").out)
    assert (done["dryRun"], [each["name"] for each in done["files"]]) == (False, NAMES)
    (out / "kubeconfig").chmod(0o644)
    mapped.dev("map", "add", ADMIN, "--username", "root", "--group", "system:masters")
    words = {"kubeconfig": "would restrict", "configmap.yaml": "would write", "daemonset.yaml": "would write"}
    again = mapped.dev("render", "--output-dir", out, "--dry-run")
    assert again.out.splitlines() == [f"{words.get(name, 'unchanged')} {out / name}" for name in NAMES]
    words = {"kubeconfig": "restricted", "configmap.yaml": "wrote", "daemonset.yaml": "wrote"}
    done = mapped.dev("render", "--output-dir", out)
    assert done.out.splitlines() == [f"{words.get(name, 'unchanged')} {out / name}" for name in NAMES]


def test_two_clusters_do_not_share_a_directory(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("-c", shell.multi, *ROLE, "--all-clusters")
    shell.run("-c", shell.multi, "render", "--output-dir", out)
    green = ("-c", shell.multi, "--cluster", "prod-green", "render", "--output-dir", out)
    assert shell.run(*green, code=2).err.startswith(
        f"{out}: error: this directory contains the files of prod-blue, not of prod-green; nothing was written; "
    )
    shell.run(*green, "--force")


@pytest.mark.sample(1)
@pytest.mark.parametrize("variables", [{"LC_ALL": "C", "TZ": "UTC"}, {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}])
def test_neither_place_nor_time_nor_line_ends_nor_umask_matter(
    mapped: Shell, tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mapped.dev("map", "add", ADMIN.replace("role/", "user/"), "--username", "jürgen", "--group", "düsseldorf")
    mapped.dev("render", "--output-dir", "one", "--exec", "aws", "--kubectl-version", "1.10.1", "--role", ADMIN)
    file = mapped.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    words = ["-c", str(mapped.single), "render", "--output-dir", "two", "--role", ADMIN]
    words += ["--exec", "aws", "--kubectl-version", "1.10.1"]
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "tarmak_iam", *words]
    subprocess.run(command, check=True, env=environment, umask=0o027, capture_output=True)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    modes = [{path.name: path.stat().st_mode for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert modes[0] == modes[1]
    assert stat.S_IMODE(modes[0]["kubeconfig"]) == 0o600
    text = content(tmp_path / "one")["kubeconfig"]
    assert (b"command: aws\n" in text, b"v1alpha1\n" in text) == (True, True)


def test_an_odd_admin_kubeconfig_stops_only_what_needs_it(mapped: Shell) -> None:
    """The texts that are odd are those of tests/installation/test_admin_kubeconfig.py."""
    file = mapped.single / "dev-cluster" / "kubeconfig"
    for text, message in {
        "[]\n": "contains no https server",
        "clusters: [{name: x}]\ncontexts: [{name: a, context: 5}]\ncurrent-context: [a]\n": "contains no https server",
        "clusters: [{name: x, cluster: {server: 5}}]\n": "contains no https server",
        "clusters: [{name: x, cluster: {server: 'https://x'}}]\n": "contains no certificate-authority-data",
    }.items():
        file.write_text(text)
        failed = mapped.dev("kubeconfig", code=2)
        assert failed.err.startswith(f"{file}:")
        assert message in failed.err
    for command in (["check"], ["manifests"], ["flags"], ["whois", ADMIN]):
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
    for name in (*NAMES, RECORD_NAME, *(action.value for action in FileAction)):
        assert f"`{name}`" in page


def test_what_cannot_be_made_any_more_is_removed(mapped: Shell, tmp_path: Path) -> None:
    """The file of an object with a note that the object stays in the cluster."""
    told = "note: removing the file of an object does not delete the object from a cluster"
    render = ["render", "--output-dir", str(tmp_path / "out")]
    assert told not in mapped.dev(*render, "--backend", "EKSConfigMap").err
    assert told in mapped.dev(*render, "--dry-run").err
    assert told in mapped.dev(*render).err
    (mapped.single / "dev-cluster" / "kubeconfig").unlink()
    done = mapped.dev(*render)
    assert done.out.splitlines()[-1] == f"removed {tmp_path / 'out' / 'kubeconfig'}"
    assert ("kubeconfig skipped: " in done.err, told in done.err) == (True, False)


def test_an_interrupted_run_is_completed_by_the_next(mapped: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mapped.dev("render", "--output-dir", out)
    record = out / RECORD_NAME
    record.write_text(record.read_text().replace('"files"', '"incomplete": true, "files"'))
    what = f"{out}: warning: a `render` to this directory was interrupted, so some files may be old and others new; "
    assert f"{what}this run completes it\n" in mapped.dev("render", "--output-dir", out, "-o", "json").err
    for words in (("doctor", out), ("render", "--output-dir", out)):
        assert "interrupted" not in mapped.dev(*words).err
