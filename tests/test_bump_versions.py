"""examples/bump_versions.py, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import EXAMPLES, ROOT, copy_examples

SCRIPT = EXAMPLES / "bump_versions.py"


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def multi(tmp_path: Path) -> Path:
    return copy_examples(tmp_path)[1]


def test_every_cluster_but_the_hub_gets_the_version(multi: Path) -> None:
    file = multi / "tarmak.yaml"
    before = file.read_text()
    done = run(multi, "prod", "1.14.10")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines()[2:] if line[0] in "+-"] == [
        "-          version: 1.12.9",
        "+          version: 1.14.10",
        "-          version: 1.15.2      # trial",
        "+          version: 1.14.10      # trial",
    ]
    assert file.read_text() == before.replace("1.12.9", "1.14.10").replace("1.15.2", "1.14.10")
    again = run(multi, "prod", "1.14.10")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_version_that_tarmak_cannot_install_is_one_line(multi: Path) -> None:
    file = multi / "tarmak.yaml"
    before = file.read_bytes()
    done = run(multi, "prod", "1.18.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {file}:27:20: the edit was refused: Tarmak cannot install Kubernetes 1.18.0: it downloads the "
        "hyperkube binary, which Kubernetes does not publish for 1.17 and later; "
        "write a version below 1.17, as in 1.16.15\n"
    )
    assert file.read_bytes() == before


def test_it_takes_ten_lines() -> None:
    """From the configuration to the saved file, without the lines that start and end a script."""
    body = SCRIPT.read_text().split("def bump_versions", 1)[1].split("if __name__", 1)[0]
    assert len([line for line in body.splitlines()[1:] if line.strip()]) <= 10
