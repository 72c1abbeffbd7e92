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

ROLE = "arn:aws:iam::111122223333:role/team/Admin"
OTHER = """\
apiVersion: v1
kind: Config
# theirs
users:
- name: other
  user: {token: c2VjcmV0}
contexts:
- name: other
  context: {cluster: other, user: other}
current-context: other
"""
FOREIGN = "users:\n- name: dev-cluster\n  user:\n    token: c2VjcmV0\n"


@pytest.fixture
def home(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return shell.single.parent / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def server_of(shell: Shell) -> str:
    made = json.loads(shell.dev("kubeconfig", "-o", "json").out)
    return str(made["clusters"][0]["cluster"]["server"])


def test_a_new_file_is_what_kubeconfig_prints(shell: Shell, home: Path) -> None:
    file = home / ".kube" / "config"
    done = shell.dev("kubeconfig", "--merge")
    assert file.read_text() == shell.dev("kubeconfig").out
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert done.err == (
        f"added cluster dev-cluster, context dev-cluster, user dev-cluster to {file}\n"
        f"set the current context to dev-cluster in {file}\n"
    )
    assert done.out.startswith(f"--- {file}\n+++ {file}\n@@ -0,0 +1,")


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


def test_what_others_have_stays_and_is_not_shown(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    file.chmod(0o640)
    done = shell.dev("kubeconfig", "--merge", file, "--role", ROLE)
    assert "c2VjcmV0" not in done.out + done.err
    assert OTHER.partition("contexts:")[0] in file.read_text()
    assert "current-context: other\n" in file.read_text()
    assert mode(file) == 0o640
    assert f"other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n" in done.err
    assert shell.dev("kubeconfig", "--merge", file, "--role", ROLE, "--use").err == (
        f"unchanged: cluster dev-cluster, context dev-cluster-Admin, user dev-cluster-Admin in {file}\n"
        f"set the current context to dev-cluster-Admin in {file}\n"
        f"other users can read {file}, which may contain credentials: run `chmod 600 {file}`\n"
    )


def test_a_role_that_is_there_is_kept_and_reported(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    args = f"[token, -i, dev-cluster, -r, '{ROLE}']"
    file.write_text(
        f"users:\n- name: dev-cluster\n  user: {{exec: {{command: aws-iam-authenticator, args: {args}}}}}\n"
    )
    done = shell.dev("kubeconfig", "--merge", file)
    assert f"the user dev-cluster keeps its role {ROLE}; --role adds a separate user\n" in done.err
    assert args in file.read_text()


def test_a_dry_run_writes_nothing(shell: Shell, home: Path, tmp_path: Path) -> None:
    done = shell.dev("kubeconfig", "--merge", "--dry-run")
    assert done.err == "dry run: nothing was written\n"
    assert "+kind: Config" in done.out
    assert not (home / ".kube").exists()
    file = tmp_path / "mine"
    file.write_text(OTHER)
    assert "+- name: dev-cluster" in shell.dev("kubeconfig", "--merge", file, "--dry-run").out
    assert file.read_text() == OTHER


def test_an_entry_that_is_not_ours(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(FOREIGN)
    failed = shell.dev("kubeconfig", "--merge", file, code=2)
    assert failed.err == (
        f"{file}:2:3: error: the user 'dev-cluster' is not managed by tarmak-iam: it contains token; "
        "nothing was written; specify another file, rename the entry, or replace it with --force\n"
    )
    assert file.read_text() == FOREIGN
    forced = shell.dev("kubeconfig", "--merge", file, "--force")
    assert f"forced: the user 'dev-cluster' in {file} was not managed by tarmak-iam; no recovery access: " in forced.err
    assert f"replaced user dev-cluster in {file}\n" in forced.err
    assert "c2VjcmV0" not in forced.out + forced.err + file.read_text()


def test_nothing_is_written_where_one_of_two_files_is_refused(
    shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text(OTHER)
    second.write_text(FOREIGN)
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    shell.dev("kubeconfig", "--merge", code=2)
    assert (first.read_text(), second.read_text()) == (OTHER, FOREIGN)
    assert not home.exists() or not (home / ".kube").exists()


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


def test_tarmaks_own_kubeconfig_is_not_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    own = shell.single / "dev-cluster" / "kubeconfig"
    before = own.read_bytes()
    message = (
        f"{own}: error: this file belongs to the cluster itself; nothing was written; "
        "specify another FILE for --merge\n"
    )
    assert shell.dev("kubeconfig", "--merge", own, "--role", ROLE, "--force", code=2).err.endswith(message)
    monkeypatch.setenv("KUBECONFIG", str(own))
    assert shell.dev("kubeconfig", "--merge", "--role", ROLE, "--force", code=2).err.endswith(message)
    assert own.read_bytes() == before


def test_json(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    done = json.loads(shell.dev("kubeconfig", "--merge", file, "-o", "json", "--use").out)
    diff = done.pop("diff")
    assert diff.startswith(f"--- {file}\n")
    assert "c2VjcmV0" not in diff
    assert done == {
        "changed": True,
        "entries": [
            {"kind": kind, "name": "dev-cluster", "change": "added", "file": str(file)}
            for kind in ("cluster", "context", "user")
        ],
        "currentContext": str(file),
    }
    again = json.loads(shell.dev("kubeconfig", "--merge", file, "-o", "json", "--use").out)
    assert (again["changed"], again["diff"], again["currentContext"]) == (False, "", None)


@pytest.mark.parametrize("option", ["--use", "--force", "--dry-run"])
def test_options_of_merging_alone(shell: Shell, option: str) -> None:
    assert shell.dev("kubeconfig", option, code=2).err.startswith(f"error: {option} requires --merge")


def test_no_file(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--merge '' is not a file name" in shell.dev("kubeconfig", "--merge", "", code=2).err
    monkeypatch.setenv("KUBECONFIG", ":")
    assert "KUBECONFIG contains no file name; unset it" in shell.dev("kubeconfig", "--merge", code=2).err
    assert shell.dev("kubeconfig", "--merge", tmp_path, code=2).err.startswith(f"{tmp_path}: error: cannot be read")


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


def test_settings_and_options(shell: Shell) -> None:
    shell.dev("settings", "set", "exec", "aws")
    shell.dev("settings", "set", "kubectlVersion", "1.10.0")
    printed = shell.dev("kubeconfig").out
    assert "command: aws\n" in printed
    assert "client.authentication.k8s.io/v1alpha1\n" in printed
    printed = shell.dev("kubeconfig", "--exec", "tarmak-iam", "--kubectl-version", "1.30.1").out
    assert "command: tarmak-iam\n" in printed
    assert "client.authentication.k8s.io/v1beta1\n" in printed
    failed = shell.dev("kubeconfig", "--kubectl-version", "latest", code=2)
    assert "kubectlVersion: 'latest' is not a valid Kubernetes version" in failed.err
    assert "Invalid value for '--exec'" in shell.dev("kubeconfig", "--exec", "aws2", code=2).err


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


PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PEM_DATA = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
API = "https://api.example.com:6443"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text(PEM)
    return file


@pytest.fixture
def alone(shell: Shell) -> Shell:
    """Without Tarmak's own kubeconfig, and without a public address."""
    (shell.single / "dev-cluster" / "kubeconfig").unlink()
    config = shell.single / "tarmak.yaml"
    config.write_text(config.read_text().replace("public: yes", "public: no"))
    return shell


def test_server_and_ca_work_without_tarmaks_kubeconfig(alone: Shell, authority: Path) -> None:
    done = alone.dev("kubeconfig", "--server", API, "--certificate-authority", authority)
    assert done.err == ""
    assert done.out.startswith(
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        "- name: dev-cluster\n"
        "  cluster:\n"
        f"    server: {API}\n"
        f"    certificate-authority-data: {PEM_DATA}\n"
    )


def test_a_broken_kubeconfig_of_tarmak_is_not_read_where_it_is_not_needed(shell: Shell, authority: Path) -> None:
    (shell.single / "dev-cluster" / "kubeconfig").write_text("{")
    shell.dev("kubeconfig", "--server", API, code=2)
    shell.dev("kubeconfig", "--server", API, "--certificate-authority", authority)


def test_without_server_ca_and_tarmaks_kubeconfig(alone: Shell, authority: Path) -> None:
    own, tarmak = alone.single / "dev-cluster" / "kubeconfig", f"tarmak -c {alone.single} clusters kubeconfig"
    assert alone.dev("kubeconfig", code=2).err == (
        f"{own}: error: the CA of the cluster is unknown: Tarmak's own kubeconfig does not exist; run `{tarmak}`, "
        f"or `tarmak-iam -c {alone.single} kubeconfig --server URL --certificate-authority FILE`\n"
    )
    assert alone.dev("kubeconfig", "--certificate-authority", authority, code=2).err == (
        f"{own}: error: the address of the API server is unknown: Tarmak's own kubeconfig does not exist; "
        f"run `{tarmak}`, or `tarmak-iam -c {alone.single} kubeconfig --server URL`\n"
    )


def test_a_server_whose_ca_is_the_operating_systems(alone: Shell, tmp_path: Path, authority: Path) -> None:
    own = alone.single / "dev-cluster" / "kubeconfig"
    note = (
        f"note: the kubeconfig contains no CA, since {own} does not exist: kubectl verifies {API} with the CAs of the "
        "operating system; specify --certificate-authority FILE for another CA\n"
    )
    done = alone.dev("kubeconfig", "--server", API, "-o", "json")
    assert json.loads(done.out)["clusters"] == [{"name": "dev-cluster", "cluster": {"server": API}}]
    assert done.err == note
    file = tmp_path / "mine"
    assert note in alone.dev("kubeconfig", "--server", API, "--merge", file).err
    assert "insecure" not in file.read_text()
    alone.dev("kubeconfig", "--server", API, "--certificate-authority", authority, "--merge", file)
    assert alone.dev("kubeconfig", "--server", API, "--merge", file).err == (
        f"unchanged: cluster dev-cluster, context dev-cluster, user dev-cluster in {file}\n"
    )
    assert f"certificate-authority-data: {PEM_DATA}\n" in file.read_text()


def test_another_address_has_the_ca_of_tarmaks_kubeconfig(shell: Shell) -> None:
    usual = json.loads(shell.dev("kubeconfig", "-o", "json").out)["clusters"][0]["cluster"]
    done = shell.dev("kubeconfig", "--server", "https://127.0.0.1:6443", "-o", "json")
    assert json.loads(done.out)["clusters"][0]["cluster"] == {**usual, "server": "https://127.0.0.1:6443"}
    assert done.err == ""  # no tunnel of Tarmak's


def test_all_of_it_is_merged_and_a_second_time_unchanged(alone: Shell, home: Path, authority: Path) -> None:
    file = home / ".kube" / "config"
    file.parent.mkdir(parents=True)
    file.write_text(OTHER)
    file.chmod(0o600)
    alone.dev("settings", "set", "role", ROLE)
    alone.dev("settings", "set", "profile", "dev")
    words: tuple[str | Path, ...] = ("kubeconfig", "--merge", "--server", API, "--certificate-authority", authority)
    words += ("--proxy-url", "http://proxy:3128", "--alias", "my dev", "--session-name", "alice")
    done = alone.dev(*words)
    assert done.err == f"added cluster dev-cluster, context my dev, user dev-cluster-Admin to {file}\n"
    assert "REDACTED" not in "".join(line for line in done.out.splitlines() if line.startswith("+"))
    merged = file.read_text()
    assert merged.startswith(OTHER.partition("users:")[0])
    assert "    proxy-url: http://proxy:3128\n" in merged
    again = alone.dev(*words)
    assert again.out == ""
    assert again.err == f"unchanged: cluster dev-cluster, context my dev, user dev-cluster-Admin in {file}\n"
    assert file.read_text() == merged
    fewer = ("kubeconfig", "--merge", "--server", API, "--certificate-authority", authority, "--alias", "my dev")
    assert alone.dev(*fewer).err.startswith("unchanged: ")


def test_an_alias_that_is_another_context(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    failed = shell.dev("kubeconfig", "--merge", file, "--alias", "other", code=2)
    assert "the context 'other' is not managed by tarmak-iam: its cluster is 'other', not 'dev-cluster'" in failed.err
    assert file.read_text() == OTHER


def test_the_password_of_a_proxy_is_not_in_a_diff(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    proxy = "http://user:c2VjcmV0@proxy:3128"
    done = shell.dev("kubeconfig", "--merge", file, "--proxy-url", proxy)
    assert "+    proxy-url: REDACTED\n" in done.out
    assert "c2VjcmV0" not in done.out + done.err
    assert f"    proxy-url: {proxy}\n" in file.read_text()


def test_a_kubectl_that_ignores_the_proxy(shell: Shell) -> None:
    words = ("kubeconfig", "--proxy-url", "http://proxy:3128", "--kubectl-version")
    assert shell.dev(*words, "1.18.20").err == (
        "warning: kubectl 1.18.20 ignores proxy-url; use kubectl 1.19 or later, or set HTTPS_PROXY\n"
    )
    assert shell.dev(*words, "1.19.0").err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--server", "api.x"], "'api.x' is not a valid server URL; specify it as in https://api.example.com:6443"),
        (["--proxy-url", "x"], "'x' is not a valid proxy URL; specify it as in http://proxy.example.com:3128"),
        (["--alias", ""], "the name of the context is empty; specify a name, as in dev"),
        (
            ["--session-name", "alice", "--role", ROLE, "--exec", "aws"],
            (
                "`aws eks get-token` has no option for the session name: it always uses EKSGetTokenAuth; "
                "use aws-iam-authenticator or tarmak-iam for --exec"
            ),
        ),
    ],
)
def test_values_that_cannot_be_used(shell: Shell, words: list[str], message: str) -> None:
    assert shell.dev("kubeconfig", *words, code=2).err == f"error: {message}\n"


def test_a_ca_file_that_cannot_be_used(shell: Shell, tmp_path: Path, authority: Path) -> None:
    words = ("kubeconfig", "--server", API, "--certificate-authority")
    assert shell.dev(*words, "", code=2).err.startswith("error: --certificate-authority '' is not a file name")
    missing = tmp_path / "missing"
    assert shell.dev(*words, missing, code=2).err.startswith(f"{missing}: error: cannot be read: No such file")
    authority.write_text("no PEM")
    error = f"{authority}: error: the file contains no certificate in PEM format; "
    assert shell.dev(*words, authority, code=2).err.startswith(error)
    authority.write_text(PEM + "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    failed = shell.dev(*words, authority, code=2)
    assert failed.err == (
        f"{authority}: error: the file contains a private key; specify a file that contains only the CA's certificate\n"
    )


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reads_them(shell: Shell, tmp_path: Path, authority: Path) -> None:
    file = tmp_path / "mine"
    words = ("--server", API, "--certificate-authority", authority, "--proxy-url", "socks5://localhost:1080")
    shell.dev("kubeconfig", "--merge", file, *words, "--alias", "yes")
    command = ["kubectl", "config", "view", "--raw", "-o", "json", "--kubeconfig", str(file)]
    viewed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert viewed["current-context"] == viewed["contexts"][0]["name"] == "yes"
    assert viewed["clusters"][0]["cluster"] == {
        "server": API,
        "certificate-authority-data": PEM_DATA,
        "proxy-url": "socks5://localhost:1080",
    }


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


def test_a_role_with_its_account_as_the_console_shows_it(shell: Shell) -> None:
    typed = ROLE.replace("111122223333", "1111-2222-3333")
    assert shell.dev("kubeconfig", "--role", typed).out == shell.dev("kubeconfig", "--role", ROLE).out
