"""A save that is cut off: wherever its process ends, the file is the old one or the new one, whole."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from tarmak_iam.files.atomic import replace_file
from tests.support.os_calls import killed_at_each_call

OLD, NEW, LATER = b"old: 1\n", b"new: 2\n" * 1000, b"later: 3\n"

State = tuple[bytes, int] | None
"""A file's content and mode, None where there is no file."""


@dataclass(frozen=True)
class Save:
    """One call of replace_file: over a file that others may read, or of a secret one that is not there yet.

    `link` is what the file is called in the call.
    """

    file: Path
    link: Path
    before: State
    after: State

    @property
    def expected(self) -> bytes | None:
        return self.before[0] if self.before else None

    @property
    def is_secret(self) -> bool:
        return self.before is None

    def prepare(self) -> None:
        """The directory as it is before the save."""
        for left in self.file.parent.iterdir():
            left.unlink()
        if self.before:
            self.file.write_bytes(self.before[0])
            self.file.chmod(self.before[1])

    def run(self) -> None:
        replace_file(self.link, NEW, expected=self.expected, mode=0o600, secret=self.is_secret)

    def state(self) -> State:
        if not self.file.exists():
            return None
        assert not self.file.is_symlink()
        return self.file.read_bytes(), stat.S_IMODE(self.file.stat().st_mode)

    def check_whole(self) -> State:
        """The old state or the new one, and at most a temporary file beside it, which the next save does not mind."""
        found = self.state()
        assert found in (self.before, self.after)
        left = [path for path in self.file.parent.iterdir() if path != self.file]
        assert all(re.fullmatch(rf"\.{re.escape(self.file.name)}\..+\.tmp", path.name) for path in left)
        assert len(left) <= 1
        if self.is_secret:
            assert all(path.stat().st_mode & 0o077 == 0 for path in left)
        replace_file(self.link, LATER, expected=found[0] if found else None)
        assert self.file.read_bytes() == LATER
        return found


@pytest.fixture(params=["over a file", "over the target of a link", "a new secret"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    file, link = tmp_path / "directory" / "tarmak.yaml", tmp_path / "link.yaml"
    file.parent.mkdir()
    link.symlink_to("directory/tarmak.yaml")
    if request.param == "a new secret":
        return Save(file, file, None, (NEW, 0o600))
    return Save(file, file if request.param == "over a file" else link, (OLD, 0o640), (NEW, 0o640))


def test_a_process_that_ends_at_any_os_call(save: Save, tmp_path: Path) -> None:
    """Every function of `os` is the last one once. Nothing is unwound or flushed, and a lock ends with its process."""
    found = []
    for _ in killed_at_each_call(save.prepare, save.run):
        found.append(save.check_whole())
        assert os.readlink(tmp_path / "link.yaml") == "directory/tarmak.yaml"
        assert sorted(os.listdir(tmp_path)) == ["directory", "link.yaml"]
    renamed = found.index(save.after)
    assert found == [save.before] * renamed + [save.after] * (len(found) - renamed)
    assert 0 < renamed < len(found) - 1  # the directory is synced after the rename


def test_what_fails_behind_the_rename_is_no_failure(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def fail(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        close(descriptor)
        if is_directory:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    save.prepare()
    monkeypatch.setattr(os, "close", fail)
    save.run()
    assert save.state() == save.after
