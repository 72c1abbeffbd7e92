"""What AWS STS makes of a presigned GetCallerIdentity: who signed it, or which error, by AWS's codes.

After "Signature Version 4" in the IAM User Guide, "Common Errors" of the STS API, and the messages that people quote of
STS: 15 minutes to either side of X-Amz-Date, whatever X-Amz-Expires says, and SignatureDoesNotMatch outside of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, urlsplit

__all__ = ["Principal", "Refusal", "judged"]

_FORM = "%Y%m%dT%H%M%SZ"
_WINDOW = timedelta(minutes=15)
_REQUIRED = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True)
class Principal:
    """Who signs with an access key: what STS says of them. A temporary key, ASIA..., has a `session_token`."""

    access_key_id: str
    arn: str
    user_id: str
    secret: str = field(default="secret", repr=False)
    session_token: str = field(default="", repr=False)
    is_expired: bool = False

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def environment(self) -> dict[str, str]:
        """What AWS tools take it from; an empty session token is none."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.session_token,
        }


@dataclass(frozen=True)
class Refusal:
    """An error of AWS."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class _Request:
    target: str
    headers: Mapping[str, str]
    """By their names in lower case."""

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def __getitem__(self, name: str) -> str:
        return self.parameters.get(name, "")

    @property
    def scope(self) -> list[str]:
        """Access key id, day, region, service and the terminator."""
        return self["X-Amz-Credential"].split("/")

    @property
    def signed_headers(self) -> list[str]:
        return self["X-Amz-SignedHeaders"].split(";")


def judged(
    target: str, headers: Mapping[str, str], principals: Mapping[str, Principal], now: datetime
) -> Refusal | Principal:
    """`target`: path and query; `principals`: by access key id."""
    request = _Request(target, {name.lower(): value for name, value in headers.items()})
    refusal = _form_refusal(request)
    if refusal is not None:
        return refusal
    who = principals.get(request.scope[0])
    if who is None:
        return _INVALID_TOKEN
    checks = (_token_refusal(request, who), _time_refusal(request, now), _scope_refusal(request))
    refusal = next(filter(None, checks), None) or _signature_refusal(request, who)
    return refusal or _action_refusal(request) or who


_INVALID_TOKEN = Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
_EXPIRED_TOKEN = Refusal(403, "ExpiredToken", "The security token included in the request is expired")


def _mismatch(message: str) -> Refusal:
    return Refusal(403, "SignatureDoesNotMatch", message)


def _form_refusal(request: _Request) -> Refusal | None:
    if not request["X-Amz-Algorithm"]:
        return Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    missing = [name for name in _REQUIRED if not request[name]]
    if (
        request["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256"
        or missing
        or len(request.scope) != 5
        or _signed_at(request) is None
    ):
        return Refusal(400, "IncompleteSignature", "The request signature does not conform to AWS standards.")
    return None


def _token_refusal(request: _Request, who: Principal) -> Refusal | None:
    """A key of a session needs its own token, a user's key has none."""
    if request["X-Amz-Security-Token"] != who.session_token:
        return _INVALID_TOKEN
    return _EXPIRED_TOKEN if who.is_expired else None


def _signed_at(request: _Request) -> datetime | None:
    try:
        return datetime.strptime(request["X-Amz-Date"], _FORM).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _time_refusal(request: _Request, now: datetime) -> Refusal | None:
    signed = _signed_at(request)
    assert signed is not None  # the form is checked first
    given, here = (f"{each:{_FORM}}" for each in (signed, now))
    if signed < now - _WINDOW:
        limit = f"{now - _WINDOW:{_FORM}}"
        return _mismatch(f"Signature expired: {given} is now earlier than {limit} ({here} - 15 min.)")
    if signed > now + _WINDOW:
        limit = f"{now + _WINDOW:{_FORM}}"
        return _mismatch(f"Signature not yet current: {given} is still later than {limit} ({here} + 15 min.)")
    return None


def _scope_refusal(request: _Request) -> Refusal | None:
    _, day, region, service, terminator = request.scope
    host = request.headers.get("host", "").partition(":")[0]
    expected = "us-east-1" if host == "sts.amazonaws.com" else host.split(".")[1]
    if day != request["X-Amz-Date"][:8]:
        return _mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
    if (service, terminator) != ("sts", "aws4_request"):
        return _mismatch("Credential should be scoped to correct service: 'sts'.")
    return None if region == expected else _mismatch("Credential should be scoped to a valid region.")


def _signature_refusal(request: _Request, who: Principal) -> Refusal | None:
    """Only `host` has to be signed; another header counts where it is: one that is not signed may be anything."""
    if "host" not in request.signed_headers:
        return _mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    if hmac.compare_digest(_signature(request, who.secret), request["X-Amz-Signature"]):
        return None
    return _mismatch("The request signature we calculated does not match the signature you provided.")


def _signature(request: _Request, secret: str) -> str:
    parameters = {name: value for name, value in request.parameters.items() if name != "X-Amz-Signature"}
    query = "&".join(f"{_escaped(name)}={_escaped(parameters[name])}" for name in sorted(parameters))
    lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in request.signed_headers)
    signed = request["X-Amz-SignedHeaders"]
    canonical = "\n".join(("GET", "/", query, lines, signed, hashlib.sha256(b"").hexdigest()))
    _, *scope = request.scope
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", request["X-Amz-Date"], "/".join(scope), digest))
    key = f"AWS4{secret}".encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _action_refusal(request: _Request) -> Refusal | None:
    action, version = request["Action"], request["Version"]
    if (action, version) == ("GetCallerIdentity", "2011-06-15"):
        return None
    return Refusal(400, "InvalidAction", f"Could not find operation {action} for version {version}")
