"""`whois` and `check` against the authenticator's own code, with random configurations and callers.

TARMAK_IAM_E2E_CALLERS is how many callers are compared (all releases together), TARMAK_IAM_E2E_SEED the first seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import components
from tests.e2e.login_comparison import Daemon, Difference, minimal
from tests.e2e.random_logins import Login, login_of

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
