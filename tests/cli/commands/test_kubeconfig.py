"""`kubeconfig`: printed, and merged into files where kubectl would, all or nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import Shell
from tests.support.kubeconfigs import OTHER, ROLE


@pytest.fixture
def home(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return shell.single.parent / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def server_of(shell: Shell) -> str:
    made = json.loads(shell.dev("kubeconfig", "-o", "json").out)
    return str(made["clusters"][0]["cluster"]["server"])


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
    assert mode(file) == 0o640
    assert f"warning: other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n" in done.err
    assert shell.dev("kubeconfig", "--merge", file, "--role", ROLE, "--use").err == (
        f"unchanged: cluster dev-cluster, context dev-cluster-Admin, user dev-cluster-Admin in {file}\n"
        f"set the current context to dev-cluster-Admin in {file}\n"
        f"warning: other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n"
    )


def test_what_was_written_is_put_back_where_another_file_cannot_be(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    plugin = "{command: heptio-authenticator-aws, args: [token, -i, dev-cluster]}"
    dated = f"users:\n- name: dev-cluster\n  user: {{exec: {plugin}}}\n"
    first.write_text(OTHER)
    second.write_text(dated)
    second.chmod(0o400)
    monkeypatch.setattr("os.open", _refusing(second))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert shell.dev("kubeconfig", "--merge", code=2).err.startswith(f"{second}: error: cannot be written: Permission")
    assert (first.read_text(), second.read_text()) == (OTHER, dated)


def _refusing(path: Path) -> Callable[..., int]:
    """os.open for somebody who may not write the file, whoever runs the tests."""
    real = os.open

    def refuse(name: Any, flags: int, *args: Any, **more: Any) -> int:
        if str(name) == str(path) and flags & os.O_WRONLY:
            raise PermissionError(13, "Permission denied", str(name))
        return real(name, flags, *args, **more)

    return refuse


def test_a_symlink_stays_one(shell: Shell, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text(OTHER)
    link.symlink_to(target)
    shell.dev("kubeconfig", "--merge", link)
    assert link.is_symlink()
    assert "dev-cluster" in target.read_text()


def test_a_tunnel_is_told(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "kubeconfig"
    config = shell.single / "tarmak.yaml"
    config.write_text(config.read_text().replace("public: yes", "public: no"))
    server = server_of(shell)
    assert server in file.read_text()
    command = f"tarmak -c {shell.single} clusters kubeconfig"
    note = f"{server} is a tunnel that Tarmak keeps open for 10 minutes; run `{command}` to open it again"
    assert shell.dev("kubeconfig").err.startswith(note)
    assert note in shell.dev("kubeconfig", "--merge", shell.single / "new").err
    shell.dev("map", "add", ROLE.replace("team/", ""), "--username", "admin", "--group", "system:masters")
    assert note in shell.dev("render", "--output-dir", shell.single / "out").err


def test_a_colleague_has_a_profile_and_no_role(shell: Shell) -> None:
    """The settings' role is the admin's, as for verify; the profile's own session is of another one."""
    shell.dev("settings", "set", "role", ROLE)
    shell.dev("settings", "set", "profile", "admin")
    made = json.loads(shell.dev("kubeconfig", "--role", "", "--profile", "dev", "-o", "json").out)
    command = made["users"][0]["user"]["exec"]
    assert "-r" not in command["args"]
    assert command["env"] == [{"name": "AWS_PROFILE", "value": "dev"}]
    assert made["contexts"][0]["name"] == "dev-cluster"
    made = json.loads(shell.dev("kubeconfig", "--profile", "", "-o", "json").out)
    assert "env" not in made["users"][0]["user"]["exec"]
    assert "'' is not the ARN of a role" in shell.dev("settings", "set", "role", "", code=2).err


def test_render_takes_them_too(shell: Shell, tmp_path: Path) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ROLE.replace("team/", ""), "--username", "admin", "--group", "system:masters")
    out = tmp_path / "out"
    shell.dev("render", "--output-dir", out, "--exec", "aws", "--kubectl-version", "1.10.1", "--role", ROLE)
    text = (out / "kubeconfig").read_text()
    assert "command: aws\n" in text
    assert "v1alpha1\n" in text
    assert mode(out / "kubeconfig") == 0o600


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
    server = server_of(shell)
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


def test_the_entries_of_all_clusters(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "config"
    every = ("-c", shell.multi, "kubeconfig", "--all-clusters", "--merge", file)
    planned = shell.run(*every, "--dry-run")
    assert planned.out.count("+++ ") == 2
    assert planned.err.splitlines()[-1] == "2 clusters: 2 would be merged (prod-blue, prod-green)"
    assert not file.exists()
    done = shell.run(*every)
    assert done.out == planned.out, "a dry run shows what is written, one cluster after the other"
    text = file.read_text()
    assert [line for line in text.splitlines() if "current-context" in line] == ["current-context: prod-blue"]
    assert (text.count("- name: prod-blue\n"), text.count("- name: prod-green\n")) == (3, 3)
    assert shell.run(*every).err.splitlines()[-1] == "2 clusters: 2 unchanged"
    (shell.multi / "prod-blue" / "tarmak-iam.yaml").write_text("colour: blue\n")
    broken, merged = json.loads(shell.run(*every, "--role", ROLE, "-o", "json", code=2).out)
    assert "unknown setting 'colour'" in broken["error"]
    assert (merged["cluster"], merged["changed"]) == ("prod-green", True)
    assert "- name: prod-green-Admin\n" in file.read_text()
