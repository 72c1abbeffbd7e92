"""A repository as a graph of commits, beginning with the one that is checked out. Each commit has a tree of files.
Needs dulwich."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone

from dulwich.objects import parse_tree

from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.report.git.directory import Budget, GitFiles, HistoryUnknown, Location
from tarmak_iam.report.git.objects import ObjectStore

_HEADER = re.compile(
    rb"tree (?P<tree>[0-9a-f]{40,64})\n(?P<parents>(?:parent [0-9a-f]{40,64}\n)*)"
    rb"author (?P<author>.*)\ncommitter (?P<committer>.*)\n"
)

_PERSON = re.compile(rb"(?P<name>[^<\n]*)<.*> *(?P<seconds>-?\d{1,20}) (?P<zone>[+-]\d{4,8})")
_ENCODING = re.compile(rb"^encoding (\S{1,40})$", re.MULTILINE)

_NAME_BYTES = 1000
"""The most bytes of a name or a summary that are kept."""


_REF_BYTES = 8192
_LIST_BYTES = 1 << 25
_LINKS = 5
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = re.compile(rb"ref: (?P<name>refs(?:/(?!\.)[^/\x00-\x20\x7f]+)+)\s*")

FilePath = tuple[bytes, ...]
"""The names of a path."""

_PARENTS = 100

_TREE_BYTES = 1 << 22
"""The most bytes of a directory; an entry has about 40."""

_MOST_COMPARED = 200_000
"""The most entries of trees that are compared to find out from where one commit moved a file."""

_TREE = 0o040000
_KIND = 0o170000
_REGULAR = 0o100000


@dataclass(frozen=True, slots=True)
class Commit:
    """`time`: that of the committer, in seconds; 0 if it cannot be read."""

    name: bytes
    tree: bytes
    parents: tuple[bytes, ...]
    time: int

    @classmethod
    def of(cls, name: bytes, data: bytes) -> Commit | None:
        """None for data that is not a commit."""
        header = _HEADER.match(data)
        if header is None:
            return None
        person = _PERSON.fullmatch(header["committer"])
        parents = tuple(header["parents"].split()[1::2])
        return cls(name, header["tree"], parents, int(person["seconds"]) if person else 0)


@dataclass(frozen=True, slots=True)
class Description:
    """Times are in ISO 8601, with the time zone of the author or committer; empty if the commit contains none."""

    author: str
    authored: str
    committed: str
    summary: str

    @classmethod
    def of(cls, data: bytes) -> Description:
        head, _, message = data.partition(b"\n\n")
        header = _HEADER.match(head + b"\n")
        author, committer = (_PERSON.fullmatch(header[key]) if header else None for key in ("author", "committer"))
        named = _ENCODING.search(head)
        encoding = named[1].decode("ascii", "replace") if named else "utf-8"
        name = author["name"].removesuffix(b" ") if author else b""
        first_line = message.lstrip(b"\n").partition(b"\n")[0]
        return cls(_decoded(name, encoding), _date(author), _date(committer), _decoded(first_line, encoding))


def _decoded(text: bytes, encoding: str) -> str:
    text = text[:_NAME_BYTES]
    try:
        return text.decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError):
        return text.decode("utf-8", "replace")


def _date(person: re.Match[bytes] | None) -> str:
    if person is None:
        return ""
    zone = person["zone"]
    try:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return datetime.fromtimestamp(
            int(person["seconds"]), timezone(-offset if zone[:1] == b"-" else offset)
        ).isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def head_commit(location: Location) -> bytes | None:
    """The id of HEAD in hexadecimal; None if nothing is committed yet. Raises HistoryUnknown."""
    own, common = GitFiles(location.own), GitFiles(location.common)
    if common.has("reftable"):
        raise HistoryUnknown("the repository stores its branches in the reftable format, which is not supported")
    text = own.read("HEAD", _REF_BYTES)
    for _ in range(_LINKS):
        if text is None:
            return None
        branch = _BRANCH.fullmatch(text)
        if branch is None:
            return _id(text)
        name = branch["name"]
        text = common.read(os.fsdecode(name), _REF_BYTES)
        text = _packed(common, name) if text is None else text
    raise HistoryUnknown("HEAD names branches that refer to each other")


def shallow_commits(location: Location) -> frozenset[bytes]:
    """The commits whose parents a shallow clone does not contain."""
    text = GitFiles(location.common).read("shallow", _LIST_BYTES)
    return frozenset(text.split()) if text else frozenset()


def _id(text: bytes) -> bytes:
    stripped = text.strip()
    if not _ID.fullmatch(stripped):
        raise HistoryUnknown("HEAD does not name a commit")
    return stripped


def _packed(files: GitFiles, name: bytes) -> bytes | None:
    text = files.read("packed-refs", _LIST_BYTES) or b""
    line = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name) + rb"\r?$", text, re.MULTILINE)
    return line[1] if line else None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a tree; `mode` as git writes it."""

    mode: int
    name: bytes

    @property
    def is_file(self) -> bool:
        return self.mode & _KIND == _REGULAR

    @property
    def is_tree(self) -> bool:
        return self.mode & _KIND == _TREE


