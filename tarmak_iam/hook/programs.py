"""Runs other programs to their end, captures their output, and converts failures to errors; and the lock that they
inherit, which prevents two concurrent runs on one cluster from the same directory. `cluster.lease` does so for others.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.errors import FileError, ToolError
from tarmak_iam.files.lock import file_lock, lock_holders

Progress = Callable[[str], None]
"""A function that is called with one line about the progress."""


def no_progress(_: str) -> None:
    """Ignores progress."""


_LOGGER = logging.getLogger(__name__)


class ProgramTimedOut(ToolError):
    """A program was killed because it took too long."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a program. `code` is negative for a signal, as in subprocess. `attempts`: how often it was run,
    in `seconds` altogether, where it was run again after a failure."""

    command: tuple[str, ...]
    code: int
    out: str = field(repr=False)  # may be a credential
    err: str
    attempts: int = 1
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """The last line of its error output that is not empty."""
        ended = f"ended by signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        return next((line.strip() for line in self.err.splitlines()[::-1] if line.strip()), ended)


@dataclass(frozen=True, slots=True)
class Programs:
    """`environment` is passed to programs, and its PATH is used to find them. `directory`: their working directory.
    `inherited`: our file descriptors that they keep open."""

    environment: Mapping[str, str] = field(repr=False)  # may contain credentials
    directory: Path | None = None
    inherited: tuple[int, ...] = ()

    def find(self, name: str) -> Path | None:
        """The path of an executable program; None if it is not found."""
        path = shutil.which(name, path=self.environment.get("PATH", os.defpath))
        return Path(path) if path else None

    def run(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        """Runs a program to its end. Raises ToolError if it is not installed, and ProgramTimedOut after `seconds`. The
        arguments are logged: pass a secret in `text` or in a file."""
        words = tuple(str(part) for part in command)
        _LOGGER.info("run: %s", shlex.join(words))
        started = time.monotonic()
        try:
            done = subprocess.run(
                words,
                input=text.encode(),
                capture_output=True,
                env=dict(self.environment),
                cwd=self.directory,
                timeout=seconds,
                pass_fds=self.inherited,
                check=False,
            )
        except FileNotFoundError:
            if self.directory is not None and not self.directory.is_dir():
                raise ToolError(f"the directory {self.directory} does not exist", remedy="check the path") from None
            raise ToolError(f"{words[0]} is not installed", remedy=f"put {words[0]} on the PATH") from None
        except PermissionError:
            raise ToolError(f"{words[0]} cannot be run", remedy="check its permissions") from None
        except subprocess.TimeoutExpired:
            raise ProgramTimedOut(f"{_short(words)} did not end within {seconds:.0f} seconds") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ToolError(f"{words[0]} cannot be run: {reason}") from None
        took = time.monotonic() - started
        _LOGGER.debug("%s ended with code %s after %.1f seconds", _short(words), done.returncode, took)
        # Decoded here: subprocess would convert carriage returns within a line to line ends.
        out, err = (output.decode(errors="replace") for output in (done.stdout, done.stderr))
        return Completed(words, done.returncode, out, err)

    def check(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        """As `run`, but raises ToolError with the last line of the error output also if the program fails."""
        done = self.run(*command, text=text, seconds=seconds)
        if done.code:
            raise ToolError(f"{_short(done.command)} failed: {done.reason}")
        return done


def _short(words: Sequence[str]) -> str:
    """Program and verb only: arguments may be long, and may be private."""
    name = Path(words[0]).name
    verb = next((word for word in words[1:] if not word.startswith("-")), "")
    return f"{name} {verb}".strip()


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class ClusterLock:
    """The lock of this process. `descriptor` is inherited by the programs that write to the cluster: the lock is held
    until the last of them has ended. It is None where no lock is possible, and `problem` says why."""

    path: Path
    descriptor: int | None
    problem: FileError | None = None

    @property
    def key(self) -> str:
        """Equal for runs that this lock excludes: they share a kernel and a directory. Empty where that is unknown."""
        if self.descriptor is None:
            return ""
        try:  # containers of one machine share the kernel, which holds the lock, whatever their host names
            kernel, directory = _BOOT_ID.read_text(encoding="ascii").strip(), self.path.parent.stat()
        except OSError:
            return ""
        parts = (kernel, str(directory.st_dev), str(directory.st_ino), self.path.name)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def lock_path(directory: Path, cluster_name: str) -> Path:
    """Next to tarmak.yaml: the cluster's own directory may be created only while the lock is held."""
    return directory / f".{cluster_name}.tarmak-iam.lock"


@contextlib.contextmanager
def cluster_lock(path: Path) -> Iterator[ClusterLock]:
    """Holds the lock, or says in `problem` why no lock is possible, as in a read-only directory. Raises ToolError at
    once where another process holds it: that run may take minutes, and change what was checked."""

    def busy(taker: str) -> str:
        """`taker` is as in "process 12", from the content of the lock file."""
        orphans = [holder for holder in lock_holders(path) if holder.pid != os.getpid()]
        if taker != "another process" and orphans and all(f"process {holder.pid}" != taker for holder in orphans):
            named = ", ".join(f"{holder.name} (process {holder.pid})" for holder in orphans[:_MAX_NAMED])
            return f"this cluster is still in use by {named}, started by {taker}, which was killed"
        by = f" ({taker})" if taker != "another process" else ""
        return f"this cluster is in use by another run{by}"

    with file_lock(path, busy) as held:
        yield ClusterLock(path, held.descriptor, held.problem)
