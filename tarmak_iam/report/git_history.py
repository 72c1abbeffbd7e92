"""Who changed a line last, and when: what the git repository knows of it, and in words why it knows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.report.git.directory import Budget, GitFiles, HistoryUnknown, find_repository
from tarmak_iam.report.git.line_matches import lines_of, matching_lines

if TYPE_CHECKING:
    from tarmak_iam.report.git.repository import Commit, FilePath, GitRepository


_SHALLOW = "the clone is shallow, and the commit is not in it"
_MISSING = "dulwich 1.2.9 or later is not installed"
_REMEDY = "install it, or the extra `report` in the clone of tarmak-iam: pip install '.[report]'"
T = TypeVar("T")
_SHORT = 12


@dataclass(frozen=True, slots=True)
class LastChange:
    """A commit, by whom and when (ISO 8601, as the author's clock had it). Without one `unknown` tells why: where it is
    empty, the change is not committed yet."""

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
    """What the repository is at: `date` is the commit's; `changed` are files that are not as it has them."""

    commit: str
    date: str
    changed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The change behind each line, `otherwise` that of a line without one; `order`: when each commit was made."""

    lines: Mapping[int, LastChange] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    otherwise: LastChange = LastChange()

    def of(self, first: int, last: int) -> LastChange:
        """The latest change to any of the lines; what is not committed is later than every commit."""
        return self.latest(self.lines.get(line, self.otherwise) for line in range(first, last + 1))

    def latest(self, changes: Iterable[LastChange]) -> LastChange:
        """Of one or more changes to lines of the file."""
        changes = list(changes)
        open_ones = [change for change in changes if not change.commit]
        if open_ones:
            return min(open_ones, key=lambda change: change.state)  # uncommitted before unknown
        return max(changes, key=lambda change: self.order.get(change.commit, 0))


@dataclass(frozen=True, slots=True)
class Repository:
    """The one that the directory of tarmak.yaml is in; `unknown` tells why there is nothing to learn, and `remedy` what
    to do about it, where there is something to do.

    A file of another repository, as in a submodule, has no history here. Nothing is run, and nothing raises.
    """

    unknown: str = ""
    remedy: str = ""
    git: GitRepository | None = None

    @classmethod
    def of(cls, directory: Path) -> Repository:
        """That there is no repository, or that it cannot be read, is an answer."""

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
        """None where there is no commit."""
        git = self.git
        head = git.head if git else None
        if git is None or head is None:
            return None
        date = _answer(lambda: git.description(head).committed, lambda _: "")
        return GitRevision(head.name.decode(), date, tuple(each for each in files if self._differs(each)))

    def file(self, path: Path) -> LastChange:
        """The last commit that changed a file, by taking lines away too."""
        return self._asked(lambda git: _last_change(git, path), lambda reason: LastChange(unknown=reason))

    def lines(self, path: Path) -> FileHistory:
        """Who changed each line of a file last."""
        return self._asked(
            lambda git: _line_changes(git, path), lambda reason: FileHistory(otherwise=LastChange(unknown=reason))
        )

    def _differs(self, path: Path) -> bool:
        """Whether a file is not as the commit has it, which includes that nobody knows."""
        return not self._asked(lambda git: _is_committed(git, path), lambda _: False)

    def _asked(self, question: Callable[[GitRepository], T], unknown: Callable[[str], T]) -> T:
        git = self.git
        return unknown(self.unknown) if git is None else _answer(lambda: question(git), unknown)


def _answer(question: Callable[[], T], unknown: Callable[[str], T]) -> T:
    """Whatever is wrong with a repository is a reason to know nothing, and none to end."""
    try:
        return question()
    except HistoryUnknown as reason:
        return unknown(str(reason))
    except (ImportError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what dulwich's extension panics with is not an Exception
        return unknown(f"the git repository cannot be read ({type(error).__name__})")


def _last_change(git: GitRepository, path: Path) -> LastChange:
    from tarmak_iam.report.git.blame import last_commit

    commit = last_commit(git, git.location.path_of(path))
    return _change(git, commit) if commit and _is_committed(git, path) else LastChange()


def _line_changes(git: GitRepository, path: Path) -> FileHistory:
    """Of the lines of the working copy: those that HEAD does not have are not committed."""
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
    """With git's own line ends: with core.autocrlf they are other ones in the working copy, which is no change."""
    return data.replace(b"\r\n", b"\n")


def _change(git: GitRepository, commit: Commit) -> LastChange:
    if commit.name in git.shallow:
        return LastChange(unknown=_SHALLOW)
    described = git.description(commit)
    return LastChange(commit.name.decode(), described.author, described.authored, described.summary)


def short_commit(commit: str) -> str:
    return commit[:_SHORT]
