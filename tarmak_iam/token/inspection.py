"""Explains a token: its key, its expiry, and why the authenticator or STS rejects it. Sends nothing."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.aws.regions import GLOBAL_HOST, partition_of_host, region_of_host
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_releases
from tarmak_iam.identity.sts_verification import Verifier, host_refusal
from tarmak_iam.text import one_line
from tarmak_iam.token.make import LIFETIME, PREFIX

_REMEDY = "use the complete output of `tarmak-iam token`"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>.*)\Z", re.DOTALL)
_USER = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*\Z")
CLUSTER_ID_HEADER = "x-k8s-aws-id"
_MAX_SIZE = 4096
_X_AMZ = ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders")
_PARAMETERS = frozenset(("action", "version", *(f"x-amz-{name}" for name in _X_AMZ)))
_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:[.,](\d+))?Z\Z", re.ASCII)

# The headers that the authenticator sends; a signature over any other header cannot be right.
_SENT_HEADERS = frozenset({"host", CLUSTER_ID_HEADER, "accept", "accept-encoding", "user-agent"})


@dataclass(frozen=True, slots=True)
class Presigned:
    """The presigned URL in a token. Its query contains the signature and is never shown."""

    size: int
    """Length of the token in bytes."""
    scheme: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    """Names and values in order, unescaped, without the pairs that Go cannot read."""
    is_malformed: bool
    """Whether the query has pairs that Go cannot read."""

    @classmethod
    def parse(cls, token: str) -> Presigned:
        """Parses as Go's base64.RawURLEncoding, url.Parse and url.ParseQuery do. Raises ParseError."""
        if not token.startswith(PREFIX):
            raise ParseError(f"this is not a token: it does not start with '{PREFIX}'", remedy=_REMEDY)
        size = len(token.encode("utf-8", "surrogatepass"))
        body = token.removeprefix(PREFIX).replace("\r", "").replace("\n", "")  # Go's decoder skips line breaks
        try:
            decoded = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)) if _BASE64.match(body) else None
        except binascii.Error:
            decoded = None
        if decoded is None:
            what = f"this is not a token: the text after '{PREFIX}' is not valid unpadded base64"
            raise ParseError(what, remedy=_REMEDY)
        text, _, fragment = decoded.decode("utf-8", "surrogateescape").partition("#")
        before, _, query = text.partition("?")
        match = _URL.match(before)
        if match is None or _CONTROL.search(text) or _BAD_ESCAPE.search(before + fragment):
            raise ParseError("this is not a token: it contains no URL", remedy=_REMEDY)
        user, at, host = match["authority"].rpartition("@")
        if at and not _USER.match(user):
            raise ParseError("this is not a token: the user in its URL is malformed", remedy=_REMEDY)
        parts = list(filter(None, query.split("&")))
        readable = [part for part in parts if ";" not in part and not _BAD_ESCAPE.search(part)]
        pairs = tuple(
            (unquote_plus(name, errors="surrogateescape"), unquote_plus(value, errors="surrogateescape"))
            for name, _, value in (part.partition("=") for part in readable)
        )
        return cls(size, match["scheme"].lower(), host, unquote(match["path"]), pairs, len(readable) < len(parts))

    def value(self, name: str) -> str:
        """The value of a parameter, by its name in lower case, as the authenticator looks it up; empty if missing."""
        return next((value for key, value in reversed(self.query) if to_lower(key) == name), "")

    @property
    def names(self) -> frozenset[str]:
        """The names of the parameters, as written."""
        return frozenset(name for name, _ in self.query)

    @property
    def scope(self) -> tuple[str, ...]:
        """The credential's parts: access key id, date, region, service, `aws4_request`."""
        return tuple(self.value("x-amz-credential").split("/"))

    @property
    def signed_headers(self) -> tuple[str, ...]:
        return tuple(name for name in self.value("x-amz-signedheaders").split(";") if name)


