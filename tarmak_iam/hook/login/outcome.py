"""What a login that was tried comes to. Only a login that succeeded verifies anything: a refusal never does."""

from __future__ import annotations

import re
from enum import Enum

from tarmak_iam.hook.login.review import Reviewed, Seen
from tarmak_iam.identity.model import Answer

__all__ = ["DISTRUSTED", "UNREACHED", "Outcome", "asks_no_authenticator", "brief", "is_as", "judge"]

# Go's words for what keeps the API server from the daemon, which listens on the same host.
UNREACHED = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|no route to host|connection reset|\bEOF\b",
    re.IGNORECASE,
)
DISTRUSTED = re.compile(r"x509|tls:|certificate", re.IGNORECASE)
_OF_EVERY_TOKEN = "invalid bearer token"  # noqa: S105 # no password


class Outcome(str, Enum):
    """VERIFIED: the caller got in as somebody whom a mapping names, as whois expects.

    NOT_MAPPED: the caller was refused, as whois expects or holds possible. A daemon that cannot reach STS, has another
    cluster id or no mappings refuses in the same way, so nothing is known of those who are mapped.

    CALLER_UNKNOWN: there are no AWS credentials, AWS refuses them, or it could not be asked whose they are.

    FAILED: a mapped caller was refused, or got in as somebody else; a caller whom no mapping names got in; the
    authenticator was not reached; or pods run another configuration than the cluster's.
    """

    VERIFIED = "verified"
    NOT_MAPPED = "not mapped"
    CALLER_UNKNOWN = "caller unknown"
    FAILED = "failed"

    def __str__(self) -> str:
        return self.value


def judge(expected: Answer | None, reviewed: Reviewed) -> Outcome:
    """`expected` is the answer of whois, with all that the daemon may answer instead; None for an unknown caller."""
    seen = reviewed.seen
    if seen is None and (reviewed.is_split or is_unreached(reviewed.error)):
        return Outcome.FAILED
    if expected is None:
        return Outcome.CALLER_UNKNOWN
    possible = (expected, *expected.alternatives)
    if seen is not None:
        return Outcome.VERIFIED if any(is_as(seen, each) for each in possible) else Outcome.FAILED
    may_be_refused = expected.started and any(not each.authenticated for each in possible)
    return Outcome.NOT_MAPPED if may_be_refused else Outcome.FAILED


def is_as(seen: Seen, answer: Answer) -> bool:
    """Whether the API server takes somebody for whom whois says."""
    if not answer.authenticated:
        return False
    return seen.username == (answer.username or "") and set(seen.groups) == set(answer.groups or ())


def is_unreached(error: str) -> bool:
    """Whether the API server got no answer of the daemon, or does not ask one."""
    return bool(UNREACHED.search(error) or DISTRUSTED.search(error)) or asks_no_authenticator(error)


def asks_no_authenticator(error: str) -> bool:
    """Every API server says that a token is invalid; what a webhook made of it comes after that."""
    return not error.replace(_OF_EVERY_TOKEN, "").strip("[], ")


def brief(error: str) -> str:
    """Go's error without what every one of them begins with."""
    return error.removeprefix("[").removesuffix("]").removeprefix(f"{_OF_EVERY_TOKEN}, ")
