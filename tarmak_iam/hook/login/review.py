"""A test login: a token created as for kubectl, the identity that AWS STS returns for it, the one that an API server
does, and the outcome: only a successful login is verified.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
import secrets
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tarmak_iam.aws.regions import partition_of_host
from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import ParseError, TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, object_in, why
from tarmak_iam.hook.programs import Completed, Programs
from tarmak_iam.identity.model import Answer, Identity
from tarmak_iam.mappings.groups import EVERYONE
from tarmak_iam.text import TextEnum
from tarmak_iam.token import make_token
from tarmak_iam.token.inspection import Presigned, token_in
from tarmak_iam.token.make import PREFIX

_LOGGER = logging.getLogger(__name__)
GO_PROGRAM = "aws-iam-authenticator"
_OWN = "tarmak-iam token"
_TOKEN_SECONDS = 60.0
_STS_SECONDS = 20.0
_MAX_ANSWER = 65536
_OK, _SERVER_ERROR = 200, 500
_REFUSALS = {
    "ExpiredToken": "the AWS credentials have expired",
    "ExpiredTokenException": "the AWS credentials have expired",
    "InvalidClientTokenId": "AWS does not know the access key",
    "RequestExpired": "the token is too old, or its time is in the future",
    "SignatureDoesNotMatch": "the signature is wrong: another secret key, another cluster ID, or a wrong clock",
}
_SIGNATURE = re.compile(r"(X-Amz-Signature=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallerToken:
    """`text` is a credential of the caller, so repr() does not show it. `maker`: the program that created it."""

    text: str = field(repr=False)
    maker: str


@dataclass(frozen=True, slots=True)
class StsAnswer:
    """The identity of the token's caller, or why STS rejects the token (`refusal`), or why it does not answer
    (`failure`). `skew`: seconds by which this machine's clock is ahead of that of STS, None where that is unknown."""

    identity: Identity | None = None
    refusal: str = ""
    failure: str = ""
    skew: float | None = None


class NoToken(ToolError):
    """No token can be created, for example without AWS credentials, so no login can be tried."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, like the authenticator: only the host that was checked gets a request."""

    def redirect_request(self, *_: object) -> None:
        return None


