"""Repositories that git makes for a test, with its own settings alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tarmak_iam.report.git_history import FileHistory, Repository
from tarmak_iam.report.git_repository import Budget

__all__ = ["ALICE", "Work", "needs_git", "new_work"]

ALICE = "Alice Example"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
_SETTINGS = ("-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always")


@dataclass
class Work:
    """A repository, and what its commits are called."""

    root: Path

    def git(self, *args: str, text: bytes = b"", variables: Mapping[str, str] | None = None) -> str:
        return self.raw(*args, text=text, variables=variables).decode().strip()

    def raw(self, *args: str, text: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        own = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
        environment = {**own, **author(ALICE, 1), **(variables or {})}
        command = ["git", *_SETTINGS, *args]
        return subprocess.run(
            command, cwd=self.root, env=environment, input=text, capture_output=True, check=True
        ).stdout

    def commit(self, text: str | bytes, message: str, name: str = ALICE, day: int = 1) -> str:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self.commit_all(message, name, day)

    def commit_all(self, message: str, name: str = ALICE, day: int = 1) -> str:
        self.git("add", ".")
        self.git("commit", "-q", "-m", message, variables=author(name, day))
        return self.git("rev-parse", "HEAD")

    def import_commits(self, commits: Sequence[tuple[Sequence[int], Mapping[str, str]]]) -> list[str]:
        """Commits by the numbers of their parents, from 0, and all of their files; the last one is checked out."""
        stream = b""
        for number, (parents, files) in enumerate(commits):
            stream += b"commit refs/heads/c%d\nmark :%d\n" % (number, number + 1)
            stream += b"committer A <a@example.com> %d +0000\ndata 2\nc\n" % (1772355600 + number * 60)
            words = ("from", *["merge"] * len(parents))
            links = zip(words, parents, strict=False)
            stream += b"".join(b"%s :%d\n" % (word.encode(), parent + 1) for word, parent in links) + b"deleteall\n"
            for name, text in files.items():
                data = text.encode()
                stream += b"M 644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data)
        self.raw("fast-import", "--quiet", "--force", text=stream)
        self.git("checkout", "-q", f"c{len(commits) - 1}")
        return self.git("rev-parse", *(f"c{number}" for number in range(len(commits)))).split()

    @property
    def path(self) -> Path:
        return self.root / "map.yaml"

    def lines(self) -> FileHistory:
        return self.repository().lines(self.path)

    def commits_of_lines(self, path: Path | None = None) -> list[str]:
        path = path or self.path
        history = self.repository().lines(path)
        assert history.otherwise.unknown == ""
        return [history.of(line, line).commit for line in range(1, path.read_bytes().count(b"\n") + 1)]

    def blamed_by_git(self, name: str = "map.yaml") -> list[str]:
        lines = self.raw("blame", "--porcelain", "HEAD", "--", name).split(b"\n")
        heads = [line.split(b" ") for line in lines if not line.startswith(b"\t")]
        return [words[0].decode() for words in heads if len(words[0]) in (40, 64) and len(words) in (3, 4)]

    def repository(self, budget: Budget | None = None) -> Repository:
        return Repository.of(self.root, budget)


def author(name: str, day: int) -> dict[str, str]:
    """For 10:00 of a day of March 2026, by a clock of Berlin; later days run on."""
    when = f"{1772355600 + (day - 1) * 86400} +0100"
    values = {"NAME": name, "EMAIL": "someone@example.com", "DATE": when}
    return {f"GIT_{kind}_{key}": value for kind in ("AUTHOR", "COMMITTER") for key, value in values.items()}


def new_work(root: Path, *options: str) -> Work:
    root.mkdir(parents=True)
    work = Work(root)
    work.git("init", "-q", *options)
    return work
