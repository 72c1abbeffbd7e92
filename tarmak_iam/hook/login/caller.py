"""The caller of a test login: a token, created as for kubectl, and the identity that AWS STS returns for it."""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

from tarmak_iam.aws.regions import partition_of_host
from tarmak_iam.errors import ParseError, TarmakIamError, ToolError
from tarmak_iam.hook.programs import Programs
from tarmak_iam.identity.model import Identity
from tarmak_iam.token import make_token
from tarmak_iam.token.inspection import Presigned, token_in
from tarmak_iam.token.make import PREFIX

_LOGGER = logging.getLogger(__name__)
GO_PROGRAM = "aws-iam-authenticator"
_OWN = "tarmak-iam token"
_TOKEN_SECONDS = 60.0
_STS_SECONDS = 20.0
_MAX_ANSWER = 65536
_SERVER_ERROR = 500
# STS accepts a signature for 15 minutes in both directions, less some seconds for the call and its answer.
_MAX_SKEW = 840.0
_SIGNATURE = re.compile(r"(X-Amz-Signature=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallerToken:
    """`text` is a credential of the caller, so repr() does not show it. `maker`: the program that created it."""

    text: str = field(repr=False)
    maker: str


@dataclass(frozen=True, slots=True)
class StsAnswer:
    """The identity of the token's caller, or why STS rejects the token (`refusal`), or why it cannot be asked
    (`failure`). `skew`: seconds by which this machine's clock is ahead of that of STS, None where that is unknown."""

    identity: Identity | None = None
    refusal: str = ""
    failure: str = ""
    skew: float | None = None

    @property
    def is_skewed(self) -> bool:
        return self.skew is not None and abs(self.skew) > _MAX_SKEW


class NoToken(ToolError):
    """No token can be created, for example without AWS credentials, so no login can be tried."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, like the daemon: only the host that was checked is asked."""

    def redirect_request(self, *_: object) -> None:
        return None


def caller_token(
    programs: Programs, cluster_id: str, *, role: str | None = None, profile: str | None = None, region: str = ""
) -> CallerToken:
    """Creates a token with aws-iam-authenticator if it is on the PATH and works, else with tarmak-iam itself, which
    requires botocore.

    `region`: for tarmak-iam, if the AWS settings contain none. Raises NoToken if neither can create a token.
    """
    failure = ""
    if programs.find(GO_PROGRAM) is not None:
        with_profile = programs if profile is None else programs.with_environment({"AWS_PROFILE": profile})
        options = ("-r", role) if role is not None else ()
        try:
            done = with_profile.check(GO_PROGRAM, "token", "-i", cluster_id, *options, seconds=_TOKEN_SECONDS)
            text = token_in(done.out)
            if not text.startswith(PREFIX):
                raise ToolError(f"{GO_PROGRAM} printed no token")
            return CallerToken(text, GO_PROGRAM)
        except (ToolError, ParseError) as error:
            failure = error.message
    try:
        made = make_token(cluster_id, role=role, profile=profile, default_region=region or None)
    except TarmakIamError as error:
        reason = f"{failure}, and {error.what}" if failure else f"{GO_PROGRAM} is not on the PATH, and {error.what}"
        raise NoToken(f"no token can be created: {reason}", remedy=error.remedy) from None
    return CallerToken(made.text, _OWN)


def ask_sts(token: str, cluster_id: str, environment: Mapping[str, str], now: datetime | None = None) -> StsAnswer:
    """Sends the request in the token to STS, as the daemon does. Nothing else is sent.

    `environment`: for HTTPS_PROXY and NO_PROXY. Raises ParseError for a text that is not a token.
    """
    url = Presigned.parse(token)
    if url.scheme != "https" or partition_of_host(url.host) is None:
        return StsAnswer(failure=f"{url.host} is not an STS host")
    headers = {"x-k8s-aws-id": cluster_id, "Accept": "application/json"}
    request = urllib.request.Request(_url_in(token), headers=headers)
    _LOGGER.info("ask https://%s for the identity of the token", url.host)
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler(_proxies(environment, url.host)))
    try:
        with opener.open(request, timeout=_STS_SECONDS) as answer:
            return _identity(answer.read(_MAX_ANSWER), url.scope[0], _skew(answer.headers, now))
    except urllib.error.HTTPError as error:
        with error:
            return _error(error.code, error.read(_MAX_ANSWER), _skew(error.headers, now))
    except (OSError, HTTPException, ValueError) as error:  # ValueError: the address of a proxy is not valid
        reason = getattr(error, "reason", error)
        return StsAnswer(failure=f"{url.host} cannot be reached ({type(reason).__name__})")


def with_wrong_signature(token: str) -> str:
    """The same request with a random signature, which nobody that asks AWS accepts."""
    url = _SIGNATURE.sub(rf"\g<1>{secrets.token_hex(32)}", _url_in(token))
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _url_in(token: str) -> str:
    body = token.removeprefix(PREFIX)
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


def _proxies(environment: Mapping[str, str], host: str) -> dict[str, str]:
    given = {name.lower(): value for name, value in environment.items() if value}
    names = [name.strip().lstrip(".") for name in given.get("no_proxy", "").split(",") if name.strip()]
    is_bypassed = any(name in ("*", host) or host.endswith(f".{name}") for name in names)
    return {"https": given["https_proxy"]} if "https_proxy" in given and not is_bypassed else {}


def _identity(body: bytes, access_key_id: str, skew: float | None) -> StsAnswer:
    try:
        result: Any = json.loads(body)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
        identity = Identity(str(result["Arn"]), str(result["Account"]), str(result["UserId"]), access_key_id)
    except (ValueError, LookupError, TypeError):
        return StsAnswer(failure="the answer of STS cannot be read", skew=skew)
    return StsAnswer(identity, skew=skew)


def _error(status: int, body: bytes, skew: float | None) -> StsAnswer:
    """A refusal contains only the error code: the message may contain what was signed. The answer of a proxy, or an
    error that another attempt may not get, is not a refusal."""
    try:
        error: Any = json.loads(body)["Error"]
        code = str(error["Code"])
    except (ValueError, LookupError, TypeError):
        return StsAnswer(failure=f"the answer is HTTP status {status}, without an error of STS", skew=skew)
    if status >= _SERVER_ERROR or code == "Throttling":
        return StsAnswer(failure=f"the answer of STS is {code}", skew=skew)
    known = {
        "ExpiredToken": "the AWS credentials have expired",
        "ExpiredTokenException": "the AWS credentials have expired",
        "InvalidClientTokenId": "AWS does not know the access key",
        "RequestExpired": "the token is too old, or its time is in the future",
        "SignatureDoesNotMatch": "the signature is wrong: another secret key, another cluster ID, or a wrong clock",
    }
    return StsAnswer(refusal=f"{known[code]} ({code})" if code in known else code, skew=skew)


def _skew(headers: Any, now: datetime | None) -> float | None:
    try:
        theirs = parsedate_to_datetime(headers["Date"])
        return ((now or datetime.now(timezone.utc)) - theirs).total_seconds()
    except (TypeError, ValueError):  # no such header, or not a date with a time zone
        return None
