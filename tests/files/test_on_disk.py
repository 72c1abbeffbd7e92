"""What is known of a file, from reading it to saving it."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from tarmak_iam.errors import FileChanged, FileError
from tarmak_iam.files.on_disk import FileOnDisk


def test_the_directory_of_a_new_file_is_created(tmp_path: Path) -> None:
    path = tmp_path / "dev-cluster" / "file.yaml"
    file = FileOnDisk.of(path, None)
    file.save(b"a: 1\n")
    assert (file.is_new, path.read_bytes()) == (False, b"a: 1\n")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_directory_of_a_file_that_was_read_is_not_created_again(tmp_path: Path) -> None:
    path = tmp_path / "dev-cluster" / "file.yaml"
    path.parent.mkdir()
    path.write_bytes(b"a: 1\n")
    file = FileOnDisk.of(path, path.read_bytes())
    shutil.rmtree(path.parent)
    with pytest.raises(FileError):
        file.save(b"a: 2\n")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_value_is_saved_over_its_edit_and_not_over_another_one(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(b"0")
    read = FileOnDisk.of(path, b"0")
    first, other = read.edited(), read.edited()
    later = first.edited().edited()
    later.save(b"3")
    first.save(b"1")
    assert path.read_bytes() == b"1"
    with pytest.raises(FileChanged, match="the file contains an edit that this value does not contain"):
        other.save(b"2")
    other.save(b"1")  # the file contains that already
    read.save(b"0")
    assert path.read_bytes() == b"0"
