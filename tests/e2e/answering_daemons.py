"""Asks the authenticator of a release who callers become, each time as a process of its own.

It is the release, changed so that it answers callers on its standard input. All that decides is the release's own code:
its command line, its configuration by viper, its backends, its server. Ours is what is around it: STS, EC2, the API
server and the files, in authenticator_program.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.identity import Identity
from tests.e2e.daemon_builds import daemon_workspace
from tests.e2e.golang import cache_directory

__all__ = ["Answered", "Asked", "Caller", "answering_daemon", "answering_workspace", "answers_of", "user_of"]

_PROGRAM = Path(__file__).parent / "authenticator_program"
_OURS = sha256(b"".join(path.read_bytes() for path in sorted(_PROGRAM.iterdir()))).hexdigest()[:8]
"""Differs where our part of the program does."""
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


def answering_daemon(version: str) -> Path:
    """Where the program is, once it is built."""
    return cache_directory() / f"authenticator-answers-{version}-{_OURS}"


def answering_workspace(work: Path, version: str) -> Path:
    """A copy of the release's source with our files in its packages, to build in. Raises Missing."""
    source = daemon_workspace(work, version)
    module = (source / "go.mod").read_text(encoding="utf-8").partition("\n")[0].removeprefix("module ").strip()
    has_context = version.startswith("v0.7.")
    words = {
        "MODULE": module,
        "CONTEXT_PACKAGE": '"context"' if has_context else "",
        "CONTEXT_ARGUMENT": "_ context.Context," if has_context else "",
        "CONTEXT_ONLY": "_ context.Context" if has_context else "",
        "NEW": "New(context.Background(), cfg)" if has_context else "New(cfg, make(chan struct{}))",
    }
    has_backends, has_files = ((source / "pkg" / name).exists() for name in ("mapper", "fileutil"))
    start = ("with_files.go" if has_files else "with_backends.go") if has_backends else "before_backends.go"
    packages = {"command.go": source / "cmd" / "aws-iam-authenticator"}
    for name in ("command.go", "answers.go", "api_server.go", start):
        text = (_PROGRAM / name).read_text(encoding="utf-8")
        for word, meant in words.items():
            text = text.replace(word, meant)
        (packages.get(name, source / "pkg" / "server") / f"our_{name}").write_text(text, encoding="utf-8")
    return source


class Caller(NamedTuple):
    """Who STS says signed a token, and the STS host of the token."""

    identity: Identity
    host: str = "sts.us-east-1.amazonaws.com"


class Asked(NamedTuple):
    """What the daemon is started with. `surroundings`: what our part of the program reads (answers.go)."""

    config: str
    filename: str
    args: tuple[str, ...]
    surroundings: Mapping[str, Any]
    callers: tuple[Caller, ...] = ()


class Answered(NamedTuple):
    """`exit_code` is None where it started; then there is one answer for each caller."""

    exit_code: int | None
    answers: list[dict[str, Any]]
    last_words: str = ""


def answers_of(version: str, asked: Asked, directory: Path) -> Answered:
    """`directory` keeps the key pair, which takes long to make. Raises AssertionError where our part fails."""
    callers = [{**asdict(caller.identity), "host": caller.host} for caller in asked.callers]
    with tempfile.TemporaryDirectory(dir=directory) as made:
        work = Path(made)
        (work / asked.filename).write_text(asked.config, encoding="utf-8")
        is_in_pair = _IN_CERTIFICATE.search(" ".join((asked.config, *asked.args)))
        command = [str(answering_daemon(version)), "server", f"--config={work / asked.filename}"]
        command += [f"--state-dir={work if is_in_pair else directory}", f"--generate-kubeconfig={work / 'kubeconfig'}"]
        done = subprocess.run(
            [*command, *asked.args],
            input="\n".join(map(json.dumps, (asked.surroundings, *callers))),
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
        said = (done.stdout + done.stderr).strip().splitlines()
        panics = [line for line in said if line.startswith("panic:")]
        return Answered(done.returncode, [], next(iter(panics or said[-1:]), ""))
    assert len(lines) == len(asked.callers) + 1, complaint
    return Answered(None, lines[1:])


def user_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Of a token review that was granted."""
    user: dict[str, Any] = json.loads(answer["body"])["status"].get("user", {})
    return user
