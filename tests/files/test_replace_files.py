"""Several files that are replaced together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import FileChanged, FileError, Place
from tarmak_iam.files import atomic
from tarmak_iam.files.atomic import Replacement, replace_files


def three(directory: Path) -> list[Replacement]:
    paths = [directory / name for name in ("a", "b", "c")]
    for path in paths[:2]:
        path.write_bytes(b"old")
    return [Replacement(path, b"new", b"old" if path.exists() else None) for path in paths]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


@pytest.mark.parametrize(
    ("error", "is_written"),
    [(KeyboardInterrupt(), False), (KeyboardInterrupt(), True), (FileError("no", place=Place("x")), False)],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_after_an_error_every_file_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, is_written: bool, number: int
) -> None:
    real, calls = atomic._write_new_file, []

    def failing(*args: Any, **options: Any) -> None:
        calls.append(args)
        if len(calls) != number or is_written:
            real(*args, **options)
        if len(calls) == number:
            raise error

    replacements = three(tmp_path)
    monkeypatch.setattr(atomic, "_write_new_file", failing)
    with pytest.raises(type(error)):
        replace_files(replacements)
    assert contents(tmp_path) == {"a": b"old", "b": b"old"}


def test_what_another_process_wrote_stays(tmp_path: Path) -> None:
    replacements = three(tmp_path)
    (tmp_path / "b").write_bytes(b"new")
    with pytest.raises(FileChanged):
        replace_files(replacements)
    assert contents(tmp_path) == {"a": b"old", "b": b"new"}
