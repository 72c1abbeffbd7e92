"""What each command's exit codes mean: the table that the reference shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["codes_of"]

_EVERY = {
    0: "done",
    2: "usage, configuration or input is wrong, or something cannot be read, written or reached",
    3: "a bug in tarmak-iam",
}
_ONE = {
    "check": "there are findings; with --fail-on error: errors",
    "diff": "there are differences",
    "map import": "an entry of system:masters is not taken, or FILE has one and nobody is in it then; the rest is done",
    "map remove": "it is not mapped, and --if-exists is not given",
    "whois": "with --exit-code: the caller becomes nobody",
    "doctor": "there are findings; with --fail-on error: errors",
    "token inspect": "a daemon would refuse the token",
    "verify": "the login is not proven",
}
_RUN = {
    0: "tarmak is done, and what was to be applied is applied and proven",
    1: "`check` found errors, someone would be locked out, or the login is not proven",
    2: "something cannot be read, applied or reached",
    126: "tarmak cannot be run",
    127: "there is no tarmak",
}


def codes_of(command: Sequence[str]) -> Mapping[int, str]:
    """By the names down to a command, as `("map", "add")`."""
    name = " ".join(command)
    if name == "run":
        return _RUN
    return {**_EVERY, 1: _ONE[name]} if name in _ONE else _EVERY
