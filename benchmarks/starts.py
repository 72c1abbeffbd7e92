"""Commands from the shell: their processor time, relative to the start of Python.

The program is installed as a user installs it: the wheel, in an environment of its own. In the environment of the
development the finder of the editable installation doubles the start of Python, and so every ratio would look better.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from clusters import MAPPINGS
from edits import EXAMPLE
from tables import Cells, Table
from timing import program
from tools import authenticator, aws

__all__ = ["STARTS"]

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEY000001",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
OURS = {
    "tarmak-iam --help": ("--help",),
    "tarmak-iam enable": ("enable", "--dry-run"),
    "tarmak-iam token": ("token", "--cluster-id", "dev-cluster"),
    "tarmak-iam check": ("check",),
    "tarmak-iam map list": ("map", "list"),
    "tarmak-iam whois": ("whois", "arn:aws:iam::111122223333:role/Admin"),
    "tarmak-iam show": ("show",),
    "tarmak-iam manifests": ("manifests",),
}
TARGETS = {
    "tarmak-iam --help": 5,
    "tarmak-iam token": 9,
    "tarmak-iam enable": 15,
    "tarmak-iam check": 20,
    "tarmak-iam show": 20,
}
"""Starts of Python."""

RUNS = 15


def measure() -> Cells:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
        mappings = Path(directory) / "dev-cluster" / "aws-iam-authenticator.yaml"
        mappings.parent.mkdir()
        mappings.write_text(MAPPINGS.format(name="dev-cluster"))
        environment = {**os.environ, **KEYS, "HOME": directory, "AWS_EC2_METADATA_DISABLED": "true"}
        environment.pop("PYTHONPATH", None)
        base = processor_time(program([str(installed() / "python"), "-c", "pass"], environment))
        return {
            name: [f"{took / base:.1f}", str(TARGETS.get(name, "")), f"{took:.0f} ms"]
            for name, run in commands(directory, environment).items()
            for took in [processor_time(run)]
        }


def processor_time(run: Callable[[], object]) -> float:
    """The least of several runs, in milliseconds, of the processes that it starts."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times) * 1000


@cache
def installed() -> Path:
    """The directory of the programs of an environment that has the wheel of this source, and nothing that is
    editable."""
    place = Path(tempfile.mkdtemp(prefix="tarmak-iam-starts-"))
    root = Path(__file__).resolve().parent.parent
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{root}[fast,aws]"], check=True)
    return place / "bin"


def commands(directory: str, environment: dict[str, str]) -> dict[str, Callable[[], object]]:
    own = str(installed() / "tarmak-iam")
    found: dict[str, Callable[[], object]] = {
        name: program([own, "-c", directory, *words], environment) for name, words in OURS.items()
    }
    if (daemon := authenticator()) is not None:
        found["aws-iam-authenticator token"] = program([daemon, "token", "-i", "dev-cluster"], environment)
    if (cli := aws()) is not None:
        found["aws eks get-token"] = program([cli, "eks", "get-token", "--cluster-name", "dev-cluster"], environment)
    return found


STARTS = Table(
    "starts",
    "Commands, from a shell",
    "",
    ("Python starts", "target", "processor time"),
    (*OURS, "aws-iam-authenticator token", "aws eks get-token"),
    measure,
)
