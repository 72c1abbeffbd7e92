"""How much of a repository is read: whatever somebody made of it, reading it ends, and fits into memory.

Work is counted and not timed, so that the same repository gives the same answer on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.text import capped

__all__ = ["MAX_OBJECT", "Budget", "HistoryUnknown", "TooLarge"]

MAX_OBJECT = MAX_BYTES
"""Bytes of a commit, a tree or a file: no larger file is read from the working copy either."""


class HistoryUnknown(Exception):
    """Why a question about the history has no answer, in a line, which may quote a path out of a `.git` file."""

    def __init__(self, why: str) -> None:
        super().__init__(capped(why))


class TooLarge(HistoryUnknown):
    """An object has more than MAX_OBJECT bytes."""


@dataclass(slots=True)
class Budget:
    """What is left: `commits` to read, `bytes` to inflate, and `steps` of walks and comparisons."""

    commits: int = 100_000
    bytes: int = 1 << 29
    steps: int = 10_000_000

    def take_commit(self) -> None:
        self.commits -= 1
        if self.commits < 0:
            raise HistoryUnknown("the history has more commits than are read")

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise HistoryUnknown("the history has more data than is read")

    def take_steps(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise HistoryUnknown("the history takes more work than is done for it")
