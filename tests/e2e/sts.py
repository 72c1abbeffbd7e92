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
    """An error of AWS, with status 403."""

    code: str
    message: str


def judged(
    target: str, headers: Mapping[str, str], principals: Mapping[str, Principal], now: datetime
) -> Refusal | Principal:
    """`target`: path and query of a presigned GetCallerIdentity; `principals`: by access key id."""
    parameters = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    who = principals.get(parameters["X-Amz-Credential"].partition("/")[0])
    if who is None or parameters.get("X-Amz-Security-Token", "") != who.session_token:
        return Refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
    if who.is_expired:
        return Refusal("ExpiredToken", "The security token included in the request is expired")
    own = {name.lower(): value for name, value in headers.items()}
    message = _mismatch(parameters, own, who, now)
    return Refusal("SignatureDoesNotMatch", message) if message else who


def _mismatch(parameters: Mapping[str, str], headers: Mapping[str, str], who: Principal, now: datetime) -> str:
    """AWS's message; empty where the signature is right."""
    time, earliest, latest = parameters["X-Amz-Date"], *(f"{now + shift:{_FORM}}" for shift in (-_WINDOW, _WINDOW))
    if time < earliest:
        return f"Signature expired: {time} is now earlier than {earliest} ({now:{_FORM}} - 15 min.)"
    if time > latest:
        return f"Signature not yet current: {time} is still later than {latest} ({now:{_FORM}} + 15 min.)"
    _, *scope = parameters["X-Amz-Credential"].split("/")
    host = headers.get("host", "").partition(":")[0]
    region = "us-east-1" if host == "sts.amazonaws.com" else host.split(".")[1]
    if scope != [time[:8], region, "sts", "aws4_request"]:
        return "Credential should be scoped to a valid region."
    if not hmac.compare_digest(_signature(parameters, headers, scope, who.secret), parameters["X-Amz-Signature"]):
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
                self.answer({"Error": error, "RequestId": "0"}, 403)
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
