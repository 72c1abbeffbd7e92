"""Commands from the shell: their time, relative to the start of Python."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from clusters import MAPPINGS
from edits import EXAMPLE, own_program
from tables import Cells, Table
from timing import program, shortest
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
    "tarmak-iam check": ("check",),
    "tarmak-iam manifests": ("manifests",),
    "tarmak-iam token": ("token", "--cluster-id", "dev-cluster"),
}


def measure() -> Cells:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
        mappings = Path(directory) / "dev-cluster" / "aws-iam-authenticator.yaml"
        mappings.parent.mkdir()
        mappings.write_text(MAPPINGS.format(name="dev-cluster"))
        base = shortest(program([sys.executable, "-c", "pass"]), 0.5)
        environment = {**os.environ, **KEYS, "HOME": directory, "AWS_EC2_METADATA_DISABLED": "true"}
        return {
            name: [f"{took / base:.1f}", f"{took:.0f} ms"]
            for name, run in commands(directory, environment).items()
            for took in [shortest(run, 2)]
        }


def commands(directory: str, environment: dict[str, str]) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {
        name: own_program("-c", directory, *words, environment=environment) for name, words in OURS.items()
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
    ("Python starts", "time"),
    (*OURS, "aws-iam-authenticator token", "aws eks get-token"),
    measure,
)
