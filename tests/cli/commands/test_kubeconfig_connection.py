"""`kubeconfig` with server, CA, proxy, context name and session name as options, with and without Tarmak's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import Shell
from tests.support.kubeconfigs import OTHER, ROLE

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


def test_all_of_it_is_merged_and_a_second_time_unchanged(alone: Shell, tmp_path: Path, authority: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(OTHER)
    file.chmod(0o600)
    alone.dev("settings", "set", "role", ROLE)
    alone.dev("settings", "set", "profile", "dev")
    words: tuple[str | Path, ...] = (
        "kubeconfig",
        "--merge",
        file,
        "--server",
        API,
        "--certificate-authority",
        authority,
    )
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
    fewer = ("kubeconfig", "--merge", file, "--server", API, "--certificate-authority", authority, "--alias", "my dev")
    assert alone.dev(*fewer).err.startswith("unchanged: ")


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
