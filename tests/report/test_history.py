"""What git knows of a line, and what it does not, in repositories that are made here."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tarmak_iam.hook.processes import Programs
from tarmak_iam.report.history import Change, FileHistory, Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
ALICE, BOB = "Alice Example", "Bob <b@example.com> \r spoof"


@dataclass
class Work:
    """A repository, and what its commits are called."""

    root: Path

    def git(self, *args: str, **variables: str) -> str:
        environment = {**programs().environment, **variables}
        command = ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", *args]
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, text: str, message: str, author: str = ALICE, day: int = 1) -> str:
        (self.root / "map.yaml").write_bytes(text.encode())
        when = f"2026-03-{day:02}T10:00:00+0100"
        names = {f"GIT_{kind}_{key}": value for kind in ("AUTHOR", "COMMITTER") for key, value in _who(author, when)}
        self.git("add", ".", **names)
        self.git("commit", "-q", "-m", message, **names)
        return self.git("rev-parse", "HEAD")

    @property
    def path(self) -> Path:
        return self.root / "map.yaml"

    def lines(self) -> FileHistory:
        return self.repository().lines(self.path)

    def repository(self) -> Repository:
        return Repository.of(self.root, programs())


def _who(author: str, when: str) -> list[tuple[str, str]]:
    return [("NAME", author), ("EMAIL", "someone@example.com"), ("DATE", when)]


def programs(**variables: str) -> Programs:
    return Programs({"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **variables})


@pytest.fixture
def work(tmp_path: Path) -> Work:
    work = Work(tmp_path / "a b")
    work.root.mkdir()
    work.git("init", "-q")
    return work


def test_the_latest_change_of_several_lines(work: Work) -> None:
    first = work.commit("a\nb\nc\n", "One")
    second = work.commit("a\nB\nc\n", "Two\n\nwith a body", day=2)
    history = work.lines()
    assert history.of(1, 1) == Change(first, ALICE, "2026-03-01T10:00:00+01:00", "One")
    assert history.of(1, 3) == Change(second, ALICE, "2026-03-02T10:00:00+01:00", "Two")
    assert work.repository().file(work.path) == history.of(2, 2)


def test_what_is_taken_away_is_a_change_of_the_file_alone(work: Work) -> None:
    first = work.commit("a\nb\n", "One")
    second = work.commit("a\n", "Two", day=2)
    assert work.lines().of(1, 1).commit == first
    assert work.repository().file(work.path).commit == second


def test_what_is_not_committed(work: Work) -> None:
    work.commit("a\nb\n", "One")
    work.path.write_text("a\nB\n")
    history = work.lines()
    assert [history.of(*lines).state for lines in ((1, 1), (2, 2), (1, 2))] == [
        "committed",
        "uncommitted",
        "uncommitted",
    ]
    assert work.repository().file(work.path) == Change()
    revision = work.repository().revision([work.path])
    assert revision is not None
    assert (revision.date, revision.changed) == ("2026-03-01T10:00:00+01:00", (work.path,))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_that_is_new(work: Work, is_first: bool) -> None:
    if not is_first:
        work.commit("a\n", "One")
    new = work.root / "new.yaml"
    new.write_text("x\n")
    repository = work.repository()
    assert repository.lines(new).of(1, 1).state == "uncommitted"
    assert repository.file(new).state == "uncommitted"
    assert (repository.revision([new]) is None) is is_first


def test_no_repository(tmp_path: Path) -> None:
    repository = Repository.of(tmp_path, programs(GIT_CEILING_DIRECTORIES=str(tmp_path.parent)))
    assert repository.unknown == "no git repository"
    assert repository.lines(tmp_path / "x").of(3, 4) == Change(unknown="no git repository")
    assert repository.file(tmp_path / "x").state == "unknown"
    assert repository.revision([]) is None


def test_no_git(tmp_path: Path) -> None:
    repository = Repository.of(tmp_path, Programs({"PATH": str(tmp_path)}))
    assert repository.lines(tmp_path / "x").of(1, 1).unknown == "git is not installed"


def test_a_shallow_clone_does_not_pretend(work: Work, tmp_path: Path) -> None:
    work.commit("a\nb\n", "One")
    work.commit("a\nB\n", "Two", day=2)
    clone = Work(tmp_path / "clone")
    work.git("clone", "-q", "--depth=1", f"file://{work.root}", str(clone.root))
    why = "the clone is shallow, and the commit is not in it"
    assert clone.lines().of(1, 1) == Change(unknown=why)
    assert clone.repository().file(clone.path) == Change(unknown=why)
    whole = Work(tmp_path / "whole")
    work.git("clone", "-q", f"file://{work.root}", str(whole.root))
    assert whole.lines().of(1, 1).summary == "One"


def test_other_names_cannot_pass_for_git(work: Work) -> None:
    """A carriage return is no line end for git, so that what follows it is not read as one."""
    fake = "0123456789" * 4
    commit = work.commit("a\rb\nc\n", f"One\r{fake} 1 1 2\rauthor Mallory\rfilename x", author=BOB)
    change = work.lines().of(1, 2)
    assert change.commit == commit
    assert change.author == "Bob b@example.com \r spoof"
    assert change.summary.startswith(f"One\r{fake}")


def test_the_hook_of_another_repository_does_not_lead_astray(work: Work, tmp_path: Path) -> None:
    commit = work.commit("a\n", "One")
    other = tmp_path / "other"
    other.mkdir()
    repository = Repository.of(work.root, programs(GIT_DIR=str(other), GIT_INDEX_FILE="nowhere"))
    assert repository.lines(work.path).of(1, 1).commit == commit


def test_nothing_of_the_repository_is_run_or_changed(work: Work, tmp_path: Path) -> None:
    work.commit("a\n", "One")
    witness = tmp_path / "witness"
    work.git("config", "core.fsmonitor", f"touch {witness}; false")
    work.git("config", "diff.evil.textconv", f"touch {witness}; cat")
    (work.root / ".git" / "info" / "attributes").write_text("*.yaml diff=evil\n")
    index = (work.root / ".git" / "index").read_bytes()
    os.utime(work.path, (1, 1))
    repository = work.repository()
    assert repository.lines(work.path).of(1, 1).summary == "One"
    assert repository.file(work.path).summary == "One"
    assert repository.revision([work.path]) is not None
    assert not witness.exists()
    assert (work.root / ".git" / "index").read_bytes() == index


def test_a_link_to_the_file(work: Work, tmp_path: Path) -> None:
    commit = work.commit("a\n", "One")
    link = tmp_path / "link"
    link.symlink_to(work.root)
    repository = Repository.of(link, programs())
    assert repository.lines(link / "map.yaml").of(1, 1).commit == commit
    assert repository.file(link / "map.yaml").commit == commit


def test_a_file_in_a_submodule_has_its_history(work: Work, tmp_path: Path) -> None:
    inner = Work(tmp_path / "inner")
    inner.root.mkdir()
    inner.git("init", "-q")
    commit = inner.commit("a\n", "In the submodule")
    work.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    work.commit("b\n", "Outside")
    path, repository = work.root / "sub" / "map.yaml", work.repository()
    assert repository.lines(path).of(1, 1).commit == commit
    assert repository.file(path).commit == commit
    revision = repository.revision([work.path, path])
    assert revision is not None
    assert revision.changed == ()
    path.write_text("c\n")
    revision = repository.revision([work.path, path])
    assert revision is not None
    assert revision.changed == (path,)
    assert repository.file(path).state == "uncommitted"


def test_a_file_in_no_repository_is_not_of_the_commit(work: Work, tmp_path: Path) -> None:
    work.commit("a\n", "One")
    path = tmp_path / "elsewhere.yaml"
    path.write_text("a\n")
    link = work.root / "link.yaml"
    link.symlink_to(path)
    repository = work.repository()
    assert repository.file(link).unknown == "no git repository"
    revision = repository.revision([link])
    assert revision is not None
    assert revision.changed == (link,)


def test_a_name_is_no_pattern(work: Work) -> None:
    work.commit("a\n", "One")
    (work.root / "m*").mkdir()
    path = work.root / "m*" / "map.yaml"
    path.write_text("a\n")
    work.git("add", ".")
    work.git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "A star")
    (work.root / "mx").mkdir()
    (work.root / "mx" / "map.yaml").write_text("b\n")
    assert work.repository().file(path).summary == "A star"


def test_the_configuration_does_not_change_what_is_told(work: Work) -> None:
    work.commit("a\n", "One")
    commit = work.commit("b\n", "Two", day=2)
    (work.root / "ignored").write_text(f"{commit}\n")
    work.git("config", "blame.ignoreRevsFile", str(work.root / "ignored"))
    work.git("config", "i18n.logOutputEncoding", "UTF-16")
    work.git("config", "color.ui", "always")
    assert work.repository().lines(work.path).of(1, 1) == work.repository().file(work.path)
    assert work.repository().file(work.path).commit == commit


@pytest.mark.parametrize("when", ["99999999999999 +0000", "1 +9999"])
def test_a_time_that_there_is_not(work: Work, when: str) -> None:
    work.commit("a\n", "One")
    text = work.git("cat-file", "commit", "HEAD").replace("1772355600 +0100", when)
    raw = work.root / ".git" / "raw"
    raw.write_text(f"{text}\n")
    work.git("update-ref", "HEAD", work.git("hash-object", "-t", "commit", "--literally", "-w", str(raw)))
    assert when in work.git("cat-file", "commit", "HEAD")
    change = work.lines().of(1, 1)
    assert (change.summary, change.date) == ("One", "")
