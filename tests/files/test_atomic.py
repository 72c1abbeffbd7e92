"""Saving: the old file or the new one, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import FileError
from tarmak_iam.files.atomic import make_directory, replace_file

OLD, NEW = b"old: 1\n", b"new: 2\n" * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tarmak.yaml"
    path.write_bytes(OLD)
    return path


def test_mode_is_kept_and_nothing_is_left_behind(file: Path) -> None:
    file.chmod(0o640)
    replace_file(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == ["tarmak.yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
@pytest.mark.parametrize(
    ("may", "owner", "group"),
    [
        ("everything", 1234, 4321),
        # A member of the group may write the file, but not give it to its owner: both still have access afterwards.
        ("the group", os.geteuid(), 4321),
        ("nothing", os.geteuid(), os.getegid()),
    ],
)
def test_owner_and_group_are_kept_as_far_as_the_writer_may(
    file: Path, monkeypatch: pytest.MonkeyPatch, may: str, owner: int, group: int
) -> None:
    fchown = os.fchown

    def limited(descriptor: int, user: int, group: int) -> None:
        if may == "nothing" or (may == "the group" and user != -1):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        fchown(descriptor, user, group)

    os.chown(file, 1234, 4321)
    file.chmod(0o660)
    monkeypatch.setattr(os, "fchown", limited)
    replace_file(file, NEW, expected=OLD)
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (owner, group, 0o660)
    assert file.read_bytes() == NEW


def test_a_file_that_may_not_be_written_is_not_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory may be: the file could be renamed away. Root may write everything, so this is made up."""
    real_open = os.open

    def denied(path: Any, flags: int, *args: int, **options: Any) -> int:
        if path == file and flags & os.O_WRONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FileError, match=r"tarmak\.yaml: cannot be written: Permission denied; check the permissions"):
        replace_file(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["tarmak.yaml"]


def test_a_symlink_stays_one(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.yaml"
    link.symlink_to("../tarmak.yaml")
    replace_file(link, NEW, expected=OLD)
    assert link.is_symlink()
    assert file.read_bytes() == NEW
    assert os.listdir(link.parent) == ["link.yaml"]


def test_a_new_file_and_a_secret_one(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    replace_file(path, OLD, expected=None, mode=0o644)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    replace_file(path, NEW, expected=OLD, mode=0o600, secret=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("found", "expected", "what"),
    [
        (b"other\n", OLD, "the file has changed since it was read"),
        (OLD, None, "another process has created the file"),
    ],
)
def test_a_file_that_changed_is_not_overwritten(file: Path, found: bytes, expected: bytes | None, what: str) -> None:
    file.write_bytes(found)
    with pytest.raises(FileError, match=f"{what}; nothing was written; run again"):
        replace_file(file, NEW, expected=expected)
    assert file.read_bytes() == found


def test_a_new_directory_and_its_parents_are_their_owner_s(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        make_directory(tmp_path / "a" / "b" / "c", 0o700)
        make_directory(tmp_path / "a" / "b" / "c", 0o700)
    finally:
        os.umask(old)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o700]


def test_a_directory_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be created"):
        make_directory(tmp_path / "file" / "below", 0o700)


STEPS = ["fchmod", "fsync", "replace", "fdopen"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("step", STEPS)
def test_an_error_at_any_step_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(FileError, match="cannot be written") as caught:
        replace_file(file, NEW, expected=OLD)
    monkeypatch.undo()
    assert str(caught.value).startswith(f"{file}: ")
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["tarmak.yaml"]


def test_the_text_and_then_its_name_are_on_the_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sync of the directory, the rename itself may be lost with the power."""
    synced: list[tuple[str, bytes]] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        what = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((what, file.read_bytes()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    replace_file(file, NEW, expected=OLD)
    assert synced == [("file", OLD), ("directory", NEW)]


def test_a_directory_that_cannot_be_synced_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def unsupported(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", unsupported)
    replace_file(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW


def test_two_saves_at_once_do_not_overwrite_each_other(file: Path) -> None:
    """Of several that start from the same content exactly one wins, the others are told."""
    contents = [bytes([letter]) * 10_000 for letter in b"abcdefgh"]
    saved: list[bytes] = []

    def save(content: bytes) -> None:
        with contextlib.suppress(FileError):
            replace_file(file, content, expected=OLD)
            saved.append(content)

    threads = [threading.Thread(target=save, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert saved == [file.read_bytes()]


def test_a_lock_that_is_never_given_back_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.files.atomic._LOCK_SECONDS", 0)
    holder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(FileError, match="another process has locked the directory"):
            replace_file(file, NEW, expected=OLD)
    finally:
        os.close(holder)
    assert file.read_bytes() == OLD


def test_without_locks_it_is_saved_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    replace_file(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (1, []),
        (2, ["FILE: warning: the file had another hard link, which still has the old content"]),
        (3, ["FILE: warning: the file had 2 other hard links, which still have the old content"]),
    ],
)
def test_a_hard_link_that_is_broken_is_reported(
    file: Path, caplog: pytest.LogCaptureFixture, links: int, said: list[str]
) -> None:
    for number in range(1, links):
        os.link(file, file.with_name(f"link-{number}"))
    replace_file(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW
    assert [file.with_name(f"link-{number}").read_bytes() for number in range(1, links)] == [OLD] * (links - 1)
    assert [record.getMessage().replace(str(file), "FILE") for record in caplog.records] == said
