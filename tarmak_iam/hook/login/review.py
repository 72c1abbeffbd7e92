"""Asks an API server for the identity of a token, and judges the test login: only a successful one is verified."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, object_in, why
from tarmak_iam.hook.programs import Completed
from tarmak_iam.identity.model import Answer
from tarmak_iam.mappings.groups import EVERYONE
from tarmak_iam.text import TextEnum

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
    """Whether one request was accepted and another one rejected: by API servers that ask different daemons."""
    accepts_forged: bool = False
    """Whether a token is accepted too that AWS rejects: then `seen` says nothing about the mappings."""


def review(kubectl: Kubectl, server: GoVersion, token: str) -> ReviewResult:
    """`kubectl` uses the admin's kubeconfig. The token is never in an argument or an error, and only during the call in
    a file that its owner alone can read. Raises ToolError where the API server cannot be asked."""
    own_version = _self_review_version(server)
    if own_version is not None:
        with _kubectl_of(kubectl, token) as caller:
            done = _self_review(caller, own_version)
        if done.code == 0:
            return ReviewResult(_seen((object_in(done).get("status") or {}).get("userInfo") or {}), "SelfSubjectReview")
    status = _token_review(kubectl, token)
    seen = _seen(status.get("user") or {}) if status.get("authenticated") else None
    if seen is not None and own_version is not None and "unauthorized" in done.err.lower():
        return ReviewResult(None, "SelfSubjectReview", is_split=True)
    return ReviewResult(seen, "TokenReview", str(status.get("error") or "").replace(token, "<token>"))


def accepts(kubectl: Kubectl, server: GoVersion, method: str, token: str) -> bool:
    """Whether the API server accepts another token, asked with the method that a `review` has used. Raises ToolError
    where it cannot be asked."""
    version = _self_review_version(server)
    if method == "TokenReview" or version is None:
        return bool(_token_review(kubectl, token).get("authenticated"))
    with _kubectl_of(kubectl, token) as caller:
        done = _self_review(caller, version)
    if done.code and "unauthorized" not in done.err.lower():
        raise kubectl.failure(done, "create")
    return done.code == 0


def _self_review_version(server: GoVersion) -> str | None:
    """v1 in 1.28 and later, v1beta1 in 1.27; the alpha of 1.26 is off by default."""
    if server.is_below(1, 27):
        return None
    return "v1beta1" if server.is_below(1, 28) else "v1"


def _token_review(kubectl: Kubectl, token: str) -> dict[str, Any]:
    body = {"apiVersion": f"{_API}/v1", "kind": "TokenReview", "spec": {"token": token}}
    done = kubectl.run("create", "-f", "-", "-o", "json", text=json.dumps(body))
    if done.code:
        failure = kubectl.failure(done, "create")
        raise ToolError(f"the TokenReview failed: {why(done)}".replace(token, "<token>"), remedy=failure.remedy)
    status: dict[str, Any] = object_in(done).get("status") or {}
    return status


def _self_review(caller: Kubectl, version: str) -> Completed:
    body = json.dumps({"apiVersion": f"{_API}/{version}", "kind": "SelfSubjectReview"})
    return caller.run("create", "--raw", f"/apis/{_API}/{version}/selfsubjectreviews", "-f", "-", text=body)


@contextmanager
def _kubectl_of(kubectl: Kubectl, token: str) -> Iterator[Kubectl]:
    """kubectl as the token's owner, on the cluster of the admin's kubeconfig."""
    view = kubectl.json("config", "view", "--raw", "--minify", "--flatten")
    clusters = view.get("clusters") or []
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
    with tempfile.TemporaryDirectory(prefix="tarmak-iam-") as directory:
        path = Path(directory) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")
        yield replace(kubectl, kubeconfig=path, context=None)


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
    """VERIFIED: the caller has a mapping, and logged in as whois expects.

    NOT_MAPPED: the caller was rejected, as whois expects or considers possible. A daemon that cannot reach STS, has
    another cluster ID or has no mappings rejects callers in the same way, so this says nothing about mapped callers.

    CALLER_UNKNOWN: there are no AWS credentials, AWS rejects them, or STS could not be asked for their identity.

    FAILED: a mapped caller was rejected, or logged in with another username or groups; a caller without a mapping
    logged in; a token was accepted that AWS rejects; the authenticator was not reached; or pods run another
    configuration than the cluster's.
    """

    VERIFIED = "verified"
    NOT_MAPPED = "not mapped"
    CALLER_UNKNOWN = "caller unknown"
    FAILED = "failed"


def judge(expected: Answer | None, reviewed: ReviewResult) -> LoginOutcome:
    """`expected` is the answer of whois, with all alternatives of the daemon; None for an unknown caller."""
    seen = reviewed.seen
    if seen is None and (reviewed.is_split or is_unreached(reviewed.error)):
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


def is_unreached(error: str) -> bool:
    """Whether the API server got no answer from the daemon, or does not ask one."""
    return bool(UNREACHED.search(error) or DISTRUSTED.search(error)) or asks_no_authenticator(error)


def asks_no_authenticator(error: str) -> bool:
    """Every API server reports an invalid token first; the error of a webhook comes after that."""
    return not error.replace(_OF_EVERY_TOKEN, "").strip("[], ")


def brief(error: str) -> str:
    """Go's error without the beginning that all of them share."""
    return error.removeprefix("[").removesuffix("]").removeprefix(f"{_OF_EVERY_TOKEN}, ")
