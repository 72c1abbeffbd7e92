"""Other programs: run to their end, their output captured, their failure in our words."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.errors import ToolError

__all__ = ["Completed", "Programs"]


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left behind; `code` is negative for a signal, as subprocess has it."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """Its last word: the last line of its error output that is not empty."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Programs:
    """`environment` is what they run with, and where they are looked for (PATH). `directory`: where they run."""

    environment: Mapping[str, str] = field(repr=False)  # which may hold credentials
    directory: Path | None = None

    def run(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        """Runs a program to its end. Raises ToolError where it is not there, or takes longer than `seconds`."""
        words = tuple(str(part) for part in command)
        try:
            done = subprocess.run(
                words,
                input=text,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=dict(self.environment),
                cwd=self.directory,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            raise ToolError(f"{words[0]} is not installed", remedy=f"put {words[0]} on the PATH") from None
        except PermissionError:
            raise ToolError(f"{words[0]} cannot be run", remedy="look at its permissions") from None
        except subprocess.TimeoutExpired:
            raise ToolError(f"{_short(words)} did not end within {seconds:.0f} seconds") from None
        return Completed(words, done.returncode, done.stdout, done.stderr)

    def check(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        """As `run`; raises ToolError, with the program's last word, also where it fails."""
        done = self.run(*command, text=text, seconds=seconds)
        if done.code:
            raise ToolError(f"{_short(done.command)} failed: {done.reason}")
        return done


def _short(words: Sequence[str]) -> str:
    """Program and verb: arguments may be long, and are nobody's business."""
    name = Path(words[0]).name
    verb = next((word for word in words[1:] if not word.startswith("-")), "")
    return f"{name} {verb}".strip()
