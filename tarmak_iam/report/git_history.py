"""Who changed a line last, and when, from the git repository; or the reason why that is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tarmak_iam.files import MAX_BYTES
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.report.git.directory import Budget, GitFiles, HistoryUnknown, find_repository
from tarmak_iam.report.git.line_matches import lines_of, matching_lines

if TYPE_CHECKING:
    from tarmak_iam.report.git.repository import Commit, FilePath, GitRepository


_SHALLOW = "the clone is shallow and does not contain the commit"
_MISSING = "dulwich 1.2.9 or later is not installed"
_REMEDY = "install it, or install the extra `report` in the clone of tarmak-iam: pip install '.[report]'"
T = TypeVar("T")
_SHORT = 12


@dataclass(frozen=True, slots=True)
class LastChange:
    """A commit with its author and date (ISO 8601, in the author's time zone). Without a commit, `unknown` is the
    reason why it is not known; if that is empty, the change is not committed yet."""

    commit: str = ""
    author: str = ""
    date: str = ""
    summary: str = ""
    unknown: str = ""

    @property
    def state(self) -> str:
        """`committed`, `uncommitted` or `unknown`."""
        return "committed" if self.commit else "unknown" if self.unknown else "uncommitted"


@dataclass(frozen=True, slots=True)
class GitRevision:
    """The commit that is checked out, and its date. `changed`: the files that differ from it."""

    commit: str
    date: str
    changed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The last change of each line; `otherwise`: that of all other lines. `order`: the time of each commit."""

    lines: Mapping[int, LastChange] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    otherwise: LastChange = LastChange()

    def of(self, first: int, last: int) -> LastChange:
        """The latest change of any of the lines. An uncommitted change is later than every commit."""
        return self.latest(self.lines.get(line, self.otherwise) for line in range(first, last + 1))

    def latest(self, changes: Iterable[LastChange]) -> LastChange:
        """The latest of one or more changes of lines of the file."""
        changes = list(changes)
        not_committed = [change for change in changes if not change.commit]
        if not_committed:
            return min(not_committed, key=lambda change: change.state)  # uncommitted before unknown
        return max(changes, key=lambda change: self.order.get(change.commit, 0))


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that contains the directory of tarmak.yaml. `unknown`: why it cannot be read; `remedy`: what
    to do about that, "" if nothing can be done.

    The history of files in another repository, for example a submodule, is not known. No program is started, and
    nothing raises.
    """

    unknown: str = ""
    remedy: str = ""
    git: GitRepository | None = None

    @classmethod
    def of(cls, directory: Path) -> Repository:
        """Does not raise if there is no repository, or if it cannot be read."""

        def opened() -> Repository:
            location = find_repository(directory)
            if location is None:
                return cls("no git repository")
            from tarmak_iam.report.git.repository import GitRepository

            return cls(git=GitRepository(location, Budget()))

        try:
            return _answer(opened, cls)
        except ImportError:
            return cls(_MISSING, _REMEDY)

    def revision(self, files: Iterable[Path]) -> GitRevision | None:
        """None if there is no commit."""
        git = self.git
        head = git.head if git else None
        if git is None or head is None:
            return None
        date = _answer(lambda: git.description(head).committed, lambda _: "")
        return GitRevision(head.name.decode(), date, tuple(each for each in files if self._differs(each)))

    def file(self, path: Path) -> LastChange:
        """The last commit that changed a file, including one that only removed lines."""
        return self._asked(lambda git: _last_change(git, path), lambda reason: LastChange(unknown=reason))

    def lines(self, path: Path) -> FileHistory:
        """The last change of each line of a file."""
        return self._asked(
            lambda git: _line_changes(git, path), lambda reason: FileHistory(otherwise=LastChange(unknown=reason))
        )

    def _differs(self, path: Path) -> bool:
        """Whether a file differs from the commit, or may differ from it because that is not known."""
        return not self._asked(lambda git: _is_committed(git, path), lambda _: False)

    def _asked(self, question: Callable[[GitRepository], T], unknown: Callable[[str], T]) -> T:
        git = self.git
        return unknown(self.unknown) if git is None else _answer(lambda: question(git), unknown)


def _answer(question: Callable[[], T], unknown: Callable[[str], T]) -> T:
    """The answer; or `unknown` with the reason, whatever is wrong with the repository."""
    try:
        return question()
    except HistoryUnknown as reason:
        return unknown(str(reason))
    except (ImportError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in dulwich's extension is not an Exception
        return unknown(f"the git repository cannot be read ({type(error).__name__})")


def _last_change(git: GitRepository, path: Path) -> LastChange:
    from tarmak_iam.report.git.blame import last_commit

    commit = last_commit(git, git.location.path_of(path))
    return _change(git, commit) if commit and _is_committed(git, path) else LastChange()


def _line_changes(git: GitRepository, path: Path) -> FileHistory:
    """For the lines of the working copy. Lines that HEAD does not contain are uncommitted."""
    from tarmak_iam.report.git.blame import blamed_lines

    name = git.location.path_of(path)
    committed, current = _committed(git, name), _current(path)
    if committed is None or current is None:
        return FileHistory()
    blamed = blamed_lines(git, name)
    commits = {commit.name: commit for commit in blamed}
    changes = {own: _change(git, commit) for own, commit in commits.items()}
    matches = matching_lines(lines_of(_plain(committed)), lines_of(_plain(current)), git.budget.take_steps)
    lines = {line: changes[blamed[own].name] for line, own in enumerate(matches, 1) if own is not None}
    return FileHistory(lines, {own.decode(): commit.time for own, commit in commits.items()})


def _is_committed(git: GitRepository, path: Path) -> bool:
    name, current = git.location.path_of(path), _current(path)
    entry = git.entry(git.head, name) if git.head else None
    if entry is None or current is None:
        return False
    if git.objects.name(b"blob", current) == entry.name:
        return True
    return _plain(git.blob(entry)) == _plain(current)


def _committed(git: GitRepository, name: FilePath) -> bytes | None:
    entry = git.entry(git.head, name) if git.head else None
    return git.blob(entry) if entry else None


def _current(path: Path) -> bytes | None:
    real = path.resolve()
    return GitFiles(real.parent).read(real.name, MAX_BYTES)


def _plain(data: bytes) -> bytes:
    """With the line ends that git stores: core.autocrlf changes them in the working copy, which is not a change."""
    return data.replace(b"\r\n", b"\n")


def _change(git: GitRepository, commit: Commit) -> LastChange:
    if commit.name in git.shallow:
        return LastChange(unknown=_SHALLOW)
    described = git.description(commit)
    return LastChange(commit.name.decode(), described.author, described.authored, described.summary)


def short_commit(commit: str) -> str:
    return commit[:_SHORT]
