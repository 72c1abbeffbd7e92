"""Callers of a random configuration, as a release of the authenticator answers them and as `whois` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from tarmak_iam.identity import Answer, Authenticator
from tests.e2e.answering_daemons import Asked, Caller, answers_of, user_of
from tests.e2e.random_logins import NODE_NAMES, Login

__all__ = ["DENIED", "NOT_STARTED", "Daemon", "Difference", "Review", "loaded", "minimal"]

Review: TypeAlias = "tuple[str, tuple[str, ...], str, dict[str, list[str]]] | str"
"""Username, groups, uid and extra; or `denied`, or `not started`."""

DENIED, NOT_STARTED = "denied", "not started"


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
        asked = Asked(login.text, login.filename, login.args, _surroundings(login), login.callers)
        answered = answers_of(self.version, asked, self.directory)
        if answered.exit_code is not None:
            return [NOT_STARTED] * len(login.callers), answered.last_words
        return [_review(each) for each in answered.answers], ""

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
    # Any other file would be taken for objects of the cluster.
    named = {name: text for name, text in login.files.items() if name in login.text}
    return Authenticator.load(
        login.text,
        version=version,
        args=login.args,
        files={**named, "cluster.json": login.cluster_file},
        filename=login.filename,
        private_dns_names=NODE_NAMES,
    )


def _surroundings(login: Login) -> dict[str, Any]:
    cluster = {"config_map": login.config_map, "identity_mappings": login.identity_mappings}
    return {"files": login.files, "cluster": cluster, "node_names": NODE_NAMES}


def _review(answer: dict[str, Any]) -> Review:
    if answer["status"] != 200:
        return DENIED if answer["status"] == 403 else str(answer)
    user = user_of(answer)
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
