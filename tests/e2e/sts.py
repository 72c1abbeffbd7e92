"""STS on loopback: it judges a presigned GetCallerIdentity as AWS does, and says who signed it.

The daemon finds it through HTTPS_PROXY, a CONNECT proxy that leads every host to it, and SSL_CERT_FILE. Its errors are
those of "Signature Version 4" in the IAM User Guide, "Common Errors" of the STS API, and the messages that people quote
of STS: 15 minutes to either side of X-Amz-Date, whatever X-Amz-Expires says, and SignatureDoesNotMatch outside of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from tests.support.certificates import Pair
from tests.support.servers import Handler, proxied

__all__ = ["Principal", "Refusal", "StsRun", "judged", "sts_on_loopback"]

_FORM = "%Y%m%dT%H%M%SZ"
_WINDOW = timedelta(minutes=15)


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


class Refusal(NamedTuple):
    """An error of AWS."""

    status: int
    code: str
    message: str


def judged(
    target: str, headers: Mapping[str, str], principals: Mapping[str, Principal], now: datetime
) -> Refusal | Principal:
    """`target`: path and query; `principals`: by access key id."""
    parameters = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    if "X-Amz-Algorithm" not in parameters:
        return Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    try:
        key_id, *_ = parameters["X-Amz-Credential"].split("/")
        signed = datetime.strptime(parameters["X-Amz-Date"], _FORM).replace(tzinfo=timezone.utc)
        _ = [parameters[name] for name in ("X-Amz-Expires", "X-Amz-Signature", "X-Amz-SignedHeaders")]
    except (KeyError, ValueError):
        return Refusal(400, "IncompleteSignature", "The request signature does not conform to AWS standards.")
    who = principals.get(key_id)
    if who is None or parameters.get("X-Amz-Security-Token", "") != who.session_token:
        return Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if who.is_expired:
        return Refusal(403, "ExpiredToken", "The security token included in the request is expired")
    own = {name.lower(): value for name, value in headers.items()}
    if message := _mismatch(parameters, own, who, now, signed):
        return Refusal(403, "SignatureDoesNotMatch", message)
    action, version = parameters.get("Action"), parameters.get("Version")
    if (action, version) != ("GetCallerIdentity", "2011-06-15"):
        return Refusal(400, "InvalidAction", f"Could not find operation {action} for version {version}")
    return who


def _mismatch(
    parameters: Mapping[str, str], headers: Mapping[str, str], who: Principal, now: datetime, signed: datetime
) -> str:
    """AWS's message; empty where the signature is right."""
    _, day, *scope = parameters["X-Amz-Credential"].split("/")
    host = headers.get("host", "").partition(":")[0]
    expected = "us-east-1" if host == "sts.amazonaws.com" else host.split(".")[1]
    time, earliest, latest = (f"{moment:{_FORM}}" for moment in (signed, now - _WINDOW, now + _WINDOW))
    if signed < now - _WINDOW:
        return f"Signature expired: {time} is now earlier than {earliest} ({now:{_FORM}} - 15 min.)"
    if signed > now + _WINDOW:
        return f"Signature not yet current: {time} is still later than {latest} ({now:{_FORM}} + 15 min.)"
    if day != time[:8]:
        return "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
    if scope != [expected, "sts", "aws4_request"]:
        return "Credential should be scoped to a valid region."
    # Another header than the host counts where it is: one that is not signed may be anything.
    if "host" not in parameters["X-Amz-SignedHeaders"].split(";"):
        return "'Host' must be a 'SignedHeader' in the AWS Authorization."
    if not hmac.compare_digest(
        _signature(parameters, headers, [day, *scope], who.secret), parameters["X-Amz-Signature"]
    ):
        return "The request signature we calculated does not match the signature you provided."
    return ""


def _signature(parameters: Mapping[str, str], headers: Mapping[str, str], scope: list[str], secret: str) -> str:
    pairs = sorted((name, value) for name, value in parameters.items() if name != "X-Amz-Signature")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    signed = parameters["X-Amz-SignedHeaders"]
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed.split(";"))
    canonical = "\n".join(("GET", "/", query, lines, signed, hashlib.sha256(b"").hexdigest()))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", parameters["X-Amz-Date"], "/".join(scope), digest))
    key = f"AWS4{secret}".encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


@dataclass
class StsRun:
    proxy: str
    """What HTTPS_PROXY is set to."""
    asked: list[str] = field(default_factory=list)
    """The ARNs that were told, in order."""
    refused: list[str] = field(default_factory=list)
    """The codes of errors, in order."""
    ahead: timedelta = timedelta()

    @contextmanager
    def clock_ahead(self, **difference: float) -> Iterator[None]:
        """Within, AWS's clock differs from everybody else's: `minutes=20`, or what timedelta takes else."""
        self.ahead = timedelta(**difference)
        try:
            yield
        finally:
            self.ahead = timedelta()


@contextmanager
def sts_on_loopback(pair: Pair, principals: Mapping[str, Principal]) -> Iterator[StsRun]:
    """`principals`: by access key id; it may change while this runs."""
    run = StsRun("")

    class Sts(Handler):
        def do_GET(self) -> None:
            found = judged(self.path, dict(self.headers.items()), principals, datetime.now(timezone.utc) + run.ahead)
            if isinstance(found, Refusal):
                run.refused.append(found.code)
                error = {"Code": found.code, "Message": found.message, "Type": "Sender"}
                self.answer({"Error": error, "RequestId": "0"}, found.status)
                return
            run.asked.append(found.arn)
            result = {"Account": found.account, "Arn": found.arn, "UserId": found.user_id}
            self.answer({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})

        def date_time_string(self, timestamp: float | None = None) -> str:
            """For the header Date."""
            now = (datetime.now(timezone.utc) + run.ahead).timestamp()
            return super().date_time_string(now if timestamp is None else timestamp)

    context = pair.context
    with proxied(Sts, lambda _: context) as run.proxy:
        yield run
