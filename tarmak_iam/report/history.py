"""Who changed a line last, and when: what git knows of it, and in words why it knows nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.processes import Completed, Programs

__all__ = ["Change", "FileHistory", "Repository", "Revision"]

_SECONDS = 120.0
# Set where a program runs in a git hook: they would lead from the file's repository to that of the hook.
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
# Nothing is written, and no monitor of the repository's is run. What its configuration may not do: put in lines, change
# the encoding of the NULs between fields, or have blame pass a commit by.
_SET = ("core.fsmonitor=false", "log.showSignature=false", "i18n.logOutputEncoding=UTF-8", "blame.ignoreRevsFile=")
_OPTIONS = ("--no-optional-locks", "--no-pager", "--literal-pathspecs", *(each for one in _SET for each in ("-c", one)))
_LOG = "--format=%H%x00%an%x00%aI%x00%s%x00%P"
_RUN = re.compile(r"(?P<commit>[0-9a-f]{40,64}) \d+ (?P<line>\d+) (?P<count>\d+)")
_IS_NEW = ("no such path", "no such ref: head", "bad revision 'head'", "does not have any commits")
_SHALLOW = "the clone is shallow, and the commit is not in it"


@dataclass(frozen=True, slots=True)
class Change:
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
class Revision:
    """What the repository is at: `date` is the commit's; `changed` are files that are not as it has them."""

    commit: str
    date: str
    changed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The change behind each line, `otherwise` that of a line without one; `order`: when each commit was made."""

    lines: Mapping[int, Change] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    otherwise: Change = Change()

    def of(self, first: int, last: int) -> Change:
        """The latest change to any of the lines; what is not committed is later than every commit."""
        return self.latest(self.lines.get(line, self.otherwise) for line in range(first, last + 1))

    def latest(self, changes: Iterable[Change]) -> Change:
        """Of one or more changes to lines of the file."""
        changes = list(changes)
        open_ones = [change for change in changes if not change.commit]
        if open_ones:
            return min(open_ones, key=lambda change: change.state)  # uncommitted before unknown
        return max(changes, key=lambda change: self.order.get(change.commit, 0))


@dataclass(frozen=True, slots=True)
class Repository:
    """The one that the directory of tarmak.yaml is in; `unknown` tells why there is nothing to learn.

    A file that is in another one, as in a submodule, has that one's history.
    """

    programs: Programs
    unknown: str = ""
    is_shallow: bool = False
    git_directory: str = ""

    @classmethod
    def of(cls, directory: Path, programs: Programs) -> Repository:
        """Nothing raises: that git is missing, or there is no repository, is an answer."""
        environment = {key: value for key, value in programs.environment.items() if key not in _ELSEWHERE}
        inside = replace(programs, environment={**environment, "LC_ALL": "C"}, directory=directory.resolve())
        asked = ("--is-inside-work-tree", "--is-shallow-repository", "--absolute-git-dir")
        done = cls(inside)._git("rev-parse", *asked)
        if isinstance(done, str):
            return cls(inside, done)
        is_inside, is_shallow, git_directory = done.out.rstrip("\n").split("\n", 2)
        unknown = "" if is_inside == "true" else "no work tree of a git repository"
        return cls(inside, unknown, is_shallow == "true", git_directory)

    def _holding(self, path: Path) -> Repository:
        """The one that a file is in, behind its links; this one where nothing is known anyway."""
        directory = path.resolve().parent
        if self.unknown or directory == self.programs.directory:
            return self
        return Repository.of(directory, self.programs)

    def revision(self, files: Iterable[Path]) -> Revision | None:
        """None where there is no commit."""
        head = self.unknown or self._git("show", "-s", "--format=%H%x00%cI", "HEAD")
        if isinstance(head, str):
            return None
        commit, _, date = head.out.strip().partition("\0")
        return Revision(commit, date, tuple(each for each in files if self._differs(each)))

    def file(self, path: Path) -> Change:
        """The last commit that changed a file, by taking lines away too."""
        return self._holding(path)._file(path)

    def _file(self, path: Path) -> Change:
        done = self.unknown or self._git("log", "-1", _LOG, "--", _own(path))
        if isinstance(done, str):
            is_new = any(sign in done.lower() for sign in _IS_NEW)
            return Change(unknown="" if is_new else done)
        if not done.out.strip() or self._is_changed(path):
            return Change()
        commit, author, date, summary, parents = done.out.rstrip("\n").split("\0")
        if self.is_shallow and not parents:
            return Change(unknown=_SHALLOW)
        return Change(commit, author, date, summary)

    def lines(self, path: Path) -> FileHistory:
        """Who changed each line of a file last."""
        return self._holding(path)._of_lines(path)

    def _of_lines(self, path: Path) -> FileHistory:
        done = self.unknown or self._git("blame", "--incremental", "--no-textconv", "--", _own(path))
        if isinstance(done, str):
            is_new = any(sign in done.lower() for sign in _IS_NEW)
            return FileHistory(otherwise=Change(unknown="" if is_new else done))
        return self._blamed(done.out)

    def _blamed(self, text: str) -> FileHistory:
        """Reads `git blame --incremental`: runs of lines, each ended by the file's name, and what is known of a commit
        with the first run of it."""
        told: dict[str, dict[str, str]] = {}
        runs: list[tuple[str, int, int]] = []
        run = None
        for line in text.split("\n"):
            if run is None:
                run = _RUN.fullmatch(line)
                if run is not None:
                    runs.append((run["commit"], int(run["line"]), int(run["count"])))
                continue
            key, _, value = line.partition(" ")
            told.setdefault(run["commit"], {}).setdefault(key, value)
            if key == "filename":
                run = None
        changes = {commit: self._change(commit, known) for commit, known in told.items()}
        lines = {line: changes[commit] for commit, first, count in runs for line in range(first, first + count)}
        return FileHistory(lines, {commit: int(known["committer-time"]) for commit, known in told.items()})

    def _change(self, commit: str, known: Mapping[str, str]) -> Change:
        if not commit.strip("0"):
            return Change()
        if self.is_shallow and "boundary" in known:
            return Change(unknown=_SHALLOW)
        return Change(commit, known["author"], _iso(known["author-time"], known["author-tz"]), known.get("summary", ""))

    def _differs(self, path: Path) -> bool:
        """Whether a file is not as the commit has it, which of a submodule has no more than its commit."""
        other = self._holding(path)
        if other.git_directory == self.git_directory:
            return self._is_changed(path)
        top = other.unknown or other._git("rev-parse", "--show-toplevel")
        own = self._git("rev-parse", "--show-toplevel")
        if isinstance(top, str) or isinstance(own, str):
            return True
        directory = Path(top.out.rstrip("\n"))
        return not directory.is_relative_to(own.out.rstrip("\n")) or self._is_changed(directory)

    def _is_changed(self, path: Path) -> bool:
        done = self._git("status", "--porcelain", "--ignored", "--untracked-files=all", "--", _own(path))
        return isinstance(done, Completed) and bool(done.out.strip())

    def _git(self, *args: str) -> Completed | str:
        """What it did, or in a line why it did not."""
        if self.programs.find("git") is None:
            return "git is not installed"
        try:
            done = self.programs.run("git", *_OPTIONS, *args, seconds=_SECONDS)
        except ToolError as error:
            return error.message
        if done.code == 0:
            return done
        first = next((line for line in done.err.splitlines() if line.startswith("fatal: ")), done.reason)
        reason = first.removeprefix("fatal: ")
        return "no git repository" if reason.startswith("not a git repository") else f"git: {reason}"


def _own(path: Path) -> str:
    """A symbolic link's own content would be a path."""
    return str(path.resolve())


def _iso(seconds: str, zone: str) -> str:
    """As git writes it with %aI; empty for a time that there is not, which a commit may have all the same."""
    sign = -1 if zone.startswith("-") else 1
    try:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return datetime.fromtimestamp(int(seconds), timezone(sign * offset)).isoformat()
    except (OverflowError, ValueError, OSError):
        return ""
