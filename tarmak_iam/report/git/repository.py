"""A repository as a graph of commits, each with a tree of files. Needs dulwich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dulwich.objects import parse_tree

from tarmak_iam.report.git.commits import Commit, Description
from tarmak_iam.report.git.head import head_commit, shallow_commits
from tarmak_iam.report.git.limits import Budget, HistoryUnknown
from tarmak_iam.report.git.location import Location
from tarmak_iam.report.git.objects import ObjectStore

__all__ = ["FilePath", "GitRepository", "TreeEntry"]

FilePath = tuple[bytes, ...]
"""A path by its names."""
_TREE = 0o040000
_KIND = 0o170000
_REGULAR = 0o100000


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a tree has under a name; `mode` as git writes it."""

    mode: int
    name: bytes

    @property
    def is_file(self) -> bool:
        return self.mode & _KIND == _REGULAR

    @property
    def is_tree(self) -> bool:
        return self.mode & _KIND == _TREE


class GitRepository:
    """What was read stays: several questions are about the same commits. `head` is None where nothing is committed.

    Replacements (refs/replace) and grafts do not count: history is what the commits themselves say. Every question
    raises HistoryUnknown where what it needs is missing or damaged, or there is more than `budget` allows.
    """

    def __init__(self, location: Location, budget: Budget) -> None:
        self.location = location
        self.budget = budget
        head = head_commit(location)
        self.shallow = shallow_commits(location)
        self._commits: dict[bytes, Commit] = {}
        self._entries: dict[tuple[bytes, bytes], TreeEntry | None] = {}
        self.objects = ObjectStore(location.common, head or b"", budget)
        self.head = None if head is None else self.commit(head)

    def commit(self, name: bytes) -> Commit:
        known = self._commits.get(name)
        if known is None:
            self.budget.take_commit()
            known = Commit.of(name, self.objects.read(name, b"commit"))
            if known is None:
                raise HistoryUnknown(f"the commit {name[:12].decode()} is damaged")
            self._commits[name] = known
        return known

    def description(self, commit: Commit) -> Description:
        return Description.of(self.objects.read(commit.name, b"commit"))

    def parents(self, commit: Commit) -> list[Commit]:
        """None of a commit at which a shallow clone ends."""
        return [] if commit.name in self.shallow else [self.commit(name) for name in commit.parents]

    def entry(self, commit: Commit, path: FilePath) -> TreeEntry | None:
        """What the commit has at a path; None for nothing, or something else than a file."""
        found: TreeEntry | None = TreeEntry(_TREE, commit.tree)
        for name in path:
            if found is None or not found.is_tree:
                return None
            found = self._child(found.name, name)
        return found if found is not None and found.is_file else None

    def blob(self, entry: TreeEntry) -> bytes:
        return self.objects.read(entry.name, b"blob")

    def removed(self, before: Commit, after: Commit) -> Iterator[tuple[FilePath, TreeEntry]]:
        """Files that a commit has taken away, or moved."""
        yield from self._removed(before.tree, after.tree, ())

    def _removed(self, before: bytes, after: bytes | None, within: FilePath) -> Iterator[tuple[FilePath, TreeEntry]]:
        if before == after:
            return
        self.budget.take_steps()
        children = self._children(after) if after is not None else ()
        kept = {name: TreeEntry(mode, child) for name, mode, child in children}
        for name, mode, child in self._children(before):
            entry, other = TreeEntry(mode, child), kept.get(name)
            if entry.is_tree:
                tree = other.name if other is not None and other.is_tree else None
                yield from self._removed(entry.name, tree, (*within, name))
            elif entry.is_file and (other is None or not other.is_file):
                yield (*within, name), entry

    def _child(self, tree: bytes, name: bytes) -> TreeEntry | None:
        key = tree, name
        if key not in self._entries:
            found = (TreeEntry(mode, child) for own, mode, child in self._children(tree) if own == name)
            self._entries[key] = next(found, None)
        return self._entries[key]

    def _children(self, tree: bytes) -> Iterable[tuple[bytes, int, bytes]]:
        """Name, mode and id."""
        return parse_tree(self.objects.read(tree, b"tree"), self.objects.id_bytes)
