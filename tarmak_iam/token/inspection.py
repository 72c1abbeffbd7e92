"""A token explained: whose key, for how long, and which daemons would refuse it. Nothing is sent anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby

from tarmak_iam.identity.sts_hosts import Verifier, partition_of_host
from tarmak_iam.identity.versions import DaemonVersion, releases
from tarmak_iam.text import one_line
from tarmak_iam.token.presigned import Presigned
from tarmak_iam.token.verify import CLUSTER_ID_HEADER, LIFETIME, refusal_of, signing_time, sts_refusal

__all__ = ["Inspection", "KeyKind", "Verdict", "inspect"]


class KeyKind(str, Enum):
    LONG_LIVED = "long-lived"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


# Prefixes of access key ids, after "IAM identifiers" of the IAM User Guide.
_KINDS = {"AKIA": KeyKind.LONG_LIVED, "ASIA": KeyKind.TEMPORARY}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the releases from `first` to `last` do: `refusal` says why they refuse; None if they ask STS."""

    first: DaemonVersion
    last: DaemonVersion
    refusal: str | None

    @property
    def versions(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Inspection:
    """All of a token but its signature and session token. Its cluster id is not in it: it is signed as a header."""

    host: str
    region: str
    """That the signature is for."""
    partition: str | None
    """None where the host is no STS host."""
    signed_at: datetime | None
    expires_at: datetime | None
    """When daemon and STS stop taking it, whatever X-Amz-Expires says."""
    access_key_id: str
    key_kind: KeyKind
    has_session_token: bool
    signed_headers: tuple[str, ...]
    signs_cluster_id: bool
    sts_refusal: str | None
    """Why STS refuses it in any case; None where only STS can tell."""
    verdicts: tuple[Verdict, ...]
    """Every release from v0.4.0 on whose source was read, in order, neighbours with the same answer joined."""
    notes: tuple[str, ...]

    def verdict(self, version: DaemonVersion) -> Verdict:
        """That of a release, or of the last one known before it."""
        known = version.known
        return next((each for each in self.verdicts if each.first <= known <= each.last), self.verdicts[0])


def inspect(token: str, *, now: datetime, partition: str | None = None, region: str = "") -> Inspection:
    """`partition` and `region` are the daemon's; by default the partition that the token is for.

    Raises ParseError for what is no token; one that is refused is.
    """
    url = Presigned.parse(token)
    own = partition_of_host(url.host)
    signed = signing_time(url)
    scope = tuple(one_line(part) for part in url.scope)
    headers = tuple(one_line(name) for name in url.signed_headers)
    kind = _KINDS.get(scope[0][:4], KeyKind.UNKNOWN)
    has_session_token = bool(url.value("x-amz-security-token"))
    return Inspection(
        host=one_line(url.host),
        region=scope[2] if len(scope) > 2 else "",
        partition=own,
        signed_at=signed,
        expires_at=_expiry(signed),
        access_key_id=scope[0],
        key_kind=kind,
        has_session_token=has_session_token,
        signed_headers=headers,
        signs_cluster_id=CLUSTER_ID_HEADER in headers,
        sts_refusal=sts_refusal(url, now),
        verdicts=_verdicts(url, partition or own or "aws", region, now),
        notes=_notes(kind, has_session_token),
    )


def _expiry(signed: datetime | None) -> datetime | None:
    try:
        return signed + LIFETIME if signed else None
    except OverflowError:  # the last day of the year 9999
        return None


def _verdicts(url: Presigned, partition: str, region: str, now: datetime) -> tuple[Verdict, ...]:
    read = [version for version in releases() if not version.unread]
    judged = [(version, refusal_of(url, Verifier(version, partition, region), now)) for version in read]
    runs = (
        [version for version, _ in run]
        for _, run in groupby(judged, lambda each: (each[0].major, each[0].minor, each[1]))
    )
    reasons = dict(judged)
    return tuple(Verdict(run[0], run[-1], reasons[run[0]]) for run in runs)


def _notes(kind: KeyKind, has_session_token: bool) -> tuple[str, ...]:
    if kind is KeyKind.TEMPORARY and not has_session_token:
        return ("a temporary access key without its session token: AWS does not take it",)
    if kind is KeyKind.LONG_LIVED and has_session_token:
        return ("a long-lived access key with a session token: AWS does not take it",)
    return ()
