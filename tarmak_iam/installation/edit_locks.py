"""The lock files of edits, next to tarmak.yaml, and what the messages say that a holder of the lock does."""

from __future__ import annotations

from pathlib import Path

from tarmak_iam.files.lock import lock_file_in, lock_file_of

CONFIG_EDIT = "is editing tarmak.yaml, or running a tarmak that rewrites it"
CLUSTER_FILES_EDIT = "is editing the mappings or settings"


def lock_of_config(path: Path) -> Path:
    """The lock file for the tarmak.yaml at `path`. A run of tarmak that may rewrite the file holds this lock too."""
    return lock_file_of(path)


def lock_of_cluster_files(path: Path) -> Path:
    """One for the mappings and settings of all clusters, since the directory of a cluster may not exist yet."""
    return lock_file_in(path.parent, "mappings-and-settings")
