"""`whois` and `check` against the authenticator's own code, with random configurations and callers.

TARMAK_IAM_E2E_CALLERS is how many callers are compared (all releases together), TARMAK_IAM_E2E_SEED the first seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.e2e import components
from tests.e2e.login_comparison import DENIED, NOT_STARTED, Daemon, Difference, Review, loaded, minimal
from tests.e2e.random_logins import Login, login_of
from tests.support.installations import CONFIG, ON

_CALLERS = int(os.environ.get("TARMAK_IAM_E2E_CALLERS", "400"))
_SEED = int(os.environ.get("TARMAK_IAM_E2E_SEED", "0"))
_IN_EACH = 4
_SHOWN = 10
_CASES = [f"{version}-{part}" for version in components.ANSWERING_DAEMONS for part in (1, 2)]


def _logins(part: int) -> Iterator[Login]:
    """Half of what one release is asked: the same for all of them."""
    count = -(-_CALLERS // len(_CASES) // _IN_EACH)
    yield from (login_of(seed, _IN_EACH) for seed in range(_SEED + part - 1, _SEED + 2 * count, 2))


@pytest.fixture
def daemon(version: str, tmp_path: Path) -> Daemon:
    components.needed(components.answering_daemon(version))
    return Daemon(version, tmp_path)


@pytest.mark.parametrize(("version", "part"), [(each[:-2], int(each[-1])) for each in _CASES], ids=_CASES)
def test_everybody_becomes_who_the_authenticator_says(daemon: Daemon, part: int) -> None:
    logins = list(_logins(part))
    daemon.reviews(login_of(0, 1))  # makes the key pair
    with ThreadPoolExecutor(2) as pool:
        found = [each for login in pool.map(daemon.differences, logins) for each in login]
    assert not found, _report(daemon, found, sum(len(each.callers) for each in logins))


def _report(daemon: Daemon, found: list[Difference], asked: int) -> str:
    """The first ones as small as they get; each configuration once."""
    firsts = list({each.login.config: each for each in reversed(found)}.values())[-_SHOWN:]
    shown = "\n\n".join(str(minimal(daemon, each)) for each in firsts)
    return f"{len(found)} of {asked} answers differ\n\n{shown}"


@pytest.mark.parametrize("version", components.ANSWERING_DAEMONS)
def test_check_reports_what_does_not_start_and_who_cannot_log_in(daemon: Daemon) -> None:
    """An error where the daemon does not start, a finding where nobody can log in, and neither on the others."""
    wrong = []
    daemon.reviews(login_of(0, 1))
    for seed in range(_SEED, _SEED + _CALLERS // len(_CASES)):
        login = login_of(seed, _IN_EACH, is_mounted=True)
        reviews, why = daemon.reviews(login)
        problem = _problem(daemon.version, login, reviews)
        if problem:
            wrong.append(f"seed {seed}, {daemon.version}: {problem} {why}\n{login.text}")
    assert not wrong, "\n".join(wrong[:_SHOWN])


def _problem(version: str, login: Login, reviews: list[Review]) -> str:
    """What is wrong with the findings; empty if nothing is."""
    try:
        mappings = Mappings.parse(login.text, "config.yaml")
    except TarmakIamError:
        return "" if reviews[0] == NOT_STARTED else "the file cannot be read"
    config = TarmakConfig.parse(CONFIG.format(api_server=ON, location="eu-west-1"))
    made = Installation.of(config, config.clusters[0], mappings, None, {"image": f"example.org/x:{version}"})
    findings = [each.finding for each in check(Subjects(config, mappings, made))]
    ids = {each.id for each in findings}
    if reviews[0] == NOT_STARTED:
        return "" if any(each.severity is Severity.ERROR for each in findings) else "no error"
    if "IAM022" in ids:
        return "it starts, and IAM022 says that it does not"
    if any(review != DENIED for review in reviews):
        return "somebody can log in, and IAM021 says that nobody is mapped" if "IAM021" in ids else ""
    is_said = "IAM021" in ids or any(
        each.subject is Subject.MAPPINGS and (each.severity is Severity.ERROR or each.recovery) for each in findings
    )
    return "" if is_said or loaded(version, login).grants else "nobody can log in, and no finding says so"
