"""Who changed a line last, and when, as in `git log` and `git blame`; or the reason why that is not known."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import Match, SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tarmak_iam.files import MAX_BYTES
from tarmak_iam.report.model import GitRevision, LastChange

if TYPE_CHECKING:
    from tarmak_iam.report.git_repository import Budget, Commit, GitRepository, TreeFile

T = TypeVar("T")
_MISSING = "dulwich 1.2.9 or later is not installed"
_REMEDY = "install it, or install the extra `report` in the clone of tarmak-iam: pip install '.[report]'"
_CANDIDATES = 100
"""The most removed files of a commit that are compared with a new one. Of more, only an equal file is a source."""
_STEP = 5  # the steps that a commit of a walk costs


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The last change of each line; `otherwise`: that of all other lines."""

    lines: Mapping[int, LastChange] = field(default_factory=dict)
    otherwise: LastChange = field(default_factory=LastChange)

    def of(self, first: int, last: int) -> LastChange:
        """The latest change of any of the lines."""
        return latest(self.lines.get(line, self.otherwise) for line in range(first, last + 1))


def latest(changes: Iterable[LastChange]) -> LastChange:
    """The latest of one or more changes. An uncommitted one is later than every commit, then those that are unknown."""
    order = ("committed", "unknown", "uncommitted")
    return max(changes, key=lambda change: (order.index(change.state), change.time))


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that contains the directory of tarmak.yaml. `unknown`: why it cannot be read; `remedy`: what
    to do about that, "" if nothing can be done. The history of files in another repository, for example a submodule, is
    not known. No program is started, and nothing raises."""

    unknown: str = ""
    remedy: str = ""
    git: GitRepository | None = None

    @classmethod
    def of(cls, directory: Path, budget: Budget | None = None) -> Repository:
        """Does not raise if there is no repository, or if it cannot be read."""

        def opened() -> Repository:
            from tarmak_iam.report.git_repository import Budget, GitRepository, find_repository

            location = find_repository(directory)
            return (
                cls("no git repository") if location is None else cls(git=GitRepository(location, budget or Budget()))
            )

        try:
            return _answer(opened, cls)
        except ImportError:
            real = Path(os.path.realpath(directory))
            is_in_one = any(os.path.lexists(top / ".git") for top in (real, *real.parents))
            return cls(_MISSING, _REMEDY) if is_in_one else cls("no git repository")

    def revision(self, files: Iterable[Path]) -> GitRevision | None:
        """None if there is no commit."""
        head = self.git.head if self.git else None
        if head is None:
            return None
        changed = []
        for path in files:
            committed, current = self._asked(_contents, path, lambda _: (None, None))
            if committed is None or committed != current:
                changed.append(path)
        return GitRevision(head.name.decode(), head.committed, tuple(changed))

    def file(self, path: Path) -> LastChange:
        """The last commit that changed a file, including one that only removed lines."""
        return self._asked(_last_change, path, lambda reason: LastChange(unknown=reason))

    def lines(self, path: Path) -> FileHistory:
        """The last change of each line of a file."""
        return self._asked(_line_changes, path, lambda reason: FileHistory(otherwise=LastChange(unknown=reason)))

    def _asked(self, question: Callable[[GitRepository, Path], T], path: Path, unknown: Callable[[str], T]) -> T:
        git = self.git
        return unknown(self.unknown) if git is None else _answer(lambda: question(git, path), unknown)


def _answer(question: Callable[[], T], unknown: Callable[[str], T]) -> T:
    """The answer; or `unknown` with the reason, whatever is wrong with the repository."""
    try:
        return question()
    except (ImportError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in dulwich's extension is not an Exception
        from tarmak_iam.report.git_repository import HistoryUnknown

        is_known = isinstance(error, HistoryUnknown)
        return unknown(str(error) if is_known else f"the git repository cannot be read ({type(error).__name__})")


def _contents(git: GitRepository, path: Path) -> tuple[bytes | None, bytes | None]:
    """The file in the commit and in the working copy, each None if it is not there. Line ends are those that git
    stores: core.autocrlf changes them in the working copy, which is not a change."""
    from tarmak_iam.report.git_repository import read_regular

    file = git.file(git.head, git.location.path_of(path)) if git.head else None
    both = (git.content(file) if file else None, read_regular(path.resolve(), MAX_BYTES))
    committed, current = (None if data is None else data.replace(b"\r\n", b"\n") for data in both)
    return committed, current


def _last_change(git: GitRepository, path: Path) -> LastChange:
    """As `git log -1`: of a merge, the first parent with the same file is followed, and a merge in which no parent has
    the same file is itself a change. A file that was moved is new."""
    commit, (committed, current) = git.head, _contents(git, path)
    if commit is None or committed is None or committed != current:
        return LastChange()
    name = git.location.path_of(path)
    file = git.file(commit, name)
    while True:
        git.budget.take(_STEP)
        before = next((parent for parent in git.parents(commit) if git.file(parent, name) == file), None)
        if before is None:
            return commit.change
        commit = before


class _Version(NamedTuple):
    commit: Commit
    file: TreeFile


def _line_changes(git: GitRepository, path: Path) -> FileHistory:
    """For the lines of the working copy. dulwich's `annotate_lines` takes the commits of all branches as one line of
    versions, so that a merge attributes lines to the wrong ones; it follows one file of many that moved."""
    committed, current = _contents(git, path)
    file = git.file(git.head, git.location.path_of(path)) if git.head else None
    if git.head is None or file is None or committed is None or current is None:
        return FileHistory()
    blamed: dict[int, Commit] = {}
    waiting = {_Version(git.head, file): [(line, line) for line in range(len(lines_of(committed)))]}
    """Lines whose commit is not known yet: their numbers in the file and in an older version."""
    while waiting:
        git.budget.take(_STEP + len(waiting))
        version = max(waiting, key=lambda version: version.commit.change.time)  # after all of its children
        lines = waiting.pop(version)
        new: list[bytes] = []
        for older in _older_versions(git, version):
            if older.file.name == version.file.name:
                passed, lines = lines, []
            else:
                new = new or lines_of(git.content(version.file))
                matches = matching_lines(lines_of(git.content(older.file)), new, git.budget)
                passed = [(line, matches[at]) for line, at in lines if at in matches]
                lines = [(line, at) for line, at in lines if at not in matches]
            if passed:
                waiting.setdefault(older, []).extend(passed)
        blamed.update((line, version.commit) for line, _ in lines)
    matches = matching_lines(lines_of(committed), lines_of(current), git.budget)
    return FileHistory({line + 1: blamed[at].change for line, at in matches.items()})


def _older_versions(git: GitRepository, version: _Version) -> list[_Version]:
    """The versions in the parents, under the same path or else moved from there; only an equal one if there is one."""
    parents = [(parent, git.file(parent, version.file.path)) for parent in git.parents(version.commit)]
    versions: dict[bytes, _Version] = {}
    for parent, file in parents:
        if file is not None:
            versions.setdefault(file.name, _Version(parent, file))
    if version.file.name not in versions:
        for parent in (parent for parent, file in parents if file is None):
            source = _moved_from(git, parent, version)
            if source is not None:
                versions.setdefault(source.name, _Version(parent, source))
    equal = versions.get(version.file.name)
    return [equal] if equal else list(versions.values())


def _moved_from(git: GitRepository, parent: Commit, version: _Version) -> TreeFile | None:
    """The file that a commit moved to this path: of the files that it removed, an equal one, or the most similar one if
    at least half of its bytes are the same, counted by lines."""
    removed: list[TreeFile] = []
    for file in git.removed(parent, version.commit):
        if file.name == version.file.name:
            return file
        removed.append(file)
    if not 0 < len(removed) <= _CANDIDATES:
        return None
    data = git.content(version.file)
    lines = Counter(lines_of(data))

    def likeness(file: TreeFile) -> float:
        other = git.content(file)
        git.budget.take(data.count(b"\n") + other.count(b"\n"))
        common = lines & Counter(lines_of(other))
        return sum(len(line) * count for line, count in common.items()) / max(len(data), len(other), 1)

    most, source = max(((likeness(file), file) for file in removed), key=lambda pair: pair[0])
    return source if most >= 0.5 else None


def lines_of(data: bytes) -> list[bytes]:
    """With their line ends. As in git, only a line feed ends a line; a last line without one is a different line."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    return [*lines[:-1], lines[-1][:-1]] if lines[-1] != b"\n" else lines[:-1]


