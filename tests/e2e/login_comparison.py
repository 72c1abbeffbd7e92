"""Callers of a random configuration, as a release of the authenticator answers them and as `whois` does."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from tarmak_iam.identity import Answer, Authenticator
from tests.e2e import components
from tests.e2e.random_logins import NODE_NAMES, Caller, Login

__all__ = ["DENIED", "NOT_STARTED", "Daemon", "Difference", "Review", "loaded", "minimal"]

Review: TypeAlias = "tuple[str, tuple[str, ...], str, dict[str, list[str]]] | str"
"""Username, groups, uid and extra; or `denied`, or `not started`."""

DENIED, NOT_STARTED = "denied", "not started"
_HARNESS_FAILED = 70
_IN_CERTIFICATE = re.compile("address|hostname", re.IGNORECASE)
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIADAEMON0000000000",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-east-1",
    "KUBE_FEATURE_WatchListClient": "false",
    "NO_PROXY": "127.0.0.1",
}


@dataclass(frozen=True)
class Difference:
    """A caller (None: the start itself) whose answers differ."""

    version: str
    login: Login
    caller: Caller | None
    daemon: Review
    ours: tuple[Review, ...]
    reason: str

    def __str__(self) -> str:
        login = self.login
        files = {**login.files, **({"cluster": login.cluster_file} if login.config_map or login.objects else {})}
        parts = [f"{self.version} {' '.join(login.args)}".rstrip(), login.text.rstrip()]
        parts += [f"-- {name}\n{text}" for name, text in files.items()]
        parts.append(f"caller: {self.caller.identity if self.caller else None}")
        parts.append(f"daemon: {self.daemon}")
        parts.append(f"ours:   {' or '.join(map(str, self.ours))}: {self.reason}")
        return "\n".join(parts)


@dataclass(frozen=True)
class Daemon:
    """A release that answers; `directory` has its key pair, which takes long to make."""

    version: str
    directory: Path

    def reviews(self, login: Login) -> tuple[list[Review], str]:
        """One for each caller, and why it did not start. Raises AssertionError where ours fails."""
        with tempfile.TemporaryDirectory(dir=self.directory) as made:
            work = Path(made)
            (work / login.filename).write_text(login.text, encoding="utf-8")
            state = work if _IN_CERTIFICATE.search(login.text) else self.directory
            command = [str(components.answering_daemon(self.version)), "server", "-c", str(work / login.filename)]
            command += [f"--state-dir={state}", f"--generate-kubeconfig={work / 'kubeconfig'}", *login.args]
            done = subprocess.run(
                command,
                input=_asked(login),
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**_ENVIRONMENT, "HOME": made},
                cwd=work,
                check=False,
                timeout=300,
            )
        assert done.returncode != _HARNESS_FAILED, f"{done.stderr[-1000:]}\n{login.text}"
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if not answers:
            return [NOT_STARTED] * len(login.callers), _last_words(done.stdout + done.stderr)
        assert len(answers) == len(login.callers) + 1, f"{done.stderr[-1000:]}\n{login.text}"
        return [_review(each) for each in answers[1:]], ""

    def differences(self, login: Login) -> list[Difference]:
        ours = loaded(self.version, login)
        reviews, why = self.reviews(login)
        found = []
        for caller, review in zip(login.callers, reviews, strict=True):
            possible, reason = _possible(ours, caller)
            if review not in possible:
                own = replace(login, callers=(caller,))
                found.append(Difference(self.version, own, caller, review, possible, f"{reason} {why}"))
        return found


def loaded(version: str, login: Login) -> Authenticator:
    return Authenticator.load(
        login.text,
        version=version,
        args=login.args,
        files={**login.files, "cluster.json": login.cluster_file},
        filename=login.filename,
        private_dns_names=NODE_NAMES,
    )


def _last_words(output: str) -> str:
    """Why the process ended."""
    lines = output.strip().splitlines()
    panics = [line for line in lines if line.startswith("panic:")]
    return next(iter(panics or lines[-1:]), "")


def _asked(login: Login) -> str:
    given = {
        "files": login.files,
        "config_map": login.config_map,
        "identity_mappings": login.identity_mappings,
        "node_names": NODE_NAMES,
    }
    callers = [
        {
            "arn": each.identity.arn,
            "account": each.identity.account,
            "user_id": each.identity.user_id,
            "access_key_id": each.identity.access_key_id,
            "host": each.host,
        }
        for each in login.callers
    ]
    return "\n".join(map(json.dumps, (given, *callers)))


def _review(answer: dict[str, Any]) -> Review:
    if answer["status"] != 200:
        return DENIED if answer["status"] == 403 else str(answer)
    status = json.loads(answer["body"])["status"]
    user = status.get("user", {})
    return (
        user.get("username", ""),
        tuple(user.get("groups") or ()),
        user.get("uid", ""),
        {key: list(values) for key, values in sorted((user.get("extra") or {}).items())},
    )


def _possible(ours: Authenticator, caller: Caller) -> tuple[tuple[Review, ...], str]:
    """What can be answered, and why."""
    answer = ours.whois(caller.identity)
    possible = tuple(map(_own_review, (answer, *answer.alternatives)))
    if any(note.startswith("at some starts the authenticator stops") for note in answer.notes):
        possible = (*possible, NOT_STARTED)
    return possible, answer.reason


def _own_review(answer: Answer) -> Review:
    if not answer.started:
        return NOT_STARTED
    if not answer.authenticated:
        return DENIED
    extra = {key: list(values) for key, values in sorted((answer.extra or {}).items())}
    return answer.username or "", tuple(answer.groups or ()), answer.uid or "", extra


def minimal(daemon: Daemon, difference: Difference, most: int = 300) -> Difference:
    """The same kind of difference in a configuration with as little as possible in it."""
    tried = 0
    while tried < most:
        for less in difference.login.smaller():
            tried += 1
            found = daemon.differences(less)
            if found and _kind(found[0]) == _kind(difference):
                difference = found[0]
                break
            if tried >= most:
                return difference
        else:
            return difference
    return difference


def _kind(difference: Difference) -> tuple[bool, ...]:
    reviews: Sequence[Review] = (difference.daemon, difference.ours[0])
    return tuple(_flags(reviews))


def _flags(reviews: Sequence[Review]) -> Iterator[bool]:
    for review in reviews:
        yield review == NOT_STARTED
        yield review == DENIED
