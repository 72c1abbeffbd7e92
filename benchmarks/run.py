"""Ratios within one run: an edit against those of other tools, answers and artifacts by the number of mappings, and
commands against Python's own start.

Run by `make bench`. A ratio says the same on a slow machine as on a fast one; nothing is asserted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from artifacts import artifacts
from edits import EXAMPLE, edits, shortest
from reviews import reviews


def starts() -> None:
    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True)

    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
        base = shortest(run("-c", "pass"), 0.5)
        print(f"python -c pass: {base:.0f} ms")
        module = ("-m", "tarmak_iam", "-c", directory)
        for name, command in (("--help", ("--help",)), ("enable", ("enable", "--dry-run")), ("check", ("check",))):
            took = shortest(run(*module, *command), 2)
            print(f"  {name:12} {took:7.0f} ms, {took / base:4.1f} times as long")


if __name__ == "__main__":
    edits()
    reviews()
    artifacts()
    starts()
