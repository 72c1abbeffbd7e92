"""What a fork server runs is as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import EXAMPLES, ROOT
from tests.support.forks import TARMAK_IAM, forked


@pytest.mark.parametrize("words", ["check --current-cluster prod-blue", "nonsense"])
def test_the_same_is_said(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(EXAMPLES / "multi")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TARMAK_CONFIG": ".", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "tarmak_iam", *words.split()]
    expected = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    made = forked(TARMAK_IAM, *words.split(), environment=environment)
    assert (made.returncode, made.stdout, made.stderr) == (expected.returncode, expected.stdout, expected.stderr)
    assert made.stdout or made.stderr
