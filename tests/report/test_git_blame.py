"""Commits of lines and of files, compared with those that git names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarmak_iam.report.git_history import matching_lines
from tarmak_iam.report.git_repository import Budget, HistoryUnknown
from tests.support.thorough import examples
from tests.support.work_trees import Work, needs_git, new_work

pytestmark = needs_git
TOO_MUCH = "the history needs more work than the limit"
Versions = list[tuple[list[int], list[str]]]
"""Numbers of the parents, and the lines."""
FEW = settings(
    max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def imported(tmp_path: Path, versions: Versions) -> tuple[Work, list[str]]:
    number = len(list(tmp_path.iterdir()))
    work = new_work(tmp_path / str(number))
    files = [(parents, {"map.yaml": "".join(lines), "x": str(at)}) for at, (parents, lines) in enumerate(versions)]
    return work, work.import_commits(files)


def edited(draw: st.DrawFn, lines: list[str], new: str) -> list[str]:
    at = draw(st.integers(0, len(lines)))
    gone = draw(st.integers(0, 2))
    return [*lines[:at], *[f"{new}\n"] * draw(st.integers(0, 1)), *lines[at + gone :]]


@st.composite
def histories(draw: st.DrawFn) -> Versions:
    """With merges. No two lines are equal, so that only one answer is right."""
    versions: Versions = [([], [f"first {at}\n" for at in range(5)])]
    for number in range(1, draw(st.integers(3, 10))):
        first = draw(st.integers(max(0, number - 3), number - 1))
        second = draw(st.integers(max(0, number - 3), number - 1))
        lines = versions[first][1]
        if first == second:
            versions.append(([first], edited(draw, lines, f"new {number}")))
        else:
            theirs = [line for line in versions[second][1] if line not in lines]
            versions.append(([first, second], lines + theirs if draw(st.booleans()) else versions[second][1]))
    return versions


@FEW
@given(versions=histories())
def test_the_commits_that_git_names(tmp_path: Path, versions: Versions) -> None:
    work, _ = imported(tmp_path, versions)
    assert work.commits_of_lines() == work.blamed_by_git()
    assert work.repository().file(work.path).commit == work.git("log", "-1", "--format=%H", "--", "map.yaml")


@FEW
@given(texts=st.lists(st.lists(st.sampled_from(["a\n", "b\n", "  c\n"]), max_size=8), min_size=2, max_size=8))
def test_equal_lines_are_of_a_commit_that_changed_the_file(tmp_path: Path, texts: list[list[str]]) -> None:
    """Which of equal lines is the new one is a matter of taste, and git's is not always ours."""
    work, commits = imported(tmp_path, [([at - 1] if at else [], text) for at, text in enumerate(texts)])
    for line, commit in zip(texts[-1], work.commits_of_lines(), strict=True):
        number = commits.index(commit)
        assert line in texts[number]
        assert number == 0 or texts[number] != texts[number - 1]


A, B, C = [
    [f"  - roleARN: arn:aws:iam::111122223333:role/{name}\n", f"    username: {name}\n", "    groups:\n", "    - dev\n"]
    for name in "ABC"
]
D, E, F = [["  - groups: [dev]\n", f"    roleARN: {name}\n", "    username: u\n"] for name in "DEF"]


@pytest.mark.parametrize(
    "texts",
    [
        [A, A + B, A + B + C],
        [C, B + C, A + B + C],
        [A + C, A + B + C],
        [A + B + C, A + C],
        [A + B + C, B + C, C],
        [A + B, B + A],
        [A, [*A, "    - ops\n"], [*A[:3], "    - ops\n"]],
        [D, E + D, D + E + F],
        [E + F, D + E + F, E + F],
        [[*A, "\n", *C], [*A, "\n", *B, "\n", *C]],
        [["a\n", "b"], ["a\n", "b\n"]],
        [["a\r\n", "b\r\n"], ["a\n", "b\r\n"]],
        [["a\rb\x0bc\n", "d\n"], ["a\rb\x0bc\n", "x\ry\n", "d\n"]],
        [["a\n", "\n", "c\n"], ["a\n", "\n", "b\n", "\n", "c\n"]],
    ],
)
def test_edits_of_mappings(tmp_path: Path, texts: list[list[str]]) -> None:
    work, _ = imported(tmp_path, [([at - 1] if at else [], text) for at, text in enumerate(texts)])
    history = work.repository().lines(work.path)
    own = [history.of(at, at).commit for at in range(1, len(texts[-1]) + 1)]
    assert own == work.blamed_by_git()


