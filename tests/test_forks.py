"""What a fork server runs is as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import EXAMPLES, ROOT
from tests.support.forks import TARMAK_IAM, forked


@pytest.mark.parametrize("words", ["--version", "check --current-cluster prod-blue", "nonsense"])
def test_the_same_is_said(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(EXAMPLES / "multi")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TARMAK_CONFIG": ".", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "tarmak_iam", *words.split()]
    expected = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    made = forked(TARMAK_IAM, *words.split(), environment=environment)
    assert (made.returncode, made.stdout, made.stderr) == (expected.returncode, expected.stdout, expected.stderr)
    assert made.stdout or made.stderr


def test_the_environment_is_the_callers(tmp_path: Path) -> None:
    made = forked(TARMAK_IAM, "show", environment={"TARMAK_CONFIG": str(tmp_path)})
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith(f"{tmp_path}: error: tarmak.yaml not found")
