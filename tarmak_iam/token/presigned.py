"""The presigned URL in a token: a GetCallerIdentity request to STS with Signature Version 4.

Signs such URLs, and parses them as the authenticator does. The checks are in `inspection`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, unquote_plus

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import ParseError
from tarmak_iam.token.credentials import Credentials

PREFIX = "k8s-aws-v1."
_REMEDY = "use the complete output of `tarmak-iam token`"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>.*)\Z", re.DOTALL)
_USER = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*\Z")
_ALGORITHM = "AWS4-HMAC-SHA256"

LIFETIME = timedelta(minutes=15)
"""How long STS, and the authenticator in v0.4.0 and later, accept a presigned URL, whatever X-Amz-Expires says."""


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
        """Parses as Go's base64.RawURLEncoding, url.Parse and url.ParseQuery do.

        Raises ParseError if the text is not a token.
        """
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
        pairs, is_malformed = _parse_query(query)
        return cls(size, match["scheme"].lower(), host, unquote(match["path"]), pairs, is_malformed)

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


def _parse_query(query: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """As Go's url.ParseQuery, which continues after a pair that it cannot read."""
    pairs, is_malformed = [], False
    for part in query.split("&"):
        if not part:
            continue
        if ";" in part or _BAD_ESCAPE.search(part):
            is_malformed = True
            continue
        name, _, value = part.partition("=")
        pairs.append((unquote_plus(name, errors="surrogateescape"), unquote_plus(value, errors="surrogateescape")))
    return tuple(pairs), is_malformed


def presign(credentials: Credentials, host: str, region: str, cluster_id: str, now: datetime) -> str:
    """The signed URL, with the parameters in the order of v0.7.9; `now` in UTC.

    The steps are those of "Create a signed AWS API request" in the IAM User Guide.
    """
    time, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{region}/sts/aws4_request"
    parameters = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": "60",  # v0.3.0 and earlier reject more than a minute
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    parameters["X-Amz-SignedHeaders"] = "host;x-k8s-aws-id"
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())
    headers = f"host:{host}\nx-k8s-aws-id:{cluster_id}\n"
    request = "\n".join(("GET", "/", query, headers, "host;x-k8s-aws-id", hashlib.sha256(b"").hexdigest()))
    text = "\n".join((_ALGORITHM, time, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = f"AWS4{credentials.secret_access_key}".encode()
    for part in (*scope.split("/"), text):
        signature = hmac.new(signature, part.encode(), hashlib.sha256).digest()
    return f"https://{host}/?{query}&X-Amz-Signature={signature.hex()}"
