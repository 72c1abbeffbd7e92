"""Why a login that was tried came to what it did: the API server's answer, STS's, the daemon's own log.

This is evidence for whoever looks for the reason. It never verifies a login.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.emit.labels import NAME, NAMESPACE, SELECTOR
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import LiveMappings, read_live
from tarmak_iam.hook.cluster.rollout import DAEMONSET, pod_troubles, read_rollout
from tarmak_iam.hook.login.caller import StsAnswer
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


# As logrus writes it, which the daemon logs with: time="..." level=warning msg="access denied" error="..."
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')

_DENIED = "access denied"


# STS's answer may quote what was signed; v0.4.0 logs the presigned URL itself, with which anybody could log in.
_BODY = re.compile(r"\.? *Body: .*", re.DOTALL)

_CODE = re.compile(r'"Code" *: *"(\w+)"|<Code>(\w+)</Code>')

_SECRETS = (
    (re.compile(r"k8s-aws-v1\.[\w=-]*"), "<token>"),
    (re.compile(r"(https?://[^/\s?\"'\\]+)[^\s\"'\\]*"), r"\1/<removed>"),
    (re.compile(r"(X-Amz-[\w-]+(?:=|%3D))[^&\s\"'\\]+", re.IGNORECASE), r"\1<removed>"),
    (re.compile(r"\bA[A-Z]{2}A[A-Z0-9]{12,}\b"), "<key>"),
)


def logged_refusal(kubectl: Kubectl, identity: Identity | None) -> Iterator[str]:
    """One sentence at most: the last refusal of the caller, else the last one that names nobody, as where STS could
    not be asked. Nothing where the log may not be read. Raises nothing."""
    text = _recent_log(kubectl)
    refusals = [fields for line in text.splitlines() if (fields := _fields(line)).get("msg") == _DENIED]
    own = [each for each in refusals if identity is not None and each.get("arn", "").lower() == _canonical(identity)]
    unnamed = [each for each in refusals if "arn" not in each]
    if own:
        yield f"the authenticator's log says of this caller: {_reason(own[-1])}"
    elif unnamed:
        yield f"the authenticator's log says of a token that it refused within the last minute: {_reason(unnamed[-1])}"


def without_secrets(text: str) -> str:
    """What the daemon says of a token, without tokens, what is in presigned URLs, and access keys."""
    body = _BODY.search(text)
    if body is not None:
        code = _CODE.search(body[0])
        text = text[: body.start()] + (f" ({code[1] or code[2]})" if code else "")
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return shortened(one_line(text), _MAX_REASON)


def _recent_log(kubectl: Kubectl) -> str:
    at_once = replace(kubectl, patience=0.0)
    selector = ",".join(f"{key}={value}" for key, value in SELECTOR.items())
    try:
        done = at_once.run(
            "logs",
            f"--namespace={NAMESPACE}",
            f"--selector={selector}",
            f"--container={NAME}",
            f"--since={_SECONDS}s",
            f"--tail={_LINES}",
            f"--limit-bytes={_BYTES}",
            f"--request-timeout={_CALL_SECONDS:.0f}s",
            seconds=2 * _CALL_SECONDS,
        )
    except TarmakIamError:
        return ""
    return done.out  # of the pods whose log could be read, also where another one's could not


def _fields(line: str) -> Mapping[str, str]:
    """By name; logrus writes text or JSON."""
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        return {str(key): str(value) for key, value in found.items()}
    return {name: _unquoted(value) for name, value in _FIELD.findall(line)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _reason(fields: Mapping[str, str]) -> str:
    return without_secrets(fields.get("error", _DENIED))


def _canonical(identity: Identity) -> str:
    try:
        return canonicalize(identity.arn)[1].lower()
    except ArnError:
        return identity.arn.lower()


@dataclass(frozen=True, slots=True)
class LoginEvidence:
    """What one attempt has shown, and where more can be asked."""

    installation: Installation
    kubectl: Kubectl
    token: str = field(repr=False)
    reviewed: ReviewResult
    sts: StsAnswer
    identity: Identity | None


def diagnose_login(evidence: LoginEvidence, expected: Answer | None) -> Iterator[str]:
    """In plain sentences. Raises nothing: what cannot be found out is said to be so."""
    seen = evidence.reviewed.seen
    who = evidence.identity.arn if evidence.identity else "the caller"
    outcome = judge(expected, evidence.reviewed)
    if outcome is LoginOutcome.VERIFIED and seen is not None:
        yield f"{who} is {_named(seen.username, seen.groups)}, as whois says"
    elif outcome is LoginOutcome.NOT_MAPPED and expected is not None:
        yield f"the API server does not let {who} in, as whois expects: {expected.reason}"
        yield from _of_expected_refusal(evidence)
    elif seen is not None:
        yield f"the API server takes {who} for {_named(seen.username, seen.groups)}"
        yield _expected(expected)
        yield from _of_another(evidence, expected, seen)
    else:
        yield f"the API server does not let {who} in"
        yield from _of_refusal(evidence, expected)


def _of_expected_refusal(evidence: LoginEvidence) -> Iterator[str]:
    yield (
        "this shows nothing about anybody else: an authenticator that cannot reach AWS, has another cluster id or no "
        "mappings refuses everybody"
    )
    yield from logged_refusal(evidence.kubectl, evidence.identity)
    yield from _of_daemon(evidence, only_troubles=True)


def _of_another(evidence: LoginEvidence, expected: Answer | None, seen: UserInfo) -> Iterator[str]:
    """The caller got in as somebody else, or although nobody maps the caller."""
    if expected is not None and expected.started and not expected.authenticated:
        yield "no mapping names this caller, who can log in all the same: this is access that nobody has granted here"
    live = _live(evidence)
    now = _live_answer(evidence, live)
    if evidence.identity is None or live is None or now is None:
        yield "who the caller is, or what the cluster maps, could not be found out"
    elif is_as(seen, now):
        yield f"the cluster has other mappings than the file: `{_diff(evidence)}` shows them, `apply` brings the file's"
    elif expected is not None and _same(now, expected):
        yield f"the cluster's objects say what the file says, so an older daemon may still run: {_rollout(evidence)}"
    else:
        yield "neither file nor cluster explain that: another authenticator may have answered"


def _of_refusal(evidence: LoginEvidence, expected: Answer | None) -> Iterator[str]:
    error = evidence.reviewed.error
    if evidence.reviewed.is_split:
        yield "asked a second time it does: one API server's authenticator lets the caller in, another one's does not"
        yield from _of_daemon(evidence)
        return
    if DISTRUSTED.search(error):
        yield f"it does not trust the authenticator's certificate: {brief(error)}"
        yield (
            "the webhook kubeconfig on the masters and /var/aws-iam-authenticator/cert.pem are not of one init: "
            "make them anew together, and restart both"
        )
        return
    if UNREACHED.search(error):
        yield f"it cannot reach the authenticator: {brief(error)}"
        yield from _of_daemon(evidence)
        return
    if evidence.sts.refusal:
        yield from _of_sts(evidence)
        return
    yield from _of_daemons_no(evidence, expected)


def _of_sts(evidence: LoginEvidence) -> Iterator[str]:
    sts = evidence.sts
    yield f"AWS does not take the token itself: {sts.refusal}"
    if sts.is_skewed and sts.skew is not None:
        ahead = "ahead of" if sts.skew > 0 else "behind"
        yield f"the clock of this machine is {abs(sts.skew):.0f} seconds {ahead} AWS's: set it right"


def _of_daemons_no(evidence: LoginEvidence, expected: Answer | None) -> Iterator[str]:
    """The daemon was asked, and said no, or the API server does not ask one."""
    version = evidence.installation.daemon_version
    found = inspect_token(evidence.token, now=datetime.now(timezone.utc), partition=evidence.installation.partition)
    refusal = found.verdict(version).refusal
    if refusal:
        yield f"authenticator {version} refuses such a token: {refusal}"
        return
    if evidence.sts.failure:
        yield f"who the caller is cannot be told: {evidence.sts.failure}"
    if asks_no_authenticator(evidence.reviewed.error):
        flags = evidence.installation.command("flags")
        yield f"it seems to ask no authenticator: `{flags}` shows the flag that Tarmak sets on the masters"
    live = _live(evidence)
    now = _live_answer(evidence, live)
    if expected is not None:
        yield _expected(expected)
    if now is not None and not now.authenticated:
        yield f"the cluster's own objects let nobody of that name in: {now.reason}"
        if expected is not None and expected.authenticated:
            yield f"`{_diff(evidence)}` shows the difference, `apply` brings the file's mappings"
    elif now is not None:
        yield (
            "the cluster's objects would let the caller in, so its daemon runs with others, with another cluster id or "
            f"a clock that is off, or cannot ask AWS: {_rollout(evidence)}"
        )
    yield from logged_refusal(evidence.kubectl, evidence.identity)
    yield from _of_daemon(evidence, only_troubles=True)


def _diff(evidence: LoginEvidence) -> str:
    return evidence.installation.command("diff")


def _of_daemon(evidence: LoginEvidence, *, only_troubles: bool = False) -> Iterator[str]:
    if not only_troubles:
        yield _rollout(evidence)
    try:
        yield from pod_troubles(evidence.kubectl, DAEMONSET)
    except TarmakIamError as error:
        yield f"its pods cannot be asked: {error.message}"


def _rollout(evidence: LoginEvidence) -> str:
    try:
        return read_rollout(evidence.kubectl, DAEMONSET).text
    except TarmakIamError as error:
        return f"the {DAEMONSET} cannot be read: {error.message}"


def _live(evidence: LoginEvidence) -> LiveMappings | None:
    try:
        return read_live(evidence.kubectl)
    except TarmakIamError:
        return None


def _live_answer(evidence: LoginEvidence, live: LiveMappings | None) -> Answer | None:
    """What the cluster's own objects make of the caller, whose token is for our cluster id."""
    if live is None or evidence.identity is None:
        return None
    made = evidence.installation
    return live.authenticator(made, made.cluster_id).whois(evidence.identity)


def _same(one: Answer, other: Answer) -> bool:
    return (one.authenticated, one.username, one.groups) == (other.authenticated, other.username, other.groups)


def _expected(expected: Answer | None) -> str:
    if expected is None:
        return "what whois would say is not known, since nobody knows who the caller is"
    if expected.authenticated:
        return f"whois says {_named(expected.username or '', tuple(expected.groups or ()))}: {expected.reason}"
    return f"whois says nobody: {expected.reason}"


def _named(username: str, groups: tuple[str, ...]) -> str:
    name = quoted(username)
    return f"{name} with {', '.join(groups)}" if groups else f"{name} without groups"
