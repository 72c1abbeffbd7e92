from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tarmak_iam.document.yaml_reader import has_c_parser
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


@pytest.fixture(params=["c", "pure"])
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with ruamel.yaml's C parser and with the pure one."""
    if request.param == "c" and not has_c_parser():
        pytest.skip("ruamel.yaml's C parser is not installed")
    if request.param == "pure":
        monkeypatch.setattr("tarmak_iam.document.yaml_reader.has_c_parser", lambda: False)
