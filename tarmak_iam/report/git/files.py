"""The files of a .git directory: regular ones within it, and no more of them than is asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tarmak_iam.report.git.limits import HistoryUnknown

__all__ = ["GitFiles", "os_reason"]


class GitFiles:
    """`directory` is its real path: a link in it that leads out of it is not followed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, name: str, limit: int) -> bytes | None:
        """None for a file that is not there. Raises HistoryUnknown, also for more than `limit` bytes."""
        with self.opened(name) as file:
            data = file.read(limit + 1) if file else None
        if data is not None and len(data) > limit:
            raise HistoryUnknown(f"{self._shown(name)} has more than the {limit:,} bytes that are read")
        return data

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO | None]:
        """As `read`. A named pipe keeps nobody waiting: it is no regular file."""
        path = self._within(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise HistoryUnknown(f"{self._shown(name)} cannot be read: {os_reason(error)}") from None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise HistoryUnknown(f"{self._shown(name)} is not a regular file")
            yield file

    def names(self, name: str, limit: int) -> list[str]:
        """What is in a directory, in order; nothing in one that is not there. Raises HistoryUnknown, also for more
        than `limit` names."""
        found = []
        try:
            with os.scandir(self._within(name)) as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > limit:
                        raise HistoryUnknown(f"{self._shown(name)} has more than the {limit:,} files that are read")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise HistoryUnknown(f"{self._shown(name)} cannot be read: {os_reason(error)}") from None
        return sorted(found)

    def has(self, name: str) -> bool:
        return os.path.lexists(self.directory / name)

    def _within(self, name: str) -> Path:
        real = Path(os.path.realpath(self.directory / name))
        if not real.is_relative_to(self.directory):
            raise HistoryUnknown(f"{self._shown(name)} is a link that leads out of the repository")
        return real

    def _shown(self, name: str) -> str:
        return str(self.directory / name)


def os_reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
