"""Answers of `whois` by the number of mappings: loading should be linear, an answer cost the same for any number."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tarmak_iam.identity import Authenticator, Identity

T = TypeVar("T")

__all__ = ["reviews"]

ENTRY = """\
  - roleARN: arn:aws:iam::111122223333:role/Role{number}
    username: "role{number}:{{{{SessionName}}}}"
    groups: [dev, "team-{{{{AccountID}}}}"]
"""
CALLERS = 20_000


def reviews() -> None:
    print("mappings    load ms   per mapping    answers/s    denials/s")
    for count in (50, 500, 5000):
        text = "clusterID: test\nserver:\n  mapRoles:\n" + "".join(ENTRY.format(number=n) for n in range(count))
        load_ms, loaded = _timed(partial(Authenticator.load, text))
        mapped = _rate(loaded, [_caller(f"Role{n % count}") for n in range(CALLERS)], is_mapped=True)
        denied = _rate(loaded, [_caller(f"Other{n}") for n in range(CALLERS)], is_mapped=False)
        print(f"{count:8} {load_ms:10.1f} {load_ms / count:10.4f} ms {mapped:12,.0f} {denied:12,.0f}")
    print()


def _caller(role: str) -> Identity:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/alice"
    return Identity(arn, "111122223333", "AROAEXAMPLE:alice", "ASIAEXAMPLE")


def _rate(loaded: Authenticator, callers: list[Identity], *, is_mapped: bool) -> float:
    """Reviews a second on one core."""
    assert loaded.whois(callers[0]).authenticated is is_mapped

    def ask() -> None:
        for caller in callers:
            loaded.whois(caller)

    ms, _ = _timed(ask)
    return len(callers) / ms * 1000


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = work()
    return (time.perf_counter() - begin) * 1000, result
