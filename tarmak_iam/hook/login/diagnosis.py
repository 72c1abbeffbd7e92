"""Explains the result of a test login by the answers of the API server and of STS, and the daemon's log.

The explanation helps to find the cause. It never verifies a login.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import NamedTuple

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.emit.artifact import NAME, NAMESPACE, SELECTOR
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import read_live
from tarmak_iam.hook.cluster.rollout import DAEMONSET, PodCheck, pod_troubles, read_rollout
from tarmak_iam.hook.login.caller import CallerToken, StsAnswer
from tarmak_iam.hook.login.review import (
    DISTRUSTED,
    UNREACHED,
    LoginOutcome,
    ReviewResult,
    UserInfo,
    asks_no_authenticator,
    brief,
    is_as,
    judge,
)
from tarmak_iam.identity.model import Answer, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import one_line, quoted, shortened
from tarmak_iam.token import inspect_token

_SECONDS = 60
_LINES = 200
_BYTES = 131072
_MAX_REASON = 200
_CALL_SECONDS = 15.0

# The format of logrus, which the daemon uses: time="..." level=warning msg="access denied" error="..."
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_DENIED = "access denied"

# The answer of STS may contain what was signed. v0.4.0 logs the presigned URL itself, which is a credential.
_BODY = re.compile(r"\.? *Body: .*", re.DOTALL)
_CODE = re.compile(r'"Code" *: *"(\w+)"|<Code>(\w+)</Code>')

_SECRETS = (
    (re.compile(r"k8s-aws-v1\.[\w=-]*"), "<token>"),
    (re.compile(r"(https?://[^/\s?\"'\\]+)[^\s\"'\\]*"), r"\1/<removed>"),
    (re.compile(r"(X-Amz-[\w-]+(?:=|%3D))[^&\s\"'\\]+", re.IGNORECASE), r"\1<removed>"),
    (re.compile(r"\bA[A-Z]{2}A[A-Z0-9]{12,}\b"), "<key>"),
)


def logged_refusal(kubectl: Kubectl, identity: Identity | None) -> Iterator[str]:
    """At most one sentence: the last rejection of the caller, else the last one without an ARN, as when STS could not
    be asked. Nothing if the log may not be read. Raises nothing."""
    options = {
        "namespace": NAMESPACE,
        "selector": ",".join(f"{key}={value}" for key, value in SELECTOR.items()),
        "container": NAME,
        "since": f"{_SECONDS}s",
        "tail": _LINES,
        "limit-bytes": _BYTES,
        "request-timeout": f"{_CALL_SECONDS:.0f}s",
    }
    words = (f"--{name}={value}" for name, value in options.items())
    try:  # the output has the logs of all pods that could be read
        log = replace(kubectl, patience=0.0).run("logs", *words, seconds=2 * _CALL_SECONDS).out
    except TarmakIamError:
        return
    arn = "" if identity is None else identity.arn
    with suppress(ArnError):
        arn = canonicalize(arn)[1]
    refusals = [fields for line in log.splitlines() if (fields := _fields(line)).get("msg") == _DENIED]
    of_caller = [fields for fields in refusals if identity is not None and fields.get("arn", "").lower() == arn.lower()]
    unnamed = [fields for fields in refusals if "arn" not in fields]
    whose = "about this caller" if of_caller else "about a token rejected within the last minute"
    for fields in (of_caller or unnamed)[-1:]:
        yield f"the authenticator's log {whose}: {without_secrets(fields.get('error', _DENIED))}"


def without_secrets(text: str) -> str:
    """A message of the daemon about a token, without tokens, contents of presigned URLs, and access keys."""
    body = _BODY.search(text)
    if body is not None:
        code = _CODE.search(body[0])
        text = text[: body.start()] + (f" ({code[1] or code[2]})" if code else "")
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return shortened(one_line(text), _MAX_REASON)


def _fields(line: str) -> Mapping[str, str]:
    """The fields of a log line by name. logrus writes text or JSON."""
    if line.lstrip().startswith("{"):
        try:
            return {str(key): str(value) for key, value in json.loads(line).items()}
        except (ValueError, RecursionError):
            return {}
    texts = _FIELD.findall(line)
    return {key: re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text for key, text in texts}


class LoginAttempt(NamedTuple):
    """One test login: who the API server says that the caller is (`reviewed`), who AWS does, and the answer of whois,
    None where the caller's identity is unknown."""

    installation: Installation
    kubectl: Kubectl
    token: CallerToken
    reviewed: ReviewResult
    sts: StsAnswer
    expected: Answer | None
    pods: PodCheck

    @property
    def outcome(self) -> LoginOutcome:
        return LoginOutcome.FAILED if self.pods.stale else judge(self.expected, self.reviewed)

    @property
    def is_final(self) -> bool:
        """Whether another attempt would get the same result: the cluster may take time, but AWS's answer is final."""
        if self.outcome is LoginOutcome.CALLER_UNKNOWN:
            return bool(self.sts.refusal)
        return self.outcome in (LoginOutcome.VERIFIED, LoginOutcome.NOT_MAPPED)

    @property
    def who(self) -> str:
        return self.sts.identity.arn if self.sts.identity else "the caller"


