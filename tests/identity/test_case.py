"""Keys and ARNs that differ in case, as real daemons took them: their own packages, 400 times for each configuration."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.identity import Authenticator, Identity
from tarmak_iam.identity.model import Answer
from tests.support import golden_json

ACCOUNT = "111122223333"
CASES = [
    (case, version, expected["answer"])
    for case in golden_json("authenticator", "case.json")
    for expected in case["expected"]
    for version in expected["versions"]
]
STOPS = "at some starts the daemon stops"


def who(resource: str) -> Identity:
    user_id = "AIDA" if resource.startswith("user/") else "AROA:session"
    return Identity(f"arn:aws:iam::{ACCOUNT}:{resource}", ACCOUNT, user_id)


def outcome(answer: Answer, version: str) -> tuple[str, tuple[str, ...]] | None:
    """None for nobody. v0.4.0 refuses an empty username when it renders a role's, which was not recorded."""
    by_account = answer.username is not None and answer.username.startswith("arn:")
    if answer.username is None or by_account or (version == "v0.4.0" and not answer.username):
        return None
    return answer.username, tuple(answer.groups or ())


def recorded(seen: list[Any], version: str) -> set[Any]:
    outcomes = {None if each is None else (each[0], tuple(each[1])) for each in seen}
    return {None if version == "v0.4.0" and each and not each[0] else each for each in outcomes}


@pytest.mark.parametrize(
    ("case", "version", "expected"), CASES, ids=[f"{case['title']} {version}" for case, version, _ in CASES]
)
def test_all_that_the_daemon_may_answer(case: dict[str, Any], version: str, expected: dict[str, Any]) -> None:
    loaded = Authenticator.load(case["config"], version=version, filename=f"config.{case['format']}")
    may_stop = loaded.failure is not None or any(note.startswith(STOPS) for note in loaded.notes)
    assert {loaded.failure is None, not may_stop} == set(expected["starts"])
    for resource in case["callers"] if loaded.failure is None else ():
        answer = loaded.whois(who(resource))
        seen = {outcome(each, version) for each in (answer, *answer.alternatives)}
        wanted = recorded(expected["answers"].get(resource, [None]), version)
        assert seen == wanted, resource
