"""Ratios within one run: an edit against ruamel.yaml's round trip, and commands against Python's own start.

Run by `make bench`. A ratio says the same on a slow machine as on a fast one; nothing is asserted.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ruamel.yaml import YAML

from tarmak_iam.document import Document
from tarmak_iam.document.yaml_reader import has_c_parser

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "single" / "tarmak.yaml"
COPIES = 100
PATH = ("clusters", 0, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")


def best(work: Callable[[], object], runs: int) -> float:
    """The shortest of several runs, in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def many_clusters(copies: int) -> str:
    """The example with its cluster repeated under the same key."""
    head, _, rest = EXAMPLE.read_text().partition("clusters:\n")
    lines = rest.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line[:1].isalpha())
    return head + "clusters:\n" + "".join(lines[:end]) * copies + "".join(lines[end:])


def round_trip(text: str) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    data = yaml.load(text)
    data["clusters"][0]["kubernetes"]["apiServer"]["amazon"] = {"awsIAMAuthenticatorInit": True}
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def edit(text: str) -> bytes:
    return Document.parse(text).set(PATH, True).to_bytes()


def edits() -> None:
    for copies in (1, COPIES):
        text = many_clusters(copies)
        base = best(lambda text=text: round_trip(text), 3)  # type: ignore[misc]
        print(f"tarmak.yaml of {len(text):7} characters: ruamel.yaml's round trip {base:7.1f} ms")
        for name, is_c in (("C parser", True), ("pure parser", False)):
            if is_c and not has_c_parser():
                print(f"  {name:12} not installed")
                continue
            with mock.patch("tarmak_iam.document.yaml_reader.has_c_parser", lambda is_c=is_c: is_c):
                took = best(lambda text=text: edit(text), 3)  # type: ignore[misc]
            print(f"  {name:12} {took:7.1f} ms, {base / took:4.1f} times as fast")


def starts() -> None:
    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True)

    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
        base = best(run("-c", "pass"), 10)
        print(f"python -c pass: {base:.0f} ms")
        module = ("-m", "tarmak_iam", "-c", directory)
        for name, command in (("--help", ("--help",)), ("enable", ("enable", "--dry-run")), ("check", ("check",))):
            took = best(run(*module, *command), 10)
            print(f"  {name:12} {took:7.0f} ms, {took / base:4.1f} times as long")


if __name__ == "__main__":
    edits()
    starts()
