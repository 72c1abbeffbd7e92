"""Keeps two runs on one cluster apart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tarmak_iam.document.file_lock import file_lock
from tarmak_iam.errors import FileError

__all__ = ["cluster_lock", "lock_path"]


def lock_path(directory: Path, cluster_name: str) -> Path:
    """Beside tarmak.yaml: the cluster's own directory may be made only while the lock is held."""
    return directory / f".{cluster_name}.tarmak-iam.lock"


@contextlib.contextmanager
def cluster_lock(path: Path) -> Iterator[FileError | None]:
    """Holds the lock; gives the reason where there can be none, as in a directory that may not be written to.

    Raises ToolError, at once, where another process holds it: what that one does takes many minutes, and what was
    checked before it may be wrong after it.
    """
    with file_lock(path, _busy) as problem:
        yield problem


def _busy(holder: str) -> str:
    by = f", {holder}," if holder != "another process" else ""
    return f"another run{by} is at work on this cluster"