def token_in(text: str) -> str:
    """The token in an ExecCredential; any other text is a token itself. Raises ParseError for JSON without a token."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return stripped
    try:
        token: Any = json.loads(stripped)["status"]["token"]
    except (ValueError, LookupError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise ParseError("this is not an ExecCredential with a token", remedy="use the output of `tarmak-iam token`")
    return token


def token_refusal(
    token: str, version: DaemonVersion | str, *, now: datetime, partition: str = "aws", region: str = ""
) -> str | None:
    """Why this release of the authenticator rejects the token without asking STS, which checks whether it is signed for
    the authenticator's cluster ID; None if it would ask. `partition` is its `server.partition`, `region` is where it
    runs (from the instance metadata), and `now` has a time zone. Raises ConfigError for an invalid version."""
    release = DaemonVersion.parse(version) if isinstance(version, str) else version
    try:
        url = Presigned.parse(token)
    except ParseError as error:
        return error.what
    return presigned_refusal(url, Verifier(release, partition, region), now)


def presigned_refusal(url: Presigned, verifier: Verifier, now: datetime) -> str | None:
    """`token_refusal` for a parsed token."""
    if url.size > _MAX_SIZE:
        return f"it is too large: {url.size} bytes, the limit is {_MAX_SIZE}"
    if url.scheme != "https":
        return f"the URL's scheme is '{url.scheme}', not https"
    if refusal := host_refusal(url.host, verifier):
        return refusal
    if url.path != "/":
        return "the URL's path is not '/'"
    if refusal := _query_refusal(url, verifier):
        return refusal
    if url.value("action") != "GetCallerIdentity":
        return "the URL's Action is not GetCallerIdentity"
    compared = fold if verifier.version.has(ReleaseFeature.EQUAL_FOLD) else to_lower
    if CLUSTER_ID_HEADER not in map(compared, url.signed_headers):
        return f"the header {CLUSTER_ID_HEADER}, which names the cluster, is not signed"
    return _time_refusal(url, verifier, now)


def _query_refusal(url: Presigned, verifier: Verifier) -> str | None:
    if url.is_malformed and verifier.version.has(ReleaseFeature.STS_REDIRECTS_REFUSED):  # both came in v0.5.2
        return "the URL's query is malformed"
    lower = [to_lower(name) for name in url.names]
    refuses_cases = verifier.version.has(ReleaseFeature.DUPLICATE_PARAMETERS_REFUSED)
    if len(url.names) < len(url.query) or (refuses_cases and len(set(lower)) < len(lower)):
        return "a parameter of the URL is set twice"
    if not _PARAMETERS.issuperset(lower):
        return "the URL has an unexpected parameter"  # not named: it may be part of a secret
    if len({(to_lower(name), value) for name, value in url.query}) > len(set(lower)):
        twice = "a parameter of the URL is set twice, in different letter case and with different values"
        return f"{twice}; the authenticator uses one of them at random"
    return None


def _time_refusal(url: Presigned, verifier: Verifier, now: datetime) -> str | None:
    checks_times = verifier.version.has(ReleaseFeature.CHECKS_TOKEN_TIMES)
    expires = url.value("x-amz-expires")
    # v0.3.0 and earlier accept at most a minute, and check no times.
    most = 900 if checks_times else 60
    if not _NUMBER.match(expires) or not 0 <= int(expires) <= most:
        return f"X-Amz-Expires is not between 0 and {most}"
    if not checks_times:
        return None
    if not url.value("x-amz-date"):
        return "X-Amz-Date is missing"
    signed = signing_time(url)
    if signed is None:
        return "X-Amz-Date is not a time such as 20191231T235959Z"
    if now - signed > LIFETIME:
        return f"it was signed at {signed:%Y-%m-%d %H:%M:%S} UTC, more than 15 minutes ago"
    return None


def signing_time(url: Presigned) -> datetime | None:
    """X-Amz-Date as Go's time.Parse reads it, including a fraction of a second; None if it cannot be parsed."""
    match = _DATE.match(url.value("x-amz-date"))
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micros = int((match[7] or "0")[:6].ljust(6, "0"))
    year = max(year, 1)  # Go has a year 0
    try:
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=timezone.utc)
    except ValueError:
        return None


