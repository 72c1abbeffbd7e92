"""examples/provision.py, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import EXAMPLES, ROOT, copy_examples

SCRIPT = EXAMPLES / "provision.py"


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def single(tmp_path: Path) -> Path:
    return copy_examples(tmp_path)[0]


def test_it_prepares_a_cluster(single: Path) -> None:
    before = (single / "tarmak.yaml").read_text().splitlines()
    done = run(single, "dev-cluster", "my-logs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "kubernetes::apiserver::aws_iam_authenticator_init: true\n"
    after = (single / "tarmak.yaml").read_text().splitlines()
    assert [line for line in after if line not in before] == [
        "      amazon:",
        "        awsIAMAuthenticatorInit: true",
        "        internalELBAccessLogs:",
        "          bucket: my-logs",
    ]
    assert [line for line in after if line in before] == before
    again = run(single, "dev-cluster", "my-logs")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert (single / "tarmak.yaml").read_text().splitlines() == after


def test_a_finding_stops_it_before_anything_is_written(single: Path) -> None:
    file = single / "tarmak.yaml"
    file.write_text(file.read_text() + "curentCluster: x\n")
    before = file.read_bytes()
    done = run(single, "dev-cluster", "my-logs")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: Tarmak ignores 'curentCluster' at the top level" in done.stderr
    assert file.read_bytes() == before


def test_an_error_is_one_line(single: Path) -> None:
    done = run(single, "dev-other", "my-logs")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"error: {single / 'tarmak.yaml'}: unknown cluster 'dev-other'; choose one of dev-cluster\n")


def test_it_takes_ten_lines() -> None:
    """From the configuration to the saved file, without the lines that start and end a script."""
    body = SCRIPT.read_text().split("def provision", 1)[1].split("if __name__", 1)[0]
    assert len([line for line in body.splitlines()[1:] if line.strip()]) <= 10
