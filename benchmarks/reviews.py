"""Answers of `whois` by number of mappings: loading should be linear, and the time per answer constant."""

from __future__ import annotations

from functools import partial

from tables import Cells, Table
from timing import timed

from tarmak_iam.identity import Authenticator, Identity

__all__ = ["ENTRY", "REVIEWS"]

ENTRY = """\
  - roleARN: arn:aws:iam::111122223333:role/Role{number}
    username: "role{number}:{{{{SessionName}}}}"
    groups: [dev, "team-{{{{AccountID}}}}"]
"""
COUNTS = (50, 500, 5000)
CALLERS = 20_000


def measure() -> Cells:
    cells = {}
    for count in COUNTS:
        text = "clusterID: test\nserver:\n  mapRoles:\n" + "".join(ENTRY.format(number=n) for n in range(count))
        load_ms, loaded = timed(partial(Authenticator.load, text))
        mapped = _rate(loaded, [_caller(f"Role{n % count}") for n in range(CALLERS)], is_mapped=True)
        denied = _rate(loaded, [_caller(f"Other{n}") for n in range(CALLERS)], is_mapped=False)
        cells[f"{count} mappings"] = [
            f"{load_ms:.1f} ms",
            f"{load_ms / count:.3f} ms",
            f"{mapped:,.0f}",
            f"{denied:,.0f}",
        ]
    return cells


def _caller(role: str) -> Identity:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/alice"
    return Identity(arn, "111122223333", "AROAEXAMPLE:alice", "ASIAEXAMPLE")


def _rate(loaded: Authenticator, callers: list[Identity], *, is_mapped: bool) -> float:
    """Reviews per second on one core."""
    assert loaded.whois(callers[0]).authenticated is is_mapped

    def ask() -> None:
        for caller in callers:
            loaded.whois(caller)

    ms, _ = timed(ask)
    return len(callers) / ms * 1000


REVIEWS = Table(
    "reviews",
    "whois by number of mappings",
    "",
    ("loading", "per mapping", "answers per second", "denials per second"),
    tuple(f"{count} mappings" for count in COUNTS),
    measure,
)
