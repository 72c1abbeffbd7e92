"""Which commit changed a file last, and from which commit each of its lines is, as in `git log` and `git blame`."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field

from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.report.git.directory import TooLarge
from tarmak_iam.report.git.line_matches import lines_of, matching_lines
from tarmak_iam.report.git.repository import Commit, FilePath, GitRepository, TreeEntry

_CANDIDATES = 100
"""The most removed files of a commit that are compared with a new file. If there are more, only an equal file is a
source."""
_STEP = 5
"""The steps that a commit of a walk costs."""


def last_commit(repository: GitRepository, path: FilePath) -> Commit | None:
    """The last commit that changed a file or its mode; None if nothing is committed under the path.

    As `git log -1`: of a merge, the first parent with the same file is followed, and a merge in which no parent has the
    same file is itself a change. A file that was moved is new.
    """
    commit = repository.head
    entry = repository.entry(commit, path) if commit else None
    if entry is None:
        return None
    while commit is not None:
        repository.budget.take_steps(_STEP)
        same = (each for each in repository.parents(commit) if repository.entry(each, path) == entry)
        before = next(same, None)
        if before is None:
            return commit
        commit = before
    return None


def blamed_lines(repository: GitRepository, path: FilePath) -> list[Commit]:
    """For each line of a file in HEAD, the commit that it is from. Whole files that were moved are followed."""
    head = repository.head
    entry = repository.entry(head, path) if head else None
    return _Blame(repository).lines(head, path, entry) if head and entry else []


_Lines = list[tuple[int, int]]
"""Lines of the file whose commit is not known yet: their numbers in the file and in an older version."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A file in a commit."""

    commit: Commit
    path: FilePath
    entry: TreeEntry


@dataclass
class _Blame:
    repository: GitRepository
    waiting: dict[_Version, _Lines] = field(default_factory=dict)
    queue: list[tuple[int, int, _Version]] = field(default_factory=list)
    """The newest commit first, so that the lines from several of its children are examined together."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    blamed: dict[int, Commit] = field(default_factory=dict)

    def lines(self, head: Commit, path: FilePath, entry: TreeEntry) -> list[Commit]:
        count = len(self._content(entry))
        self._pass_on(_Version(head, path, entry), [(line, line) for line in range(count)])
        while self.queue:
            _, _, version = heapq.heappop(self.queue)
            lines = self.waiting.pop(version, None)
            if lines:
                self._examine(version, lines)
        return [self.blamed[line] for line in range(count)]

    def _examine(self, version: _Version, lines: _Lines) -> None:
        """Passes lines on to the parents that contain them. The others are from this commit."""
        self.repository.budget.take_steps(_STEP)
        versions = []
        for older in self._before(version):
            if older.entry.name == version.entry.name:
                self._pass_on(older, lines)
                return
            versions.append(older)
        new = self._content(version.entry) if versions else []
        for older in versions:
            matches = matching_lines(self._content(older.entry), new, self.repository.budget.take_steps)
            pairs = [(line, matches[own]) for line, own in lines]
            self._pass_on(older, [(line, theirs) for line, theirs in pairs if theirs is not None])
            lines = [line for line, (_, theirs) in zip(lines, pairs, strict=True) if theirs is None]
        self.blamed.update((line, version.commit) for line, _ in lines)

    def _pass_on(self, version: _Version, lines: _Lines) -> None:
        if not lines:
            return
        if version in self.waiting:
            self.waiting[version].extend(lines)
        else:
            self.waiting[version] = lines
        heapq.heappush(self.queue, (-version.commit.time, next(self.numbers), version))

    def _before(self, version: _Version) -> Iterator[_Version]:
        """The versions in the parents: under the same path, or else the file that was moved there. A version that
        several parents have is returned once."""
        seen = set()
        moved = []
        for parent in self.repository.parents(version.commit):
            entry = self.repository.entry(parent, version.path)
            if entry is None:
                moved.append(parent)
            elif entry.name not in seen:
                seen.add(entry.name)
                yield _Version(parent, version.path, entry)
        for parent in moved:
            source = self._source(parent, version)
            if source is not None and source.entry.name not in seen:
                seen.add(source.entry.name)
                yield source

    def _source(self, parent: Commit, version: _Version) -> _Version | None:
        """The file that a commit moved to this path: of the files that it removed, an equal one, or the most similar
        one if at least half of its bytes are the same, counted by lines."""
        removed: list[_Version] = []
        for path, entry in self.repository.removed(parent, version.commit):
            if entry.name == version.entry.name:
                return _Version(parent, path, entry)
            if len(removed) <= _CANDIDATES:
                removed.append(_Version(parent, path, entry))
        if len(removed) > _CANDIDATES:
            return None
        own = self._content(version.entry)
        likeness = [(self._likeness(each.entry, own), -at) for at, each in enumerate(removed)]
        best, at = max(likeness, default=(0.0, 0))
        return removed[-at] if best >= 0.5 else None

    def _likeness(self, entry: TreeEntry, own: Sequence[bytes]) -> float:
        try:
            other = self._content(entry)
        except TooLarge:
            return 0.0
        common = Counter(own) & Counter(other)
        self.repository.budget.take_steps(len(own) + len(other))
        size = max(sum(map(len, own)), sum(map(len, other)))
        return sum(len(line) * count for line, count in common.items()) / size if size else 0.0

    def _content(self, entry: TreeEntry) -> list[bytes]:
        return lines_of(self.repository.blob(entry))
