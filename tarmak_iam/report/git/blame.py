"""Which commit changed a file last, and which one each of its lines is from, as `git log` and `git blame` say it."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tarmak_iam.report.git.directory import TooLarge
from tarmak_iam.report.git.line_matches import lines_of, matching_lines
from tarmak_iam.report.git.repository import Commit, FilePath, GitRepository, TreeEntry

_CANDIDATES = 100
"""Files that a commit took away, and that are compared with a new one: for more of them only equal content counts."""
_STEP = 5
"""What a commit of a walk is worth, in steps."""


def last_commit(repository: GitRepository, path: FilePath) -> Commit | None:
    """The last commit that changed a file, its mode too; None where nothing is committed under the path.

    As `git log -1` does it: of a merge, the first parent that has the same file is followed, and a merge of which no
    parent has it is a change of its own. A file that was moved is new.
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
    """For each line of a file, as HEAD has it, the commit that it is from. Whole files that were moved are followed."""
    head = repository.head
    entry = repository.entry(head, path) if head else None
    return _Blame(repository).lines(head, path, entry) if head and entry else []


_Lines = list[tuple[int, int]]
"""Lines of the file that are still to be blamed: their numbers in it, and in an older version."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as a commit has it."""

    commit: Commit
    path: FilePath
    entry: TreeEntry


@dataclass
class _Blame:
    repository: GitRepository
    waiting: dict[_Version, _Lines] = field(default_factory=dict)
    queue: list[tuple[int, int, _Version]] = field(default_factory=list)
    """The newest commit first: what several of its children pass on is then looked at once."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    blamed: dict[int, Commit] = field(default_factory=dict)

    def lines(self, head: Commit, path: FilePath, entry: TreeEntry) -> list[Commit]:
        count = len(self._content(entry))
        self._pass_on(_Version(head, path, entry), [(line, line) for line in range(count)])
        while self.queue:
            _, _, version = heapq.heappop(self.queue)
            lines = self.waiting.pop(version, None)
            if lines:
                self._look_at(version, lines)
        return [self.blamed[line] for line in range(count)]

    def _look_at(self, version: _Version, lines: _Lines) -> None:
        """Passes lines on to the parents that have them; the others are from this commit."""
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
        """The versions of the parents: under the same path, or else what was moved there. One that is the same in
        several parents counts once."""
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
        """What a commit moved to this path: of the files that it took away one that is equal, or the one that at least
        half is left of, counted in bytes of lines."""
        removed = [_Version(parent, path, entry) for path, entry in self.repository.removed(parent, version.commit)]
        for each in removed:
            if each.entry.name == version.entry.name:
                return each
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
