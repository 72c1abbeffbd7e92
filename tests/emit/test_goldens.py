"""The whole output of `manifests` for the common cases, to the byte."""

from __future__ import annotations

import pytest

from tests.emit.goldens import FOLDER, OUTPUT, cases, made


@pytest.mark.parametrize("case", cases())
def test_manifests_are_what_they_were(case: str) -> None:
    assert made(case).decode() == (FOLDER / case / OUTPUT).read_text(encoding="utf-8"), "see `make goldens`"