def diagnose_login(attempt: LoginAttempt) -> Iterator[str]:
    """Explains the attempt in plain sentences. Raises nothing: what is unknown is reported as unknown."""
    seen, sts, expected, who = attempt.reviewed.seen, attempt.sts, attempt.expected, attempt.who
    outcome = judge(expected, attempt.reviewed)
    if attempt.reviewed.accepts_forged and seen is not None:
        yield f"the API server identifies {who} as {_named(seen.username, seen.groups)}"
        if sts.refusal:
            yield f"but AWS rejects this token: {sts.refusal}"
        else:
            yield "but it also accepts the same token with a wrong signature, which AWS rejects"
        yield (
            "so what answers the API server's webhook does not verify tokens with AWS, and anybody can log in: check "
            "which program listens at the address in the webhook kubeconfig on each master"
        )
    elif outcome is LoginOutcome.VERIFIED and seen is not None:
        yield f"{who} logged in as {_named(seen.username, seen.groups)}, as whois expects"
    elif outcome is LoginOutcome.NOT_MAPPED and expected is not None:
        yield f"the API server rejects {who}, as whois expects: {expected.reason}"
        yield (
            "this does not verify the login of other callers: an authenticator that cannot reach AWS, has another "
            "cluster ID or has no mappings rejects every caller"
        )
        yield from logged_refusal(attempt.kubectl, sts.identity)
        yield from _troubles(attempt)
    elif seen is not None:
        yield f"the API server identifies {who} as {_named(seen.username, seen.groups)}"
        yield _expected(expected)
        yield from _of_another(attempt, seen)
    else:
        yield f"the API server rejects {who}"
        yield from _of_refusal(attempt)


def _of_another(attempt: LoginAttempt, seen: UserInfo) -> Iterator[str]:
    """The caller logged in with another username or groups, or without a mapping."""
    expected = attempt.expected
    if expected is not None and expected.started and not expected.authenticated:
        yield "no mapping matches this caller, but the login succeeds: the mappings file does not grant this access"
    now = _live_answer(attempt)
    if now is None:
        yield "the caller's identity or the cluster's mappings could not be read"
    elif is_as(seen, now):
        diff = attempt.installation.command("diff")
        yield f"the cluster's mappings differ from the file: `{diff}` shows how, `apply` applies the file"
    elif expected is not None and _who(now) == _who(expected):
        yield f"the cluster's objects match the file, so an older authenticator may still run: {_rollout(attempt)}"
    else:
        yield "neither the file nor the cluster explains this: another authenticator may have answered"


