"""The exit codes."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """tarmak-iam's own exit codes; `run` also returns those of tarmak."""

    OK = 0
    FINDINGS = 1
    """Also differences, and a login that failed."""
    ERROR = 2
    BUG = 3
    NOT_VERIFIED = 4
    """No mapped principal has logged in, so it is unknown whether the login works."""
    CANNOT_BE_RUN = 126
    """As shells use it, like the next one."""
    NOT_FOUND = 127
    BROKEN_PIPE = 141
    """As for a process that SIGPIPE ends, such as any program before `| head`."""

    __str__ = int.__repr__  # as in Python 3.11 and later


def code_of_signal(number: int) -> int:
    """As shells report it."""
    return 128 + number