class _Matcher(SequenceMatcher[bytes]):
    """Counts the pairs of equal lines that it compares: the same ones again for each block that it finds."""

    a: Sequence[bytes]
    b2j: Mapping[bytes, Sequence[int]]
    budget: Budget

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        self.budget.take(sum(1 + len(self.b2j.get(line, ())) for line in self.a[alo:ahi]))
        return super().find_longest_match(alo, ahi, blo, bhi)


def matching_lines(old: Sequence[bytes], new: Sequence[bytes], budget: Budget) -> dict[int, int]:
    """The lines of `new` that are lines of `old`, with their numbers there.

    If the line after added or removed lines is equal to the first of them, they may begin one line later: which ones
    they are cannot be seen. As in git, the least indented beginning is the most likely, and the last one of equals.
    """
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    end = next((at for at in range(shorter - start) if old[-1 - at] != new[-1 - at]), shorter - start)
    matcher = _Matcher(None, new[start : len(new) - end], old[start : len(old) - end])
    matcher.budget = budget
    blocks = [[0, 0, start], *([at + start, of + start, size] for at, of, size in matcher.get_matching_blocks())]
    blocks[-1][2] = end
    for before, after in pairwise(blocks):
        added, gone = (after[side] - before[side] - before[2] for side in (0, 1))
        if bool(gone) == bool(added):  # else lines replace others
            continue
        text, first = (new, before[0] + before[2]) if added else (old, before[1] + before[2])
        count, up, down = gone + added, 0, 0
        while up < before[2] and text[first - 1 - up] == text[first + count - 1 - up]:
            up += 1
        while down < after[2] and text[first + down] == text[first + count + down]:
            down += 1
        shift = min(range(-up, down + 1), key=lambda by: (*_indentation(text[first + by]), -by))
        before[2] += shift
        after[:] = after[0] + shift, after[1] + shift, after[2] - shift
    return {at + line: of + line for at, of, size in blocks for line in range(size)}


def _indentation(line: bytes) -> tuple[bool, int]:
    """Sorts an empty line last."""
    text = line.lstrip()
    return not text, len(line) - len(text)
