"""Logins one after the other, many a second, each with a token that the API server has not seen."""

from __future__ import annotations

import http.client
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from tarmak_iam.token import Credentials
from tarmak_iam.token.make import sign_token
from tests.e2e.conftest import PRINCIPALS, Stage
from tests.e2e.control_plane import CLUSTER

__all__ = ["Logins", "logins"]

_PAUSE = 0.05


@dataclass
class Logins:
    """When each began and ended, and whether the API server took it; all in seconds of time.monotonic()."""

    attempts: list[tuple[float, float, bool]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(not is_let_in for _, _, is_let_in in self.attempts)

    @property
    def gap(self) -> float:
        """The longest time from the end of a login that succeeded to the end of the next one that did."""
        ends = [end for _, end, is_let_in in self.attempts if is_let_in]
        return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)


@contextmanager
def logins(stage: Stage, caller: str) -> Iterator[Logins]:
    found, over = Logins(), threading.Event()
    thread = threading.Thread(target=_log_in, args=(stage, caller, found, over))
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _log_in(stage: Stage, caller: str, found: Logins, over: threading.Event) -> None:
    tokens = _tokens(caller)
    host = stage.plane.server.removeprefix("https://")
    context = ssl.create_default_context(cadata=stage.plane.ca.decode())
    while not over.wait(_PAUSE):
        begun, is_let_in = time.monotonic(), False
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPSConnection(host, timeout=30, context=context)
            connection.request("GET", "/api", headers={"Authorization": f"Bearer {next(tokens)}"})
            is_let_in = connection.getresponse().status == 200
            connection.close()
        found.attempts.append((begun, time.monotonic(), is_let_in))


def _tokens(caller: str) -> Iterator[str]:
    """Signed at another second each: the API server keeps an answer for two minutes by token."""
    environment = PRINCIPALS[caller].environment
    key = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    credentials = Credentials(*key, environment.get("AWS_SESSION_TOKEN"))
    used: set[datetime] = set()
    while True:
        moment = datetime.now(timezone.utc).replace(microsecond=0)
        while moment in used:
            moment -= timedelta(seconds=1)
        used.add(moment)
        yield sign_token(credentials, "eu-west-1", CLUSTER, moment).text