def sts_refusal(url: Presigned, now: datetime) -> str | None:
    """Why STS rejects the token, as far as it shows: checking the signature needs the secret key. From AWS's
    description of Signature Version 4; the window of 15 minutes is that of GetCallerIdentity."""
    signed = signing_time(url)
    if {"Action", "Version"} - url.names:
        return "the URL's query has no Action or no Version"
    if url.value("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        return "X-Amz-Algorithm is not AWS4-HMAC-SHA256"
    if signed is None or not url.value("x-amz-signature"):
        return "it has no signature or no valid signing time"
    if signed - now > LIFETIME:
        return f"it is signed for {signed:%Y-%m-%d %H:%M:%S} UTC, more than 15 minutes in the future: check the clocks"
    if now - signed > LIFETIME:
        return "it has expired"
    # STS does not require a signed x-k8s-aws-id; the authenticator itself rejects a token without it.
    if "host" not in url.signed_headers:
        return "the header host must be signed, and named in lower case"
    if not _SENT_HEADERS.issuperset(url.signed_headers):
        return "the signature covers a header that the authenticator does not send"
    return _scope_refusal(url, signed)


def _scope_refusal(url: Presigned, signed: datetime) -> str | None:
    scope = url.scope
    if len(scope) != 5 or not scope[0] or scope[3:] != ("sts", "aws4_request"):
        return "its credential is not for the service sts"
    if scope[1] != f"{signed:%Y%m%d}":
        return "its credential is for another day than X-Amz-Date"
    expected = "us-east-1" if url.host == GLOBAL_HOST else region_of_host(url.host)
    if expected and scope[2] != expected:
        return f"its credential is not for {expected}, the region of its host"
    return None


# Prefixes of access key ids, after "IAM identifiers" of the IAM User Guide.
_KINDS = {"AKIA": "long-lived", "ASIA": "temporary"}


class ReleaseVerdict(NamedTuple):
    """`refusal` is why the releases from `first` to `last` reject the token; None if they ask STS."""

    first: DaemonVersion
    last: DaemonVersion
    refusal: str | None

    @property
    def versions(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


class Inspection(NamedTuple):
    """The content of a token, without its signature and session token. The cluster ID is not part of a token: it is
    signed as a header."""

    host: str
    region: str
    """The region that the signature is for."""
    partition: str | None
    """None if the host is not an STS host."""
    signed_at: datetime | None
    expires_at: datetime | None
    """When the authenticator and STS stop accepting it, whatever X-Amz-Expires says."""
    access_key_id: str
    key_kind: str
    """`long-lived`, `temporary` or `unknown`."""
    has_session_token: bool
    signed_headers: tuple[str, ...]
    signs_cluster_id: bool
    sts_refusal: str | None
    """Why STS rejects it in any case; None if only STS can decide."""
    verdicts: tuple[ReleaseVerdict, ...]
    """Every release since v0.4.0 whose source was read, in order; neighbours with the same result are joined."""
    notes: tuple[str, ...]

    def verdict(self, version: DaemonVersion) -> ReleaseVerdict:
        """The verdict of a release, or of the last known release before it."""
        known = version.known
        return next((verdict for verdict in self.verdicts if verdict.first <= known <= verdict.last), self.verdicts[0])


def inspect_token(token: str, *, now: datetime, partition: str | None = None, region: str = "") -> Inspection:
    """`partition` and `region` are those of the authenticator; the default partition is that of the token. Raises
    ParseError if the text is not a token, but not for a token that would be rejected."""
    url = Presigned.parse(token)
    host_partition, signed, expires = partition_of_host(url.host), signing_time(url), None
    with contextlib.suppress(OverflowError):  # the last day of the year 9999
        expires = signed + LIFETIME if signed else None
    scope = tuple(map(one_line, url.scope))
    headers = tuple(map(one_line, url.signed_headers))
    kind = _KINDS.get(scope[0][:4], "unknown")
    has_session_token = bool(url.value("x-amz-security-token"))
    notes = {
        ("temporary", False): ("a temporary access key without its session token: AWS rejects it",),
        ("long-lived", True): ("a long-lived access key with a session token: AWS rejects it",),
    }
    # The verdicts of neighbours with the same result are joined, within a minor release.
    judged = []
    for version in known_releases():
        if not version.unread:
            verifier = Verifier(version, partition or host_partition or "aws", region)
            judged.append((version, presigned_refusal(url, verifier, now)))
    runs = [list(run) for _, run in groupby(judged, lambda verdict: (verdict[0].major, verdict[0].minor, verdict[1]))]
    return Inspection(
        host=one_line(url.host),
        region=scope[2] if len(scope) > 2 else "",
        partition=host_partition,
        signed_at=signed,
        expires_at=expires,
        access_key_id=scope[0],
        key_kind=kind,
        has_session_token=has_session_token,
        signed_headers=headers,
        signs_cluster_id=CLUSTER_ID_HEADER in headers,
        sts_refusal=sts_refusal(url, now),
        verdicts=tuple(ReleaseVerdict(run[0][0], run[-1][0], run[0][1]) for run in runs),
        notes=notes.get((kind, has_session_token), ()),
    )