def _of_refusal(attempt: LoginAttempt) -> Iterator[str]:
    error, sts = attempt.reviewed.error, attempt.sts
    if attempt.reviewed.is_split:
        yield "a second request succeeded: one API server's authenticator accepts the caller, another one rejects it"
        yield _rollout(attempt)
        yield from _troubles(attempt)
    elif DISTRUSTED.search(error):
        yield f"the API server does not trust the authenticator's certificate: {brief(error)}"
        yield (
            "the webhook kubeconfig on the masters and /var/aws-iam-authenticator/cert.pem were not generated by the "
            "same init: generate both again together, and restart the authenticator and the API server"
        )
    elif UNREACHED.search(error):
        yield f"the API server cannot reach the authenticator: {brief(error)}"
        yield _rollout(attempt)
        yield from _troubles(attempt)
    elif sts.refusal:
        yield f"AWS rejects the token itself: {sts.refusal}"
        if sts.is_skewed and sts.skew is not None:
            ahead = "ahead of" if sts.skew > 0 else "behind"
            yield f"the clock of this machine is {abs(sts.skew):.0f} seconds {ahead} that of AWS: correct it"
    else:
        yield from _of_daemons_no(attempt)


def _of_daemons_no(attempt: LoginAttempt) -> Iterator[str]:
    """The daemon rejected the token, or the API server does not ask a daemon."""
    installation, expected = attempt.installation, attempt.expected
    version = installation.daemon_version
    token = inspect_token(attempt.token.text, now=datetime.now(timezone.utc), partition=installation.partition)
    refusal = token.verdict(version).refusal
    if refusal:
        yield f"authenticator {version} rejects such a token: {refusal}"
        return
    if attempt.sts.failure:
        yield f"the caller's identity is unknown: {attempt.sts.failure}"
    if asks_no_authenticator(attempt.reviewed.error):
        flags = installation.command("flags")
        yield f"the API server seems to ask no authenticator: `{flags}` shows the flag that Tarmak sets on the masters"
    now = _live_answer(attempt)
    if expected is not None:
        yield _expected(expected)
    if now is not None and not now.authenticated:
        yield f"the cluster's objects do not map this caller: {now.reason}"
        if expected is not None and expected.authenticated:
            yield f"`{installation.command('diff')}` shows the difference, and `apply` applies the file"
    elif now is not None:
        yield (
            "the cluster's objects map the caller, so its authenticator runs with other mappings, another cluster ID "
            f"or a wrong clock, or cannot reach AWS: {_rollout(attempt)}"
        )
    yield from logged_refusal(attempt.kubectl, attempt.sts.identity)
    yield from _troubles(attempt)


def _who(answer: Answer) -> tuple[object, ...]:
    return answer.authenticated, answer.username, answer.groups


def _troubles(attempt: LoginAttempt) -> Iterator[str]:
    try:
        yield from pod_troubles(attempt.kubectl, DAEMONSET)
    except TarmakIamError as error:
        yield f"its pods cannot be read: {error.message}"


def _rollout(attempt: LoginAttempt) -> str:
    try:
        return read_rollout(attempt.kubectl, DAEMONSET).text
    except TarmakIamError as error:
        return f"{DAEMONSET} cannot be read: {error.message}"


def _live_answer(attempt: LoginAttempt) -> Answer | None:
    """Who the caller becomes by the cluster's own objects; None where that is unknown. The token is for the
    installation's cluster ID."""
    identity, installation = attempt.sts.identity, attempt.installation
    if identity is None:
        return None
    try:
        live = read_live(attempt.kubectl)
    except TarmakIamError:
        return None
    return live.authenticator(installation, installation.cluster_id).whois(identity)


def _expected(expected: Answer | None) -> str:
    if expected is None:
        return "the result of whois is unknown, because the caller's identity is unknown"
    if expected.authenticated:
        return f"whois expects {_named(expected.username or '', tuple(expected.groups or ()))}: {expected.reason}"
    return f"whois expects a rejection: {expected.reason}"


def _named(username: str, groups: tuple[str, ...]) -> str:
    name = quoted(username)
    if not groups:
        return f"{name} without groups"
    return f"{name} with group{'s' if len(groups) > 1 else ''} {', '.join(groups)}"
