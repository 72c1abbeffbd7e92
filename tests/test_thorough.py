"""The selection of `make test`: what `sample(n)` leaves is the same on every run, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.thorough import examples, quick_sample

CONFTEST = """\
import pytest

from tests.support.thorough import mark_rest_of_samples

def pytest_configure(config):
    for mark in ("sample(n): x", "thorough: x"):
        config.addinivalue_line("markers", mark)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    mark_rest_of_samples(items)
"""
TESTS = """\
import pytest

@pytest.mark.sample(2)
@pytest.mark.parametrize("number", range(6))
def test_six(number): pass

@pytest.mark.sample(2)
@pytest.mark.parametrize("number", range(1))
def test_one(number): pass

@pytest.mark.thorough
def test_long(): pass

def test_other(): pass
"""


def collected(directory: Path, *options: str) -> list[str]:
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options, "test_it.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True)
    return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]


def test_a_sample_is_of_each_test_and_all_is_all(tmp_path: Path) -> None:
    quick = collected(tmp_path, "-m", "not thorough")
    assert quick == ["test_six[3]", "test_six[5]", "test_one[0]", "test_other"]
    everything = [*(f"test_six[{number}]" for number in range(6)), "test_one[0]", "test_long", "test_other"]
    assert collected(tmp_path) == everything


def test_fewer_examples_in_the_quick_profile_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_IAM_EXAMPLES", "quick")
    assert [examples(200), examples(12), examples(2)] == [20, 3, 2]
    assert quick_sample("abcdefghi", 3) == ["a", "e", "i"]
    assert quick_sample("ab", 3) == "ab"
    monkeypatch.setenv("TARMAK_IAM_EXAMPLES", "many")
    assert [examples(200), quick_sample("abcdefghi", 3)] == [2000, "abcdefghi"]
    monkeypatch.delenv("TARMAK_IAM_EXAMPLES")
    assert [examples(200), examples(12), examples(2)] == [200, 12, 2]
    assert quick_sample("abcdefghi", 3) == "abcdefghi"
