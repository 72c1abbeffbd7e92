"""The last change of lines and files, and the reasons why it is not known, in repositories that the tests create."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tarmak_iam.report.git_history import Repository
from tarmak_iam.report.model import LastChange
from tests.support.work_trees import ALICE, Work, needs_git, new_work

pytestmark = needs_git


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return new_work(tmp_path / "a b")


def test_the_latest_change_of_several_lines(work: Work) -> None:
    first = work.commit("a\nb\nc\n", "One")
    second = work.commit("a\nB\nc\n", "Two\n\nwith a body", day=2)
    history = work.lines()
    assert history.of(1, 1) == LastChange(first, ALICE, "2026-03-01T10:00:00+01:00", "One")
    assert history.of(1, 3) == LastChange(second, ALICE, "2026-03-02T10:00:00+01:00", "Two")
    assert work.repository().file(work.path) == history.of(2, 2)


def test_what_is_not_committed(work: Work) -> None:
    work.commit("a\nb\n", "One")
    work.path.write_text("a\nB\n")
    history = work.lines()
    assert [history.of(*lines).state for lines in ((1, 1), (2, 2), (1, 2))] == [
        "committed",
        "uncommitted",
        "uncommitted",
    ]
    assert work.repository().file(work.path) == LastChange()
    revision = work.repository().revision([work.path])
    assert revision is not None
    assert (revision.date, revision.changed) == ("2026-03-01T10:00:00+01:00", (work.path,))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_that_is_new(work: Work, is_first: bool) -> None:
    if not is_first:
        work.commit("a\n", "One")
    new = work.root / "new.yaml"
    new.write_text("x\n")
    (work.root / ".gitignore").write_text("new.yaml\n")
    repository = work.repository()
    assert repository.lines(new).of(1, 1).state == "uncommitted"
    assert repository.file(new).state == "uncommitted"
    assert (repository.revision([new]) is None) is is_first


def test_a_shallow_clone_does_not_pretend(work: Work, tmp_path: Path) -> None:
    work.commit("a\nb\n", "One")
    work.commit("a\nB\n", "Two", day=2)
    clone = Work(tmp_path / "clone")
    work.git("clone", "-q", "--depth=1", f"file://{work.root}", str(clone.root))
    why = "the clone is shallow and does not contain the commit"
    assert clone.lines().of(1, 1) == LastChange(unknown=why)
    assert clone.repository().file(clone.path) == LastChange(unknown=why)
    whole = Work(tmp_path / "whole")
    work.git("clone", "-q", f"file://{work.root}", str(whole.root))
    assert whole.lines().of(1, 1).summary == "One"


def test_variables_lead_to_no_other_repository(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = work.commit("a\n", "One")
    other = new_work(tmp_path / "other")
    other.commit("a\n", "Other")
    for name in ("GIT_DIR", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.root / ".git" / "objects"))
    monkeypatch.setenv("PATH", "")
    assert work.repository().lines(work.path).of(1, 1).commit == commit


def test_a_file_of_a_submodule_or_outside_is_not_in_the_repository(work: Work, tmp_path: Path) -> None:
    inner = new_work(tmp_path / "inner")
    inner.commit("a\n", "In the submodule")
    work.git("submodule", "add", "-q", str(inner.root), "sub")
    work.commit("b\n", "Outside")
    link = work.root / "link.yaml"
    link.symlink_to(inner.path)
    repository = work.repository()
    for path, why in (
        (work.root / "sub" / "map.yaml", "the file is in another git repository"),
        (link, "the file is outside the git repository"),
    ):
        assert repository.lines(path).of(1, 1) == repository.file(path) == LastChange(unknown=why)
        revision = repository.revision([work.path, path])
        assert revision is not None
        assert revision.changed == (path,)


def test_line_ends_alone_are_no_change(work: Work) -> None:
    """With core.autocrlf, line ends in the working copy differ from those in the commit."""
    commit = work.commit("a\nb\n", "One")
    work.path.write_bytes(b"a\r\nb\r\n")
    repository = work.repository()
    assert [repository.lines(work.path).of(line, line).commit for line in (1, 2)] == [commit, commit]
    assert repository.file(work.path).commit == commit
    revision = repository.revision([work.path])
    assert revision is not None
    assert revision.changed == ()
    work.path.write_bytes(b"a\r\nB\r\n")
    assert [repository.lines(work.path).of(line, line).commit for line in (1, 2)] == [commit, ""]
    assert repository.file(work.path) == LastChange()


def test_what_changes_no_line_is_a_change_of_the_file_alone(work: Work) -> None:
    first = work.commit("a\nb\n", "One")
    second = work.commit("a\n", "A line less", day=2)
    assert (work.lines().of(1, 1).commit, work.repository().file(work.path).commit) == (first, second)
    work.path.chmod(0o755)
    third = work.commit_all("Another mode", day=3)
    assert (work.lines().of(1, 1).commit, work.repository().file(work.path).commit) == (first, third)


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_what_is_no_file_in_the_commit_is_no_history(work: Work, kind: str) -> None:
    """The target of a link and the names in a directory are not lines of the file that replaced them."""
    work.path.unlink(missing_ok=True)
    if kind == "link":
        work.path.symlink_to("a")
    else:
        work.path.mkdir()
        (work.path / "b").write_text("a\n")
    work.commit_all("No file")
    if kind == "link":
        work.path.unlink()
    else:
        shutil.rmtree(work.path)
    work.path.write_text("a")
    repository = work.repository()
    assert (repository.lines(work.path).of(1, 1), repository.file(work.path)) == (LastChange(), LastChange())


def test_long_names_and_summaries_are_cut(work: Work) -> None:
    work.commit("a\n", "x" * 1001, name="y" * 1001)
    change = work.lines().of(1, 1)
    assert (change.author, change.summary) == ("y" * 1000, "x" * 1000)


@pytest.mark.parametrize(
    ("encoding", "stored"),
    [("ISO-8859-1", "latin-1"), ("no-such-encoding", "utf-8"), ("hex", "utf-8"), ("utf\u00fc", "utf-8")],
)
def test_a_name_in_another_encoding_or_in_one_that_there_is_not(work: Work, encoding: str, stored: str) -> None:
    work.path.write_text("a\n")
    work.git("add", ".")
    name = {"GIT_AUTHOR_NAME": "J\u00fcrgen".encode(stored).decode(errors="surrogateescape")}
    message = "Gr\u00fc\u00dfe\n".encode(stored)
    work.git("-c", f"i18n.commitEncoding={encoding}", "commit", "-q", "-F", "-", text=message, variables=name)
    change = work.repository().file(work.path)
    assert (change.author, change.summary) == ("J\u00fcrgen", "Gr\u00fc\u00dfe")


def with_other_words(work: Work, old: str, new: str) -> str:
    """The commit with other words in it, as the only one of the repository."""
    work.commit("a\n", "One")
    raw = work.root / ".git" / "raw"
    raw.write_text(work.git("cat-file", "commit", "HEAD").replace(old, new) + "\n")
    commit = work.git("hash-object", "-t", "commit", "--literally", "-w", str(raw))
    work.git("update-ref", "HEAD", commit)
    assert new in work.git("cat-file", "commit", "HEAD")
    return commit


@pytest.mark.parametrize("when", [" <someone@example.com> 99999999999999 +0000", " <someone@example.com> 1 +9999", ""])
def test_a_time_that_there_is_not(work: Work, when: str) -> None:
    with_other_words(work, " <someone@example.com> 1772355600 +0100", when)
    change = work.lines().of(1, 1)
    assert (change.author, change.summary, change.date) == (ALICE, "One", "")


@pytest.mark.parametrize(
    ("old", "new", "kind"), [("1772355600 +0100", "yesterday", "object"), ("\nauthor ", "\nx-author ", "commit")]
)
def test_a_commit_that_cannot_be_read(work: Work, old: str, new: str, kind: str) -> None:
    commit = with_other_words(work, old, new)
    assert work.repository().unknown == f"the {kind} {commit[:12]} is damaged"


def test_a_reason_is_one_line(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """dulwich's extension ends with an exception that is no Exception where it panics."""

    class Panic(BaseException):
        pass

    def broken(*_: object, **__: object) -> None:
        raise Panic

    work.commit("a\n", "One")
    repository = work.repository()
    monkeypatch.setattr("tarmak_iam.report.git_repository.GitRepository.file", broken)
    why = LastChange(unknown="the git repository cannot be read (Panic)")
    assert repository.file(work.path) == why
    assert repository.lines(work.path).of(1, 1) == why
    revision = repository.revision([work.path])
    assert revision is not None
    assert revision.changed == (work.path,)


def test_without_dulwich(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work.commit("a\n", "One")
    monkeypatch.delitem(sys.modules, "tarmak_iam.report.git_repository", raising=False)
    monkeypatch.setitem(sys.modules, "dulwich", None)
    monkeypatch.setitem(sys.modules, "dulwich.objects", None)
    repository = work.repository()
    assert repository.unknown == "dulwich 1.2.9 or later is not installed"
    assert repository.remedy.startswith("install it, or install the extra `report`")
    assert repository.file(work.path).unknown == repository.unknown
    outside = tmp_path / "outside"
    outside.mkdir()
    assert Repository.of(outside) == Repository("no git repository")
