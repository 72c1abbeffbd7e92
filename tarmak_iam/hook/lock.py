"""Keeps two runs on one cluster apart, where they share a directory; `cluster.lease` does so for all others."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tarmak_iam.document.file_lock import LockHolder, file_lock, lock_holders
from tarmak_iam.errors import FileError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class ClusterLock:
    """The lock of this process. `descriptor` is for the programs that write to the cluster: the lock is held until the
    last of them has ended. None where there can be no lock, and `problem` says why."""

    path: Path
    descriptor: int | None
    problem: FileError | None = None

    @property
    def key(self) -> str:
        """The same text for two runs that this lock keeps apart, and for no others: they share a kernel and a
        directory. Empty where that cannot be told, as outside Linux."""
        if self.descriptor is None:
            return ""
        try:  # containers of one machine share the kernel, which keeps the lock, whatever their host names
            kernel, directory = _BOOT_ID.read_text(encoding="ascii").strip(), self.path.parent.stat()
        except OSError:
            return ""
        parts = (kernel, str(directory.st_dev), str(directory.st_ino), self.path.name)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def lock_path(directory: Path, cluster_name: str) -> Path:
    """Beside tarmak.yaml: the cluster's own directory may be made only while the lock is held."""
    return directory / f".{cluster_name}.tarmak-iam.lock"


@contextlib.contextmanager
def cluster_lock(path: Path) -> Iterator[ClusterLock]:
    """Holds the lock; says why where there can be none, as in a directory that may not be written to.

    Raises ToolError, at once, where another process holds it: what that one does takes many minutes, and what was
    checked before it may be wrong after it.
    """
    with file_lock(path, partial(_busy, path)) as held:
        yield ClusterLock(path, held.descriptor, held.problem)


def _busy(path: Path, taker: str) -> str:
    """`taker` is as in "process 12", by what that one wrote into the file."""
    orphans = [each for each in lock_holders(path) if each.pid != os.getpid()]
    if taker != "another process" and orphans and all(f"process {each.pid}" != taker for each in orphans):
        named = ", ".join(map(_named, orphans[:_MAX_NAMED]))
        verb = "is" if len(orphans) == 1 else "are"
        return f"{named}, started by {taker} which was killed, {verb} still at work on this cluster"
    by = f", {taker}," if taker != "another process" else ""
    return f"another run{by} is at work on this cluster"


def _named(holder: LockHolder) -> str:
    return f"{holder.name} (process {holder.pid})"
