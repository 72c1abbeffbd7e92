"""`render`: all files or none, and never one that the cluster needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ADMIN, Shell

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
        f"{home / 'kubeconfig'}: error: this is a file of the cluster itself; nothing was written; "
        "choose another --output-dir\n"
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
        f"{out / 'kubeconfig'}: error: this is a directory, and a file is to be written there; nothing was written; "
        "remove it, or choose another --output-dir\n"
    )
    assert [path.name for path in out.iterdir()] == ["kubeconfig"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no https server"),
        ("[]\n", "has no https server"),
        ("clusters: nonsense\n", "has no https server"),
        ("clusters: [nonsense]\n", "has no https server"),
        ("clusters: [{name: x}]\ncontexts: [{name: a, context: 5}]\ncurrent-context: [a]\n", "has no https server"),
        ("clusters: [{name: x, cluster: {server: 5}}]\n", "has no https server"),
        ("clusters: [{name: x, cluster: {server: 'http://x'}}]\n", "has no https server"),
        ("clusters: [{name: x, cluster: {server: 'https://x'}}]\n", "has no certificate-authority-data"),
        (
            "clusters: [{name: x, cluster: {server: 'https://x', certificate-authority-data: '#'}}]\n",
            "has no certificate-authority-data",
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
    def refused(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", f"{path} {mode}")

    monkeypatch.setattr(Path, "open", refused)
    failed = shell.dev("check", code=2)
    assert failed.err.startswith(f"{shell.single / 'tarmak.yaml'}: error: cannot be read: Permission denied")
