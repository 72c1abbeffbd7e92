"""Which tarmak the tests have, and why it is a stub."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.tarmak_build import Tarmak, available


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_IAM_E2E_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def test_without_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TARMAK_SOURCE", raising=False)
    assert str(available()) == "tarmak: a stub: TARMAK_SOURCE names no checkout of jetstack/tarmak"
    monkeypatch.setenv("TARMAK_SOURCE", str(tmp_path / "none"))
    assert available() == Tarmak("stub", reason=f"TARMAK_SOURCE={tmp_path / 'none'} is not a directory")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("TARMAK_SOURCE", str(tmp_path / "empty"))
    assert available().reason.startswith("git rev-parse failed: fatal: not a git repository")


@pytest.mark.parametrize("options", [(), ("--bare",)], ids=["work tree", "bare"])
def test_it_is_named_after_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    source = tmp_path / "source"
    tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the empty one
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a"),
        **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2019-01-02T03:04:05Z"),
    }

    def git(*args: str, text: str = "") -> str:
        command = ["git", "-C", str(source), *args]
        done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=True)
        return done.stdout.strip()

    source.mkdir()
    git("init", "--quiet", *options)
    assert git("mktree") == tree
    git("update-ref", "HEAD", git("commit-tree", tree, text="one\n"))
    monkeypatch.setenv("TARMAK_SOURCE", str(source))
    name = "tarmak-of-311b7845e4"
    assert available() == Tarmak("stub", reason=f"{name} is not built; `make e2e` builds it")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / name).touch()
    assert available() == Tarmak(name, tmp_path / "cache" / name)
