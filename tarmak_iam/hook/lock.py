"""Prevents two concurrent runs on one cluster from the same directory. `cluster.lease` does so for all others."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tarmak_iam.errors import FileError
from tarmak_iam.files.lock import file_lock, lock_holders

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
    with file_lock(path, partial(_busy, path)) as held:
        yield ClusterLock(path, held.descriptor, held.problem)


def _busy(path: Path, taker: str) -> str:
    """`taker` is as in "process 12", from the content of the lock file."""
    orphans = [holder for holder in lock_holders(path) if holder.pid != os.getpid()]
    if taker != "another process" and orphans and all(f"process {holder.pid}" != taker for holder in orphans):
        named = ", ".join(f"{holder.name} (process {holder.pid})" for holder in orphans[:_MAX_NAMED])
        return f"this cluster is still in use by {named}, started by {taker}, which was killed"
    by = f" ({taker})" if taker != "another process" else ""
    return f"this cluster is in use by another run{by}"
