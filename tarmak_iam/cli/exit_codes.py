"""What each command's exit codes mean: the table that the reference shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NOT_VERIFIED = 4
"""Nobody whom a mapping names has logged in, so nothing shows that the login works, and nothing that it does not."""

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
    "apply": "with --verify: applied, but the login failed",
    "verify": "the login failed: refused, somebody else than expected, or somebody whom no mapping names",
}
_NOT_VERIFIED = "nobody whom a mapping names has logged in: you are not mapped, or have no AWS credentials that work"
_FOUR = {
    "apply": f"with --verify: applied, not verified: {_NOT_VERIFIED}",
    "verify": f"not verified: {_NOT_VERIFIED}",
}
_RUN = {
    0: "tarmak is done, and what was to be applied is applied and verified by a login",
    1: "`check` found errors, someone would be locked out, the login failed, or what was not verified is rolled back",
    2: "something cannot be read, applied or reached",
    NOT_VERIFIED: f"applied, not verified: {_NOT_VERIFIED}",
    126: "tarmak cannot be run",
    127: "there is no tarmak",
}


def codes_of(command: Sequence[str]) -> Mapping[int, str]:
    """By the names down to a command, as `("map", "add")`."""
    name = " ".join(command)
    if name == "run":
        return _RUN
    codes = {**_EVERY, 1: _ONE[name]} if name in _ONE else dict(_EVERY)
    return {**codes, NOT_VERIFIED: _FOUR[name]} if name in _FOUR else codes
