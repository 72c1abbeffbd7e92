"""Which repository a directory is in, and which one it only claims to be in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tarmak_iam.report.git_history import Repository
from tarmak_iam.report.git_repository import HistoryUnknown, Location, find_repository
from tarmak_iam.report.model import LastChange
from tests.support.work_trees import Work, needs_git, new_work

pytestmark = needs_git


@pytest.fixture
def work(tmp_path: Path) -> Work:
    work = new_work(tmp_path.resolve() / "work")
    work.commit("a\n", "One")
    return work


def refused(directory: Path) -> str:
    with pytest.raises(HistoryUnknown) as raised:
        find_repository(directory)
    assert Repository.of(directory).unknown == str(raised.value)
    return str(raised.value)


def test_the_nearest_above_the_real_directory(work: Work, tmp_path: Path) -> None:
    below = work.root / "a" / "b"
    below.mkdir(parents=True)
    expected = Location(work.root, work.root / ".git", work.root / ".git")
    other = new_work(tmp_path / "other")
    (other.root / "link").symlink_to(work.root)
    shutil.copytree(work.root / ".git", work.root / "bare")  # a bare repository within another one
    for directory in (work.root, below, other.root / "link", work.root / "bare"):
        assert find_repository(directory) == expected


def test_none(work: Work, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(work.root / ".git", bare)
    (bare / "map.yaml").write_text("a\n")
    for directory in (tmp_path, tmp_path / "not" / "there", bare):
        assert find_repository(directory) is None
    repository = Repository.of(bare)
    assert repository.unknown == repository.file(bare / "map.yaml").unknown == "no git repository"
    assert repository.lines(bare / "x").of(3, 4) == LastChange(unknown="no git repository")
    assert repository.revision([]) is None


def test_within_the_git_directory_itself(work: Work) -> None:
    assert refused(work.root / ".git" / "refs") == f"the directory is inside {work.root}/.git"


# --- worktrees and submodules ----------------------------------------------------------------------------------------


def test_a_worktree(work: Work, tmp_path: Path) -> None:
    tree = Work(tmp_path.resolve() / "tree")
    work.git("worktree", "add", "-q", "-b", "other", str(tree.root))
    commit = tree.commit("a\nb\n", "Two", day=2)
    location = find_repository(tree.root)
    assert location == Location(tree.root, work.root / ".git" / "worktrees" / "tree", work.root / ".git")
    assert tree.lines().of(2, 2).commit == commit
    assert work.lines().of(2, 2).commit == ""
    tree.git("checkout", "-q", "--detach")
    assert tree.lines().of(2, 2).commit == commit


def test_a_worktree_that_is_named_by_a_relative_path(work: Work, tmp_path: Path) -> None:
    """As git 2.48 writes it where worktree.useRelativePaths is set."""
    tree = Work(tmp_path.resolve() / "tree")
    work.git("worktree", "add", "-q", str(tree.root))
    (tree.root / ".git").write_text("gitdir: ../work/.git/worktrees/tree\n")
    (work.root / ".git" / "worktrees" / "tree" / "gitdir").write_text("../../../../tree/.git\n")
    assert tree.lines().of(1, 1).summary == "One"


def test_a_submodule(work: Work, tmp_path: Path) -> None:
    outer = new_work(tmp_path.resolve() / "outer")
    outer.git("submodule", "add", "-q", str(work.root), "sub")
    inner = Work(outer.root / "sub")
    own = outer.root / ".git" / "modules" / "sub"
    assert find_repository(inner.root) == Location(inner.root, own, own)
    assert inner.lines().of(1, 1).summary == "One"
    config = own / "config"  # includes are not read
    included = tmp_path / "included"
    included.write_text(config.read_text())
    config.write_text(f"[include]\n\tpath = {included}\n")
    assert "which does not name" in refused(outer.root / "sub")


def test_the_repository_of_another_directory(work: Work, tmp_path: Path) -> None:
    """That of a work tree, a submodule, and a worktree."""
    outer = new_work(tmp_path.resolve() / "outer")
    outer.git("submodule", "add", "-q", str(work.root), "sub")
    work.git("worktree", "add", "-q", str(tmp_path / "tree"))
    hostile = tmp_path.resolve() / "hostile"
    hostile.mkdir()
    (hostile / "map.yaml").write_text("a\n")
    git = work.root / ".git"
    for own in (git, outer.root / ".git" / "modules" / "sub", git / "worktrees" / "tree"):
        assert own.is_dir()
        (hostile / ".git").write_text(f"gitdir: {own}\n")
        assert refused(hostile) == f"{hostile}/.git refers to {own}, which does not name {hostile} as its work tree"


@pytest.mark.parametrize("place", ["made up", "worktrees/made up"])
def test_a_forged_worktree(work: Work, tmp_path: Path, place: str) -> None:
    """It names the directory itself, but the repository does not have it among its worktrees."""
    hostile = tmp_path.resolve() / "hostile"
    own = hostile / place
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text(f"{work.root}/.git\n")
    (own / "gitdir").write_text(f"{hostile}/.git\n")
    (own / "config").write_text(f"[core]\n\tworktree = {hostile}\n")
    (hostile / ".git").write_text(f"gitdir: {place}\n")
    assert "which does not name" in refused(hostile)


def test_a_git_directory_that_shares_with_somebody_else(work: Work, tmp_path: Path) -> None:
    hostile = new_work(tmp_path.resolve() / "hostile")
    (hostile.root / ".git" / "commondir").write_text(f"{work.root}/.git\n")
    assert refused(hostile.root) == f"{hostile.root}/.git belongs to another repository, which does not refer to it"


# --- what is no repository -------------------------------------------------------------------------------------------


def test_a_link_and_a_pipe(work: Work, tmp_path: Path) -> None:
    hostile = tmp_path.resolve() / "hostile"
    hostile.mkdir()
    (hostile / ".git").symlink_to(work.root / ".git")
    assert refused(hostile) == f"{hostile}/.git is a symbolic link, which is not followed"
    (hostile / ".git").unlink()
    os.mkfifo(hostile / ".git")
    assert refused(hostile) == f"{hostile}/.git is not a regular file"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "/.git is not a git repository") for text in (b"", b"gitdir", b"\xff\x00", b"x" * 8000)),
        (b"gitdir: " + b"x" * 9000, "/.git is larger than the limit of 8,192 bytes"),
        (b"gitdir: a\0b", "the git repository cannot be read (ValueError)"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: bytes, why: str) -> None:
    (tmp_path / ".git").write_bytes(text)
    assert Repository.of(tmp_path).unknown.removeprefix(str(tmp_path)) == why


def test_a_reason_quotes_no_whole_file(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text(f"gitdir: {'x' * 8000}\n")
    reason = refused(tmp_path)
    assert len(reason) <= 1000
    assert "x..." in reason


@pytest.mark.parametrize("missing", ["HEAD", "objects"])
def test_a_part_of_a_repository(work: Work, missing: str) -> None:
    (work.root / ".git" / missing).rename(work.root / missing)
    assert refused(work.root) == f"{work.root}/.git is not a git repository"


# --- files of other repositories -------------------------------------------------------------------------------------


def test_a_repository_below(work: Work) -> None:
    location = find_repository(work.root)
    assert location is not None
    new_work(work.root / "a" / "b")
    assert location.path_of(work.root / "a" / "map.yaml") == b"a/map.yaml"
    for path in (work.root / "a" / "b" / "map.yaml", work.root / "a" / "b" / "c" / "map.yaml"):
        with pytest.raises(HistoryUnknown, match="the file is in another git repository"):
            location.path_of(path)
    with pytest.raises(HistoryUnknown, match="the file is outside the git repository"):
        location.path_of(work.root.parent / "map.yaml")
