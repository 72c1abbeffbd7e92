"""A file and the bytes that it is known to contain, so that a value read from it can be saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.document.files import Boundary, make_directory, replace_file

# Tarmak creates the directory of a cluster with the same mode: its files contain credentials.
_DIRECTORY_MODE = 0o700


@dataclass(slots=True)
class FileOnDisk:
    """`data` is what was read, None for a file that does not exist yet. Mutable, and shared by a value and its edits,
    so that saving twice works."""

    path: Path
    data: bytes | None = field(repr=False)
    within: Boundary | None = None

    def save(self, data: bytes) -> None:
        """Writes the file atomically, while its directory is locked; nothing where it contains `data` already. The
        directory of a new file is created.

        Raises FileError, the old file untouched; FileChanged where the file has changed since it was read.
        """
        if data == self.data:
            return
        if self.data is None:
            make_directory(self.path.parent, _DIRECTORY_MODE, self.within)
        replace_file(self.path, data, expected=self.data, within=self.within)
        self.data = data
