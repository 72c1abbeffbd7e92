"""Reading a file, and what cannot be read."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tarmak_iam.errors import FileError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_file, read_if_present


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nothing.yaml: file not found; check the path"):
        read_file(tmp_path / "nothing.yaml")
    assert read_if_present(tmp_path / "nothing.yaml") is None
    with pytest.raises(FileError, match="Is a directory"):
        read_file(tmp_path)


def test_a_larger_file_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_bytes(b"12345678")
    assert read_if_present(path, limit=8) == b"12345678"
    with pytest.raises(FileError, match=re.escape("the file is larger than the limit of 7 bytes")):
        read_if_present(path, limit=7)


def test_a_directory_in_place_of_the_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.mkdir()
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    with pytest.raises(FileError, match="Is a directory"):
        read_if_present(path, Boundary(tmp_path))
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before
