"""`map add` by the number of mappings that the file has: processor time and memory should be in proportion to it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from edits import EXAMPLE
from reviews import ENTRY
from tables import Cells, Table

__all__ = ["MAP_ADD"]

COUNTS = (100, 1000, 10_000)
TARGETS = {10_000: "2 s"}
RUNS = 3
# The command in this process, and what it cost, as the last line on stderr.
MEASURED = f"""\
import atexit, json, runpy, sys, time
sys.path.append({str(Path(__file__).parent)!r})
from edit_tools import peak
atexit.register(lambda: print(json.dumps([time.process_time(), peak()]), file=sys.stderr))
runpy.run_module("tarmak_iam", run_name="__main__")
"""
ARN = "arn:aws:iam::111122223333:role/Added"


def measure() -> Cells:
    cells = {}
    previous: float | None = None
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
            file = Path(directory) / "dev-cluster" / "aws-iam-authenticator.yaml"
            file.parent.mkdir()
            text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + "".join(map(entry, range(count)))
            runs = []
            for _ in range(RUNS):
                file.write_text(text)
                runs.append(added(directory))
                assert file.read_text().startswith(text)
                assert ARN in file.read_text()
        seconds, megabytes = (min(values) for values in zip(*runs, strict=True))
        growth = f"{seconds / previous:.1f}" if previous else ""
        cells[row(count)] = [f"{seconds:.2f} s", TARGETS.get(count, ""), growth, f"{megabytes:.0f} MB"]
        previous = seconds
    return cells


def entry(number: int) -> str:
    return ENTRY.format(number=number)


def added(directory: str) -> tuple[float, float]:
    """Seconds of processor time, and the peak memory in MB."""
    words = ["-c", directory, "map", "add", ARN, "--username", "added", "--group", "dev"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    seconds, megabytes = json.loads(done.stderr.splitlines()[-1])
    return seconds, megabytes


def row(count: int) -> str:
    return f"{count:,} mappings"


MAP_ADD = Table(
    "map_add",
    "One more mapping in a file of many, with the start of the program",
    "",
    ("processor time", "target", "times the row above", "peak memory"),
    tuple(map(row, COUNTS)),
    measure,
)
