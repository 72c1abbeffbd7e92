"""Files with many clusters: one command for 1, 10 and 100 clusters."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edits import EXAMPLE
from tables import Cells, Table
from timing import timed

from tarmak_iam.document import Document

__all__ = ["CLUSTERS", "MAPPINGS"]

COUNTS = (1, 10, 100)
COMMANDS = {
    "check --all-clusters": ("check", "--all-clusters"),
    "report --all-clusters -o json": ("report", "--all-clusters", "-o", "json"),
    "report --all-clusters -o html": ("report", "--all-clusters", "-o", "html"),
    "render --all-clusters": ("render", "--all-clusters", "--output-dir", "{}/out"),
}
MAPPINGS = """\
clusterID: {name}
server:
  mapRoles:
  - {{roleARN: "arn:aws:iam::111122223333:role/Admin", username: admin, groups: ["system:masters"]}}
"""


def measure() -> Cells:
    cells: dict[str, list[str]] = {name: [] for name in COMMANDS}
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as directory:
            write(Path(directory), count)
            for name, words in COMMANDS.items():
                cells[name].append(_took(directory, words))
    for took in cells.values():
        first, last = took[0].split()[0], took[-1].split()[0]
        took.append(f"{(float(last) - float(first)) / (COUNTS[-1] - COUNTS[0]):.1f} ms" if took[0][0].isdigit() else "")
    return cells


def _took(directory: str, words: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "tarmak_iam", "-c", directory, *(word.format(directory) for word in words)]
    ms, done = timed(lambda: subprocess.run(command, check=False, capture_output=True, text=True))
    if "No such option" in done.stderr or "there is no command" in done.stderr:
        return "not there yet"
    if done.returncode > 1:
        raise RuntimeError(done.stderr)
    return f"{ms:.0f} ms"


def write(directory: Path, count: int) -> None:
    """The cluster and environment of the example, repeated, each with its own mappings."""
    data = Document.parse(EXAMPLE.read_bytes()).data
    data["clusters"] = list(_copies(data["clusters"][0], count, ("environment",)))
    data["environments"] = list(_copies(data["environments"][0], count, ("metadata", "name")))
    data["currentCluster"] = "env0-cluster"
    (directory / "tarmak.yaml").write_text(json.dumps(data, indent=2))
    for number in range(count):
        name = f"env{number}-cluster"
        (directory / name).mkdir()
        (directory / name / "aws-iam-authenticator.yaml").write_text(MAPPINGS.format(name=name))


def _copies(value: dict[str, Any], count: int, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for number in range(count):
        made = copy.deepcopy(value)
        *parents, last = path
        inner = made
        for step in parents:
            inner = inner[step]
        inner[last] = f"env{number}"
        yield made


CLUSTERS = Table(
    "clusters",
    "One command for every cluster of a file",
    "clusters in the file",
    (*map(str, COUNTS), "per additional cluster"),
    tuple(COMMANDS),
    measure,
)
