"""`whois` and `check` against the authenticator's own code, with random configurations and callers; and the
recordings that other tests use.

TARMAK_IAM_E2E_CALLERS is how many callers are compared (all releases together), TARMAK_IAM_E2E_SEED the first seed.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.identity import Answer, Authenticator
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.e2e import components
from tests.e2e.answering_daemons import Asked, answering_daemon, answers_of, user_of
from tests.e2e.conftest import with_first
from tests.e2e.random_logins import NODE_NAMES, Login, login_of
from tests.e2e.recordings import mapped, started
from tests.support import golden_json
from tests.support.installations import CONFIG, ON

_CALLERS = int(os.environ.get("TARMAK_IAM_E2E_CALLERS", "800"))
_SEED = int(os.environ.get("TARMAK_IAM_E2E_SEED", "0"))
_IN_EACH = 8
_SHOWN = 10
_LOGINS = _CALLERS // len(components.ANSWERING_DAEMONS) // _IN_EACH

Review: TypeAlias = "tuple[str, tuple[str, ...], str, dict[str, list[str]]] | str"
"""Username, groups, uid and extra; or `denied`, or `not started`."""
DENIED, NOT_STARTED = "denied", "not started"


@pytest.fixture
def directory(version: str, tmp_path: Path) -> Path:
    """With the key pair of that release."""
    components.needed(answering_daemon(version))
    reviews(version, login_of(0, 1), tmp_path)
    return tmp_path


def reviews(version: str, login: Login, directory: Path) -> tuple[list[Review], str]:
    """One for each caller, and why it did not start. Raises AssertionError where our part of the daemon fails."""
    cluster = {"config_map": login.config_map, "identity_mappings": login.identity_mappings}
    around = {"files": login.files, "cluster": cluster, "node_names": NODE_NAMES}
    answered = answers_of(version, Asked(login.text, login.filename, login.args, around, login.callers), directory)
    if answered.exit_code is not None:
        return [NOT_STARTED] * len(login.callers), answered.last_words
    return [_review(answer) for answer in answered.answers], ""


def _review(answer: dict[str, Any]) -> Review:
    if answer["status"] != 200:
        return DENIED if answer["status"] == 403 else str(answer)
    user = user_of(answer)
    return user.get("username", ""), tuple(user.get("groups") or ()), user.get("uid", ""), user.get("extra") or {}


def _own_review(answer: Answer) -> Review:
    if not answer.started or not answer.authenticated:
        return DENIED if answer.started else NOT_STARTED
    return answer.username or "", tuple(answer.groups or ()), answer.uid or "", dict(answer.extra or {})


def loaded(version: str, login: Login) -> Authenticator:
    # Any other file would be taken for objects of the cluster.
    named = {name: text for name, text in login.files.items() if name in login.text}
    files = {**named, "cluster.json": login.cluster_file}
    text, name = login.text, login.filename
    return Authenticator.load(
        text, version=version, args=login.args, files=files, filename=name, private_dns_names=NODE_NAMES
    )


def differences(version: str, directory: Path, login: Login) -> list[str]:
    ours = loaded(version, login)
    answered, why = reviews(version, login, directory)
    found = []
    for caller, review in zip(login.callers, answered, strict=True):
        answer = ours.whois(caller.identity)
        possible = list(map(_own_review, (answer, *answer.alternatives)))
        if any(note.startswith("at some starts the authenticator stops") for note in answer.notes):
            possible.append(NOT_STARTED)
        if review not in possible:
            files = {**login.files, "cluster": login.cluster_file}
            parts = [f"{version} {' '.join(login.args)}", login.text, *(f"-- {name}\n{files[name]}" for name in files)]
            said = f"daemon: {review} {why}\nours:   {' or '.join(map(str, possible))}: {answer.reason}"
            found.append("\n".join([*parts, f"caller: {caller.identity}", said]))
    return found


@pytest.mark.parametrize("version", components.ANSWERING_DAEMONS)
def test_everybody_becomes_who_the_authenticator_says(version: str, directory: Path) -> None:
    logins = [login_of(seed, _IN_EACH) for seed in range(_SEED, _SEED + _LOGINS)]
    with ThreadPoolExecutor(2) as pool:
        found = [text for texts in pool.map(partial(differences, version, directory), logins) for text in texts]
    shown = "\n\n".join(sorted(found, key=len)[:_SHOWN])
    assert not found, f"{len(found)} of {_IN_EACH * len(logins)} answers differ, these in the shortest texts\n\n{shown}"


@pytest.mark.parametrize("version", components.ANSWERING_DAEMONS)
def test_check_reports_what_does_not_start_and_who_cannot_log_in(version: str, directory: Path) -> None:
    """An error where the daemon does not start, a finding where nobody can log in, and neither on the others."""
    wrong = []
    for seed in range(_SEED, _SEED + 2 * _LOGINS):
        login = login_of(seed, _IN_EACH, is_mounted=True)
        answered, why = reviews(version, login, directory)
        problem = _problem(version, login, answered)
        if problem:
            wrong.append(f"seed {seed}, {version}: {problem} {why}\n{login.text}")
    assert not wrong, "\n".join(wrong[:_SHOWN])


def _problem(version: str, login: Login, answered: list[Review]) -> str:
    """What is wrong with the findings; empty if nothing is."""
    try:
        mappings = Mappings.parse(login.text, "config.yaml")
    except TarmakIamError:
        return "" if answered[0] == NOT_STARTED else "the file cannot be read"
    config = TarmakConfig.parse(CONFIG.format(api_server=ON, location="eu-west-1"))
    made = Installation.of(config, config.clusters[0], mappings, None, {"image": f"example.org/x:{version}"})
    findings = [each.finding for each in check(Subjects(config, mappings, made))]
    ids = {each.id for each in findings}
    if answered[0] == NOT_STARTED:
        return "" if any(each.severity is Severity.ERROR for each in findings) else "no error"
    if "IAM022" in ids:
        return "it starts, and IAM022 says that it does not"
    if any(review != DENIED for review in answered):
        return "somebody can log in, and IAM021 says that nobody is mapped" if "IAM021" in ids else ""
    is_said = "IAM021" in ids or any(
        each.subject is Subject.MAPPINGS and (each.severity is Severity.ERROR or each.recovery) for each in findings
    )
    return "" if is_said or loaded(version, login).grants else "nobody can log in, and no finding says so"


MAPPING = golden_json("authenticator", "mapping.json")
STARTUP = golden_json("authenticator", "startup.json")


@pytest.mark.parametrize("version", with_first(1, reversed(components.ANSWERING_DAEMONS)))
def test_every_recording_of_a_release(version: str, tmp_path: Path) -> None:
    components.needed(answering_daemon(version))
    differ = [
        case["id"] for case in MAPPING["cases"] if mapped(version, case, MAPPING, tmp_path) != case["expected"][version]
    ]
    differ += [case["id"] for case in STARTUP if started(version, case, tmp_path) is not case["started"][version]]
    assert not differ
