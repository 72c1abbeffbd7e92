"""Asks the authenticator of a release who callers become, each time as a process of its own: see answering_builds."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tarmak_iam.identity import Identity
from tests.e2e import components

__all__ = ["Answered", "Asked", "Caller", "answers_of", "user_of"]

_OURS_FAILED = 70
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIADAEMON0000000000",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-east-1",
    "KUBE_FEATURE_WatchListClient": "false",
    "NO_PROXY": "127.0.0.1",
}
_IN_CERTIFICATE = re.compile(r"address|hostname|bind|^server: *(\S|\n *-)", re.IGNORECASE | re.MULTILINE)
"""Address and host name are, and a `server` that is no mapping leaves no default of them."""


@dataclass(frozen=True)
class Caller:
    """Who STS says signed a token, and the STS host of the token."""

    identity: Identity
    host: str = "sts.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Asked:
    """What the daemon is started with. `surroundings`: what our part of the program reads (answers.go)."""

    config: str
    filename: str
    args: tuple[str, ...]
    surroundings: Mapping[str, Any]
    callers: tuple[Caller, ...] = ()


@dataclass(frozen=True)
class Answered:
    """`exit_code` is None where it started; then there is one answer for each caller."""

    exit_code: int | None
    answers: list[dict[str, Any]] = field(default_factory=list)
    last_words: str = ""


def answers_of(version: str, asked: Asked, directory: Path) -> Answered:
    """`directory` keeps the key pair, which takes long to make. Raises AssertionError where our part fails."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        work = Path(made)
        (work / asked.filename).write_text(asked.config, encoding="utf-8")
        is_in_pair = _IN_CERTIFICATE.search(" ".join((asked.config, *asked.args)))
        command = [str(components.answering_daemon(version)), "server", f"--config={work / asked.filename}"]
        command += [f"--state-dir={work if is_in_pair else directory}", f"--generate-kubeconfig={work / 'kubeconfig'}"]
        done = subprocess.run(
            [*command, *asked.args],
            input=_lines(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**_ENVIRONMENT, "HOME": made},
            cwd=work,
            check=False,
            timeout=300,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    complaint = f"{done.stderr[-1000:]}\n{asked.config}"
    assert done.returncode != _OURS_FAILED, complaint
    if not lines:
        return Answered(done.returncode, last_words=_last_words(done.stdout + done.stderr))
    assert len(lines) == len(asked.callers) + 1, complaint
    return Answered(None, lines[1:])


def user_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Of a token review that was granted."""
    user: dict[str, Any] = json.loads(answer["body"])["status"].get("user", {})
    return user


def _lines(asked: Asked) -> str:
    callers = (
        {
            "arn": each.identity.arn,
            "account": each.identity.account,
            "user_id": each.identity.user_id,
            "access_key_id": each.identity.access_key_id,
            "host": each.host,
        }
        for each in asked.callers
    )
    return "\n".join(map(json.dumps, (asked.surroundings, *callers)))


def _last_words(output: str) -> str:
    """Why the process ended."""
    lines = output.strip().splitlines()
    panics = [line for line in lines if line.startswith("panic:")]
    return next(iter(panics or lines[-1:]), "")
