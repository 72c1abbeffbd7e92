"""`kubeconfig`: printed, and merged into files where kubectl would, all or nothing."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import Shell
from tests.support.kubeconfigs import OTHER, ROLE


@pytest.fixture
def home(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return shell.single.parent / "home"


def test_a_second_run_is_unchanged(shell: Shell, home: Path) -> None:
    shell.dev("kubeconfig", "--merge", "--role", ROLE)
    file = home / ".kube" / "config"
    before = (file.read_bytes(), file.stat().st_ino)
    done = shell.dev("kubeconfig", "--merge", "--role", ROLE)
    assert done.out == ""
    assert done.err == (
        f"unchanged: cluster dev-cluster, context dev-cluster-Admin, user dev-cluster-Admin in {file}\n"
    )
    assert (file.read_bytes(), file.stat().st_ino) == before


def test_unmanaged_entries_stay_and_are_not_shown(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    file.chmod(0o640)
    done = shell.dev("kubeconfig", "--merge", file, "--role", ROLE)
    assert "c2VjcmV0" not in done.out + done.err
    assert OTHER.partition("contexts:")[0] in file.read_text()
    assert "current-context: other\n" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert f"warning: other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n" in done.err
    assert shell.dev("kubeconfig", "--merge", file, "--role", ROLE, "--use").err == (
        f"unchanged: cluster dev-cluster, context dev-cluster-Admin, user dev-cluster-Admin in {file}\n"
        f"set the current context to dev-cluster-Admin in {file}\n"
        f"warning: other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n"
    )


def test_what_was_written_is_put_back_where_another_file_cannot_be(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For somebody who may not write the file, whoever runs the tests."""
    first, second = tmp_path / "a", tmp_path / "b"
    plugin = "{command: heptio-authenticator-aws, args: [token, -i, dev-cluster]}"
    dated = f"users:\n- name: dev-cluster\n  user: {{exec: {plugin}}}\n"
    first.write_text(OTHER)
    second.write_text(dated)
    real = os.open

    def refuse(name: Any, flags: int, *args: Any, **more: Any) -> int:
        if str(name) == str(second) and flags & os.O_WRONLY:
            raise PermissionError(13, "Permission denied", str(name))
        return real(name, flags, *args, **more)

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert shell.dev("kubeconfig", "--merge", code=2).err.startswith(f"{second}: error: cannot be written: Permission")
    assert (first.read_text(), second.read_text()) == (OTHER, dated)


def test_a_symlink_stays_one(shell: Shell, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text(OTHER)
    link.symlink_to(target)
    shell.dev("kubeconfig", "--merge", link)
    assert link.is_symlink()
    assert "dev-cluster" in target.read_text()


LISTS = {
    "first-that-exists": (["a", "b"], ["a", "b"]),
    "missing-before": (["missing", "b", "a"], ["a", "b"]),
    "none-exists": (["x", "y"], []),
    "one-missing": (["x"], []),
    "empty-first": (["", "b"], ["b"]),
    "twice": (["a", "a", "b"], ["a", "b"]),
    "defined-later": (["a", "has"], ["a", "has"]),
    "defined-twice": (["a", "has", "also"], ["a", "has", "also"]),
}


@pytest.mark.sample(2)
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_files_as_kubectl_takes_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    names, existing = LISTS[name]
    made = json.loads(shell.dev("kubeconfig", "-o", "json").out)
    server = made["clusters"][0]["cluster"]["server"]
    written: list[dict[str, bool]] = []
    for number in range(2):
        directory = tmp_path / str(number)
        directory.mkdir()
        for each in existing:
            cluster = f"clusters: [{{name: dev-cluster, cluster: {{server: '{server}'}}}}]\n"
            (directory / each).write_text("kind: Config\n" + (cluster if each in ("has", "also") else ""))
        before = {path.name: path.read_bytes() for path in directory.iterdir()}
        monkeypatch.setenv("KUBECONFIG", ":".join(str(directory / each) if each else "" for each in names))
        if number == 0:
            context = ["set-context", "dev-cluster", "--cluster=dev-cluster", "--user=dev-cluster"]
            cluster_name = ["set-cluster", "dev-cluster", "--tls-server-name=changed"]
            for command in (cluster_name, context, ["use-context", "dev-cluster"]):
                subprocess.run(["kubectl", "config", *command], check=True, capture_output=True, env=os.environ)
        else:
            shell.dev("kubeconfig", "--merge", "--use")
        written.append({path.name: path.read_bytes() != before.get(path.name) for path in directory.iterdir()})
    assert written[0] == written[1]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("options", [[], ["--role", ROLE, "--profile", "dev"], ["--exec", "aws", "--role", ROLE]])
def test_a_file_that_kubectl_has_rewritten_is_still_unchanged(
    shell: Shell, home: Path, tmp_path: Path, options: list[str]
) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    shell.dev("kubeconfig", "--merge", file, "--use", *options)
    subprocess.run(
        ["kubectl", "config", "use-context", "other", "--kubeconfig", str(file)], check=True, capture_output=True
    )
    assert file.read_text() != OTHER
    done = shell.dev("kubeconfig", "--merge", file, *options)
    assert (done.out, done.err[:10]) == ("", "unchanged:")
    assert not (home / ".kube" / "config").exists()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reads_what_the_options_say(shell: Shell, tmp_path: Path) -> None:
    file, authority = tmp_path / "mine", tmp_path / "ca.pem"
    authority.write_bytes(pem := b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    server, proxy = "https://api.example.com:6443", "socks5://localhost:1080"
    words = ("--server", server, "--certificate-authority", authority, "--proxy-url", proxy, "--alias", "yes")
    shell.dev("kubeconfig", "--merge", file, *words)
    command = ["kubectl", "config", "view", "--raw", "-o", "json", "--kubeconfig", str(file)]
    viewed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert viewed["current-context"] == viewed["contexts"][0]["name"] == "yes"
    assert viewed["clusters"][0]["cluster"] == {
        "server": server,
        "certificate-authority-data": base64.b64encode(pem).decode(),
        "proxy-url": proxy,
    }