class GitRepository:
    """Caches what was read: several questions are about the same commits. `head` is None if nothing is committed.

    Replacements (refs/replace) and grafts are ignored: only the commits themselves define the history. Every method
    raises HistoryUnknown if an object that it needs is missing or damaged, or if `budget` is exhausted.
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
            if len(known.parents) > _PARENTS:
                raise HistoryUnknown(f"the commit {name[:12].decode()} has more than {_PARENTS:,} parents, the limit")
            self._commits[name] = known
        return known

    def description(self, commit: Commit) -> Description:
        return Description.of(self.objects.read(commit.name, b"commit"))

    def parents(self, commit: Commit) -> list[Commit]:
        """Empty for a commit at which a shallow clone ends."""
        self.budget.take_steps(len(commit.parents))
        return [] if commit.name in self.shallow else [self.commit(name) for name in commit.parents]

    def entry(self, commit: Commit, path: FilePath) -> TreeEntry | None:
        """The file that the commit contains at a path; None if there is none, or if it is not a file."""
        self.budget.take_steps(len(path))
        found: TreeEntry | None = TreeEntry(_TREE, commit.tree)
        for name in path:
            if found is None or not found.is_tree:
                return None
            found = self._child(found.name, name)
        return found if found is not None and found.is_file else None

    def blob(self, entry: TreeEntry) -> bytes:
        return self.objects.read(entry.name, b"blob")

    def removed(self, before: Commit, after: Commit) -> Iterator[tuple[FilePath, TreeEntry]]:
        """The files that a commit removed or moved. Raises HistoryUnknown for a change of very many."""
        waiting: list[tuple[bytes, bytes | None, FilePath]] = [(before.tree, after.tree, ())]
        compared = 0
        while waiting:
            old, new, within = waiting.pop()
            if old == new:
                continue
            kept = {} if new is None else {name: TreeEntry(mode, child) for name, mode, child in self._children(new)}
            compared += len(kept)
            for name, mode, child in self._children(old):
                compared += 1
                if compared > _MOST_COMPARED:
                    raise HistoryUnknown(f"a commit changes trees of more than {_MOST_COMPARED:,} files, the limit")
                entry, other = TreeEntry(mode, child), kept.get(name)
                if entry.is_tree:
                    tree = other.name if other is not None and other.is_tree else None
                    waiting.append((entry.name, tree, (*within, name)))
                elif entry.is_file and (other is None or not other.is_file):
                    yield (*within, name), entry
            self.budget.take_steps(1 + len(kept))

    def _child(self, tree: bytes, name: bytes) -> TreeEntry | None:
        key = tree, name
        if key not in self._entries:
            found = (TreeEntry(mode, child) for own, mode, child in self._children(tree) if own == name)
            self._entries[key] = next(found, None)
        return self._entries[key]

    def _children(self, tree: bytes) -> Iterable[tuple[bytes, int, bytes]]:
        """Name, mode and id of each entry."""
        data = self.objects.read(tree, b"tree")
        if len(data) > _TREE_BYTES:
            raise HistoryUnknown(f"the tree {tree[:12].decode()} is larger than the limit of {_TREE_BYTES:,} bytes")
        return parse_tree(data, self.objects.id_bytes)