def caller_token(
    programs: Programs, cluster_id: str, *, role: str | None = None, profile: str | None = None, region: str = ""
) -> CallerToken:
    """Creates a token with aws-iam-authenticator if it is on the PATH and works, else with botocore, in `region` if the
    AWS settings contain none. Raises NoToken if neither can create a token."""
    failure = ""
    if programs.find(GO_PROGRAM) is not None:
        more = {} if profile is None else {"AWS_PROFILE": profile}
        with_profile = replace(programs, environment={**programs.environment, **more})
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
    """Sends the request in the token to STS, as the authenticator does. Nothing else is sent. `environment`: for
    HTTPS_PROXY and NO_PROXY. Raises ParseError for a text that is not a token."""
    url = Presigned.parse(token)
    if url.scheme != "https" or partition_of_host(url.host) is None:
        return StsAnswer(failure=f"{url.host} is not an STS host")
    headers = {"x-k8s-aws-id": cluster_id, "Accept": "application/json"}
    request = urllib.request.Request(_url_in(token), headers=headers)
    _LOGGER.info("query https://%s for the identity of the token", url.host)
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler(_proxies(environment, url.host)))
    status = _OK
    try:
        try:
            answer = opener.open(request, timeout=_STS_SECONDS)
        except urllib.error.HTTPError as error:
            answer, status = error, error.code
        with answer:
            body, headers = answer.read(_MAX_ANSWER), answer.headers
    except (OSError, HTTPException, ValueError) as error:  # ValueError: the address of a proxy is not valid
        reason = getattr(error, "reason", error)
        return StsAnswer(failure=f"{url.host} cannot be reached ({type(reason).__name__})")
    skew: float | None = None
    with contextlib.suppress(TypeError, ValueError):  # no such header, or not a date with a time zone
        skew = ((now or datetime.now(timezone.utc)) - parsedate_to_datetime(headers["Date"])).total_seconds()
    try:
        parsed: Any = json.loads(body)
        if status == _OK:
            result = parsed["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
            arn, account, user_id = (str(result[name]) for name in ("Arn", "Account", "UserId"))
            return StsAnswer(Identity(arn, account, user_id, url.scope[0]), skew=skew)
        # Only the error code: the message may contain what was signed.
        code = str(parsed["Error"]["Code"])
    except (ValueError, LookupError, TypeError):
        what = f"the answer is HTTP status {status}, without an error of STS"
        return StsAnswer(failure="the answer of STS cannot be read" if status == _OK else what, skew=skew)
    if status >= _SERVER_ERROR or code == "Throttling":  # another attempt may succeed
        return StsAnswer(failure=f"the answer of STS is {code}", skew=skew)
    return StsAnswer(refusal=f"{_REFUSALS[code]} ({code})" if code in _REFUSALS else code, skew=skew)


def with_wrong_signature(token: str) -> str:
    """The same request with a random signature, which nobody accepts who verifies it with AWS."""
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


_API = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The user that the API server identified. `groups` do not contain system:authenticated, which every user has."""

    username: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """`seen` is None if the token was rejected; `error` is then the API server's error, empty if it reports none.
    `method`: SelfSubjectReview or TokenReview."""

    seen: UserInfo | None
    method: str
    error: str = ""
    is_split: bool = False
    """Whether one request was accepted and another one rejected: by API servers with different authenticators."""
    accepts_forged: bool = False
    """Whether a token is accepted too that AWS rejects: then `seen` says nothing about the mappings."""


def review(kubectl: Kubectl, server: GoVersion, token: str) -> ReviewResult:
    """`kubectl` uses the admin's kubeconfig. The token is never in an argument or an error, and only during the call in
    a file that its owner alone can read. Raises ToolError where the API server does not answer."""
    done = _self_review(kubectl, server, token)
    if done is not None and done.code == 0:
        return ReviewResult(_seen((object_in(done).get("status") or {}).get("userInfo") or {}), "SelfSubjectReview")
    status = _token_review(kubectl, token)
    seen = _seen(status.get("user") or {}) if status.get("authenticated") else None
    if seen is not None and done is not None and "unauthorized" in done.err.lower():
        return ReviewResult(None, "SelfSubjectReview", is_split=True)
    return ReviewResult(seen, "TokenReview", str(status.get("error") or "").replace(token, "<token>"))


def accepts(kubectl: Kubectl, server: GoVersion, method: str, token: str) -> bool:
    """Whether the API server accepts another token, with the method of a `review`. Raises ToolError."""
    done = None if method == "TokenReview" else _self_review(kubectl, server, token)
    if done is None:
        return bool(_token_review(kubectl, token).get("authenticated"))
    if done.code and "unauthorized" not in done.err.lower():
        raise kubectl.failure(done, "create")
    return done.code == 0


def _token_review(kubectl: Kubectl, token: str) -> dict[str, Any]:
    body = {"apiVersion": f"{_API}/v1", "kind": "TokenReview", "spec": {"token": token}}
    done = kubectl.run("create", "-f", "-", "-o", "json", text=json.dumps(body))
    if done.code:
        failure = kubectl.failure(done, "create")
        raise ToolError(f"the TokenReview failed: {why(done)}".replace(token, "<token>"), remedy=failure.remedy)
    status: dict[str, Any] = object_in(done).get("status") or {}
    return status


def _self_review(kubectl: Kubectl, server: GoVersion, token: str) -> Completed | None:
    """Asks as the token's owner, on the cluster of the admin's kubeconfig. None where the API server has no such
    review: below 1.27, as the alpha of 1.26 is off by default."""
    if server.is_below(1, 27):
        return None
    version = "v1beta1" if server.is_below(1, 28) else "v1"
    clusters = kubectl.json("config", "view", "--raw", "--minify", "--flatten").get("clusters") or []
    if not clusters:
        remedy = "specify another one with --kubeconfig or --context"
        raise ToolError("the kubeconfig contains no cluster", remedy=remedy)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": clusters[0]["cluster"]}],
        "users": [{"name": "caller", "user": {"token": token}}],
        "contexts": [{"name": "caller", "context": {"cluster": "cluster", "user": "caller"}}],
        "current-context": "caller",
    }
    body = json.dumps({"apiVersion": f"{_API}/{version}", "kind": "SelfSubjectReview"})
    with tempfile.TemporaryDirectory(prefix="tarmak-iam-") as directory:
        path = Path(directory) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")
        caller = replace(kubectl, kubeconfig=path, context=None)
        return caller.run("create", "--raw", f"/apis/{_API}/{version}/selfsubjectreviews", "-f", "-", text=body)


def _seen(user: dict[str, Any]) -> UserInfo:
    groups = tuple(group for group in user.get("groups") or () if group != EVERYONE)
    extra = {str(key): tuple(map(str, values)) for key, values in (user.get("extra") or {}).items()}
    return UserInfo(str(user.get("username", "")), groups, str(user.get("uid", "")), extra)


# Go's errors when the API server cannot reach the daemon, which listens on the same host.
UNREACHED = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|no route to host|connection reset|\bEOF\b",
    re.IGNORECASE,
)

DISTRUSTED = re.compile(r"x509|tls:|certificate", re.IGNORECASE)
_OF_EVERY_TOKEN = "invalid bearer token"  # noqa: S105 # no password


class LoginOutcome(TextEnum):
    """VERIFIED: the caller has a mapping, and logged in as whois expects. NOT_MAPPED: the caller was rejected, as whois
    expects or considers possible: this says nothing about mapped callers, because an authenticator that cannot reach
    STS, has another cluster ID or has no mappings rejects every caller. CALLER_UNKNOWN: there are no AWS credentials,
    AWS rejects them, or STS did not return their identity. FAILED: anything else, or pods run another configuration
    than the cluster's."""

    VERIFIED = "verified"
    NOT_MAPPED = "not mapped"
    CALLER_UNKNOWN = "caller unknown"
    FAILED = "failed"


def judge(expected: Answer | None, reviewed: ReviewResult) -> LoginOutcome:
    """`expected` is the answer of whois, with all alternatives of the authenticator; None for an unknown caller."""
    seen = reviewed.seen
    error = reviewed.error
    is_unreached = bool(UNREACHED.search(error) or DISTRUSTED.search(error)) or asks_no_authenticator(error)
    if seen is None and (reviewed.is_split or is_unreached):
        return LoginOutcome.FAILED
    if reviewed.accepts_forged:
        return LoginOutcome.FAILED
    if expected is None:
        return LoginOutcome.CALLER_UNKNOWN
    possible = (expected, *expected.alternatives)
    if seen is not None:
        return LoginOutcome.VERIFIED if any(is_as(seen, answer) for answer in possible) else LoginOutcome.FAILED
    may_be_refused = expected.started and any(not answer.authenticated for answer in possible)
    return LoginOutcome.NOT_MAPPED if may_be_refused else LoginOutcome.FAILED


def is_as(seen: UserInfo, answer: Answer) -> bool:
    """Whether the API server identifies the caller as whois expects."""
    if not answer.authenticated:
        return False
    return seen.username == (answer.username or "") and set(seen.groups) == set(answer.groups or ())


def asks_no_authenticator(error: str) -> bool:
    """Every API server reports an invalid token first; the error of a webhook comes after that."""
    return not error.replace(_OF_EVERY_TOKEN, "").strip("[], ")


def brief(error: str) -> str:
    """Go's error without the beginning that all of them share."""
    return error.removeprefix("[").removesuffix("]").removeprefix(f"{_OF_EVERY_TOKEN}, ")
