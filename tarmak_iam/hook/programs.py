"""Runs other programs to their end, captures their output, and converts failures to errors."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tarmak_iam.errors import ToolError

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

    def with_environment(self, more: Mapping[str, str]) -> Programs:
        return replace(self, environment={**self.environment, **more})

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
