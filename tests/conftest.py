from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import Shell, copy_examples

# The same examples on every run: a red build is somebody's change, not somebody's luck.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("TARMAK_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    single, multi = copy_examples(tmp_path)
    return Shell(capsys, single, multi)
