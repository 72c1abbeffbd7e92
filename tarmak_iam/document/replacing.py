"""Several files replaced as one change: where one of them cannot be written, those before it are put back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.files import read_if_present, replace_file
from tarmak_iam.errors import FileError

__all__ = ["Replacement", "replace_files"]


@dataclass(frozen=True, slots=True)
class Replacement:
    """`before` is what is expected to be there, None for a new file. `mode`, `is_secret` and `within` as `replace_file`
    has them."""

    path: Path
    data: bytes = field(repr=False)
    before: bytes | None = field(repr=False)
    mode: int = 0o644
    is_secret: bool = False
    within: Boundary | None = None


def replace_files(replacements: Iterable[Replacement]) -> None:
    """One after the other. Raises FileError at the first that cannot be written, and then the others are as they
    were, as far as they can be: what somebody else has written meanwhile stays."""
    written: list[Replacement] = []
    try:
        for each in replacements:
            _replace(each, each.data, each.before)
            written.append(each)
    except FileError:
        # The last one first, and no further than it goes: what stands before may be a copy of what comes behind.
        with contextlib.suppress(FileError, OSError):
            for each in reversed(written):
                _put_back(each)
        raise


def _replace(file: Replacement, data: bytes, expected: bytes | None) -> None:
    replace_file(file.path, data, expected=expected, mode=file.mode, secret=file.is_secret, within=file.within)


def _put_back(done: Replacement) -> None:
    if done.before is not None:
        _replace(done, done.before, done.data)
    elif read_if_present(done.path) == done.data:
        os.unlink(done.path)
