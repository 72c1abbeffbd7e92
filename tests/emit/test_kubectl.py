"""kubectl takes the manifests: it finds their kinds, and reads them as objects of those."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.emit.discovery import discovery
from tests.emit.goldens import FOLDER, OUTPUT, cases

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def server() -> object:
    with discovery() as url:
        yield url


@pytest.mark.sample(4)
@pytest.mark.parametrize("verb", ["apply", "create"])
@pytest.mark.parametrize("case", cases())
def test_a_dry_run_of_the_goldens(case: str, verb: str, server: str, tmp_path: Path) -> None:
    # Strict schemas are validated by test_matrix.py: kubectl would want them as protobuf.
    command = ["kubectl", "--server", server, verb, "--dry-run=client", "--validate=false", "-o", "name", "-f"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": os.devnull}
    file = FOLDER / case / OUTPUT
    done = subprocess.run([*command, file], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    kinds = [line.partition(": ")[2] for line in file.read_text().splitlines() if line.startswith("kind: ")]
    assert [line.partition("/")[0].partition(".")[0] for line in done.stdout.split()] == [k.lower() for k in kinds]
