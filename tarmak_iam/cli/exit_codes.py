"""The exit codes, and what each command's mean: the table that the reference shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """Those of our own; `run` passes tarmak's on."""

    OK = 0
    FINDINGS = 1
    """Also differences, and a login that failed."""
    ERROR = 2
    BUG = 3
    NOT_VERIFIED = 4
    """Nobody whom a mapping names has logged in: nothing shows that the login works, and nothing that it does not."""
    CANNOT_BE_RUN = 126
    """As the next one a shell's own."""
    NOT_FOUND = 127
    BROKEN_PIPE = 141
    """As a process that SIGPIPE ends, which is what `| head` makes of everybody else."""

    __str__ = int.__repr__  # as from Python 3.11 on


def code_of_signal(number: int) -> int:
    """As a shell has it."""
    return 128 + number


_EVERY = {
    ExitCode.OK: "done",
    ExitCode.ERROR: "usage, configuration or input is wrong, or something cannot be read, written or reached",
    ExitCode.BUG: "a bug in tarmak-iam",
}
_FINDINGS = {
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
_WHY_NOT = "nobody whom a mapping names has logged in: you are not mapped, or have no AWS credentials that work"
_NOT_VERIFIED = {
    "apply": f"with --verify: applied, not verified: {_WHY_NOT}",
    "verify": f"not verified: {_WHY_NOT}",
}
_RUN = {
    ExitCode.OK: "tarmak is done, and what was to be applied is applied and verified by a login",
    ExitCode.FINDINGS: "`check` found errors, someone would be locked out, the login failed, or what was not verified "
    "is rolled back",
    ExitCode.ERROR: "something cannot be read, applied or reached",
    ExitCode.NOT_VERIFIED: f"applied, not verified: {_WHY_NOT}",
    ExitCode.CANNOT_BE_RUN: "tarmak cannot be run",
    ExitCode.NOT_FOUND: "there is no tarmak",
}


def codes_of(command: Sequence[str]) -> Mapping[ExitCode, str]:
    """By the names down to a command, as `("map", "add")`."""
    name = " ".join(command)
    if name == "run":
        return _RUN
    own = ((ExitCode.FINDINGS, _FINDINGS), (ExitCode.NOT_VERIFIED, _NOT_VERIFIED))
    return {**_EVERY, **{code: meaning[name] for code, meaning in own if name in meaning}}
