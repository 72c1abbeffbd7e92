"""A file and the bytes that it is known to contain, so that a value read from it, and the edits of that value, can be
saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tarmak_iam.errors import FileChanged, Place
from tarmak_iam.files.boundary import Boundary

# Tarmak creates the directory of a cluster with the same mode: its files contain credentials.
_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True, eq=False)
class _Revision:
    """A value, by the value that it was edited from."""

    origin: _Revision | None = None

    def is_based_on(self, other: _Revision) -> bool:
        revision: _Revision | None = self
        while revision is not None and revision is not other:
            revision = revision.origin
        return revision is other


@dataclass(slots=True)
class _Content:
    """What the file contains: `data` is None for a file that does not exist yet, `revision` the value that was read
    or saved last."""

    data: bytes | None = field(repr=False)
    revision: _Revision


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """The file of one value. `within` limits where symbolic links may lead.

    A value and its edits share what is known of the file, so that saving twice works, and a later edit can be saved
    after an earlier one, or the other way round. Of two edits of one value, the second is not saved over the first.
    """

    path: Path
    within: Boundary | None
    _content: _Content
    _revision: _Revision

    @classmethod
    def of(cls, path: Path, data: bytes | None, within: Boundary | None = None) -> FileOnDisk:
        """`data` is what was read, None for a file that does not exist yet."""
        revision = _Revision()
        return cls(path, within, _Content(data, revision), revision)

    def edited(self) -> FileOnDisk:
        """The same file, for a value that was edited from this one."""
        return replace(self, _revision=_Revision(self._revision))

    @property
    def is_new(self) -> bool:
        """Whether the file does not exist yet."""
        return self._content.data is None

    def save(self, data: bytes) -> None:
        """Writes the file atomically, while its directory is locked; nothing where it contains `data` already. The
        directory of a new file is created.

        Raises FileError, the old file untouched; FileChanged where the file has changed since it was read, or contains
        another edit of a value that this one was edited from.
        """
        from tarmak_iam.files.atomic import make_directory, replace_file  # most commands only read

        content = self._content
        if data == content.data:
            return
        if not (self._revision.is_based_on(content.revision) or content.revision.is_based_on(self._revision)):
            raise FileChanged(
                "the file contains an edit that this value does not contain; nothing was written",
                remedy="edit the value that was saved last, or load the file again",
                place=Place(str(self.path)),
            )
        if content.data is None:
            make_directory(self.path.parent, _DIRECTORY_MODE, self.within)
        replace_file(self.path, data, expected=content.data, within=self.within)
        content.data, content.revision = data, self._revision