def test_a_merge_that_changes_lines_itself(tmp_path: Path) -> None:
    versions: Versions = [
        ([], ["a\n", "b\n", "c\n"]),
        ([0], ["A\n", "b\n", "c\n"]),
        ([0], ["a\n", "b\n", "C\n"]),
        ([1, 2], ["A\n", "both\n", "C\n"]),
    ]
    work, commits = imported(tmp_path, versions)
    assert work.commits_of_lines() == [commits[1], commits[3], commits[2]] == work.blamed_by_git()
    assert work.repository().file(work.path).commit == commits[3]
    # Of the same change on both sides, the first parent's is followed, by git too.
    versions = [([], ["a\n"]), ([0], ["b\n"]), ([0], ["b\n"]), ([1, 2], ["b\n"])]
    work, commits = imported(tmp_path, versions)
    assert work.commits_of_lines() == [commits[1]] == work.blamed_by_git()
    assert work.repository().file(work.path).commit == commits[1]


# --- files that move -----------------------------------------------------------------------------------------------

TEXT = "".join(A + B)


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("dev", "ops", 1)], ids=["as it was", "changed"])
def test_a_file_that_was_moved(tmp_path: Path, text: str) -> None:
    """Its lines are from before; the file under this name is new, as for `git log` without --follow."""
    work = new_work(tmp_path / "w")
    first, second = work.import_commits([([], {"old/map.yaml": TEXT, "x": "1"}), ([0], {"map.yaml": text, "x": "1"})])
    changed = [at for at, pair in enumerate(zip(TEXT, text, strict=True)) if pair[0] != pair[1]]
    line = text.count("\n", 0, changed[0]) if changed else -1
    assert work.commits_of_lines() == [second if at == line else first for at in range(8)] == work.blamed_by_git()
    assert work.repository().file(work.path).commit == second


def test_a_file_that_is_copied_or_like_no_other_is_new(tmp_path: Path) -> None:
    work = new_work(tmp_path / "w")
    _, second = work.import_commits(
        [([], {"a.yaml": TEXT, "b.yaml": "b\n"}), ([0], {"a.yaml": TEXT, "map.yaml": TEXT})]
    )
    assert work.commits_of_lines() == [second] * 8 == work.blamed_by_git()


def test_of_many_files_that_are_gone_only_an_equal_one_counts(tmp_path: Path) -> None:
    many = {f"d/{number}": f"{TEXT}{number}\n" for number in range(101)}
    for files, is_found in (({**many, "d/same": TEXT}, True), (many, False)):
        work = new_work(tmp_path / str(is_found))
        commits = work.import_commits([([], files), ([0], {"map.yaml": TEXT})])
        assert set(work.commits_of_lines()) == {commits[0 if is_found else 1]}


def test_a_file_of_another_kind_before(tmp_path: Path) -> None:
    """A link is no earlier version of the file that is in its place."""
    work = new_work(tmp_path / "w")
    work.path.symlink_to("nowhere")
    work.commit_all("A link")
    work.path.unlink()
    commit = work.commit("a\n", "A file", day=2)
    assert work.commits_of_lines() == [commit]
    assert work.repository().file(work.path).commit == commit


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_steps_are_paid_for() -> None:
    lines = [b"%d\n" % (number % 150) for number in range(15_000)]
    with pytest.raises(HistoryUnknown, match="the history needs more work than the limit"):
        matching_lines(lines, lines[::-1], Budget(steps=100_000))


def test_a_history_without_an_end(tmp_path: Path) -> None:
    versions: Versions = [([at - 1] if at else [], ["a\n"]) for at in range(12)]
    work, commits = imported(tmp_path, versions)
    repository = work.repository(Budget(steps=300))
    assert repository.file(work.path).unknown == TOO_MUCH
    assert repository.lines(work.path).of(1, 1).unknown == TOO_MUCH
    assert work.repository(Budget(steps=1000)).lines(work.path).of(1, 1).commit == commits[0]
