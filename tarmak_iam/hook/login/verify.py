"""Verifies a login: creates a token as the caller, has the API server identify it, and compares with `whois`.

The answers of the API server and of STS, and the authenticator's log, explain the result. They never verify a login.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import NamedTuple

from tarmak_iam.access.diff import Loaded, who
from tarmak_iam.access.lockout import is_admin, is_for_nodes, is_instance
from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_sso_role
from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.emit.artifact import NAME, NAMESPACE, SELECTOR
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import read_live
from tarmak_iam.hook.cluster.pods import DAEMONSET, PodCheck, check_pods, read_rollout
from tarmak_iam.hook.cluster.rollout import pod_troubles
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.login.review import (
    DISTRUSTED,
    UNREACHED,
    CallerToken,
    LoginOutcome,
    NoToken,
    ReviewResult,
    StsAnswer,
    UserInfo,
    accepts,
    ask_sts,
    asks_no_authenticator,
    brief,
    caller_token,
    is_as,
    judge,
    review,
    with_wrong_signature,
)
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.identity.model import Answer, Grant, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import one_line, quoted, shortened
from tarmak_iam.token import inspect_token

_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A principal for a verification. `text` names it; `role` is its ARN if `--role` can assume it, else empty."""

    text: str
    role: str = ""


def candidates(installation: Installation) -> tuple[Candidate, ...]:
    """Roles that can be assumed come first, admins among them before others. Nodes are skipped: only instances can be
    them."""
    if installation.mappings is None:
        return ()
    grants = Loaded.of(installation).standings.grants
    usable = [(grant, _role(grant)) for grant in grants if not (is_for_nodes(grant) or is_instance(grant))]
    ordered = sorted(usable, key=lambda pair: (not pair[1], not is_admin(pair[0])))
    return tuple(Candidate(one_line(who(grant.kind, grant.principal)), role) for grant, role in ordered)


def advice(possible: tuple[Candidate, ...]) -> str:
    """The remedy, as part of a message."""
    if not possible:
        return "no mapping can be used for a verification"
    names = ", ".join(candidate.text for candidate in possible[:_MAX_NAMED])
    more = f" or {len(possible) - _MAX_NAMED} more" if len(possible) > _MAX_NAMED else ""
    which = "as" if len(possible) == 1 else "as one of:"
    return f"verify {which} {names}{more}, with --role ARN or AWS_PROFILE"


def _role(grant: Grant) -> str:
    """Roles of IAM Identity Center can only be assumed through its own login."""
    with suppress(ArnError):
        is_usable = grant.kind == "arn" and not is_sso_role(grant.principal.rpartition("/")[2])
        return grant.principal if is_usable and canonicalize(grant.principal)[0] is Principal.ROLE else ""
    return ""


VERIFY_SECONDS = 60.0
"""Enough for pods that have just been replaced, and for backends that read objects some seconds later."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a test login. `expected` is the answer of whois, None where the caller's identity is unknown. `got`
    is whom the API server identified, None for a rejection. `diagnosis` explains what was found, and the cause of a
    difference. `why` says in one line why the login is not verified. `candidates`: principals for a verification.
    `maker` created the token; `method` is the kind of the review."""

    outcome: LoginOutcome
    expected: Answer | None
    got: UserInfo | None
    diagnosis: tuple[str, ...]
    why: str = ""
    identity: Identity | None = None
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)
    maker: str = ""
    method: str = ""
    recovery_hint: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return self.outcome is LoginOutcome.VERIFIED

    @property
    def options(self) -> tuple[str, ...]:
        """Options of `verify` for a login as a mapped role; none if other credentials are required, or there are
        none."""
        role = self.candidates[0].role if self.candidates and self.maker else ""
        return ("--role", role) if role else ()


def verify_login(
    installation: Installation,
    kubectl: Kubectl,
    *,
    seconds: float = VERIFY_SECONDS,
    tell: Progress = no_progress,
    pause: float = 3.0,
) -> Verified:
    """The caller is chosen by the AWS settings, and by `role` and `profile` in the cluster's settings. `kubectl` uses
    the admin's kubeconfig. A failed login is tried again for up to `seconds`, each time with a new token, because the
    API server caches the answer for a token for two minutes. With `kubectl.must_be_up`, `seconds` also limits the wait
    for an API server that cannot be reached. Raises ToolError if the API server does not answer."""
    installation.check_masters()
    deadline, is_announced = kubectl.clock() + seconds, False
    asked = replace(kubectl, until=deadline) if kubectl.must_be_up else kubectl
    version = asked.versions()[1]
    possible, hint = candidates(installation), installation.recovery_hint
    while True:
        try:
            attempt = _attempted(installation, asked, version)
        except NoToken as error:  # no login was tried; the pods of the cluster are checked anyway
            pods = _pods(asked)
            lines = _lines(pods)
            outcome, why = LoginOutcome.CALLER_UNKNOWN, f"{error}; {advice(possible)}"
            if pods.stale:
                lines = (str(error), *lines)
                outcome, why = LoginOutcome.FAILED, "; ".join(lines)
            return Verified(outcome, None, None, lines, why, candidates=possible, recovery_hint=hint)
        if attempt.is_final or kubectl.clock() + pause > deadline:
            break
        if not is_announced:
            tell(f"the login is not as expected yet; trying again for up to {seconds:.0f} seconds")
            is_announced = True
        kubectl.sleep(pause)
    diagnosis = (*diagnose_login(attempt), *_lines(attempt.pods))
    return Verified(
        outcome=attempt.outcome,
        expected=attempt.expected,
        got=attempt.reviewed.seen,
        diagnosis=diagnosis,
        why=_why(attempt, diagnosis, advice(possible)),
        identity=attempt.sts.identity,
        candidates=possible,
        maker=attempt.token.maker,
        method=attempt.reviewed.method,
        recovery_hint=hint,
    )


def _attempted(installation: Installation, kubectl: Kubectl, version: GoVersion) -> LoginAttempt:
    """`version` is that of the API server. Raises NoToken and ToolError."""
    role, profile = installation.settings.role, installation.settings.profile
    cluster_id, programs = installation.cluster_id, kubectl.programs
    token = caller_token(programs, cluster_id, role=role, profile=profile, region=installation.region)
    reviewed = review(kubectl, version, token.text)
    # Not from the answer: what answers may be another program than the authenticator.
    sts = ask_sts(token.text, cluster_id, programs.environment)
    if reviewed.seen is not None:
        forged = with_wrong_signature(token.text)
        is_accepted = bool(sts.refusal) or accepts(kubectl, version, reviewed.method, forged)
        reviewed = replace(reviewed, accepts_forged=is_accepted)
    expected: Answer | None = None
    if sts.identity is not None and installation.mappings is None:
        expected = Answer(started=True, reason="the mappings file does not exist")
    elif sts.identity is not None:
        # Only the daemon can ask EC2 for the name of an instance: the name that it returns is used.
        session, names = sts.identity.user_id.rpartition(":")[2], {}
        if reviewed.seen is not None and session.startswith("i-"):
            names = {session: reviewed.seen.username.rpartition(":")[2]}
        expected = installation.authenticator(private_dns_names=names).whois(sts.identity)
    return LoginAttempt(installation, kubectl, token, reviewed, sts, expected, _pods(kubectl))


def _why(attempt: LoginAttempt, diagnosis: tuple[str, ...], advised: str) -> str:
    if attempt.outcome in (LoginOutcome.VERIFIED, LoginOutcome.FAILED):
        return "; ".join(diagnosis) if attempt.outcome is LoginOutcome.FAILED else ""
    if attempt.outcome is LoginOutcome.CALLER_UNKNOWN:
        reason = attempt.sts.refusal and f"AWS rejects the token: {attempt.sts.refusal}"
        return f"{reason or f'your identity is unknown: {attempt.sts.failure}'}; {advised}"
    possible = () if attempt.expected is None else (attempt.expected, *attempt.expected.alternatives)
    if any(answer.authenticated for answer in possible):
        return f"the authenticator decides at random whether you ({attempt.who}) can log in; {advised}"
    role = attempt.installation.settings.role
    of_role = f", and `role` is set to {role}" if role else ""
    return f"you ({attempt.who}) are not mapped{of_role}; {advised}"


def _pods(kubectl: Kubectl) -> PodCheck:
    try:
        return check_pods(Server.of(kubectl))
    except TarmakIamError as error:
        return PodCheck(notes=(f"the configuration that the pods run could not be read: {error.message}",))


def _lines(pods: PodCheck) -> tuple[str, ...]:
    """Lines about pods that run another configuration than the cluster's, and about what could not be checked."""
    return (*(stale.text for stale in pods.stale), *pods.notes)


_LOG_OPTIONS = ("--since=60s", "--tail=200", "--limit-bytes=131072", "--request-timeout=15s")
_MAX_REASON = 200
# STS accepts a signature for 15 minutes in both directions, less some seconds for the call and its answer.
_MAX_SKEW = 840.0

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
    """At most one sentence: the last rejection of the caller, else the last one without an ARN, as when STS did
    not answer. Nothing if the log may not be read. Raises nothing."""
    selector = ",".join(f"{key}={value}" for key, value in SELECTOR.items())
    words = (f"--namespace={NAMESPACE}", f"--selector={selector}", f"--container={NAME}", *_LOG_OPTIONS)
    try:  # the output has the logs of all pods that could be read
        log = replace(kubectl, patience=0.0).run("logs", *words, seconds=30).out
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
    """A message of the authenticator about a token, without tokens, contents of presigned URLs, and access keys."""
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
        with suppress(ValueError, RecursionError):
            return {str(key): str(value) for key, value in json.loads(line).items()}
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
        """The cluster may take time, but AWS's answer is final."""
        is_refused = self.outcome is LoginOutcome.CALLER_UNKNOWN and bool(self.sts.refusal)
        return is_refused or self.outcome in (LoginOutcome.VERIFIED, LoginOutcome.NOT_MAPPED)

    @property
    def who(self) -> str:
        return self.sts.identity.arn if self.sts.identity else "the caller"


def diagnose_login(attempt: LoginAttempt) -> Iterator[str]:
    """Explains the attempt in plain sentences. Raises nothing: what is unknown is reported as unknown."""
    seen, sts, expected, who = attempt.reviewed.seen, attempt.sts, attempt.expected, attempt.who
    outcome = judge(expected, attempt.reviewed)
    named = "" if seen is None else _named(seen.username, seen.groups)
    if attempt.reviewed.accepts_forged and seen is not None:
        yield f"the API server identifies {who} as {named}"
        wrong = "but it also accepts the same token with a wrong signature, which AWS rejects"
        yield f"but AWS rejects this token: {sts.refusal}" if sts.refusal else wrong
        yield (
            "so the webhook does not verify tokens with AWS, and anybody can log in: check which program listens at "
            "the address in the webhook kubeconfig on each master"
        )
    elif outcome is LoginOutcome.VERIFIED:
        yield f"{who} logged in as {named}, as whois expects"
    elif outcome is LoginOutcome.NOT_MAPPED and expected is not None:
        yield f"the API server rejects {who}, as whois expects: {expected.reason}"
        yield (
            "this does not verify the login of other callers: an authenticator that cannot reach AWS, has another "
            "cluster ID or has no mappings rejects every caller"
        )
        yield from logged_refusal(attempt.kubectl, sts.identity)
        yield from _troubles(attempt.kubectl)
    elif seen is not None:
        yield f"the API server identifies {who} as {named}"
        yield _expected(expected)
        yield from _of_another(attempt, seen)
    else:
        yield f"the API server rejects {who}"
        yield from _of_refusal(attempt)


def _of_another(attempt: LoginAttempt, seen: UserInfo) -> Iterator[str]:
    """The caller logged in with another username or groups, or without a mapping."""
    expected, now = attempt.expected, _live_answer(attempt)
    if expected is not None and expected.started and not expected.authenticated:
        yield "no mapping matches this caller, but the login succeeds: the mappings file does not grant this access"
    if now is None:
        yield "the caller's identity or the cluster's mappings could not be read"
    elif is_as(seen, now):
        diff = attempt.installation.command("diff")
        yield f"the cluster's mappings differ from the file: `{diff}` shows how, `apply` applies the file"
    elif expected is not None and _who(now) == _who(expected):
        rollout = _rollout(attempt.kubectl)
        yield f"the cluster's objects match the file, so an older authenticator may still run: {rollout}"
    else:
        yield "neither the file nor the cluster explains this: another authenticator may have answered"


def _of_refusal(attempt: LoginAttempt) -> Iterator[str]:
    error, sts, is_split = attempt.reviewed.error, attempt.sts, attempt.reviewed.is_split
    if DISTRUSTED.search(error):
        yield f"the API server does not trust the authenticator's certificate: {brief(error)}"
        yield (
            "the webhook kubeconfig on the masters and /var/aws-iam-authenticator/cert.pem were not generated by the "
            "same init: generate both again together, and restart the authenticator and the API server"
        )
    elif is_split or UNREACHED.search(error):
        split = "a second request succeeded: one API server's authenticator accepts the caller, another one rejects it"
        yield split if is_split else f"the API server cannot reach the authenticator: {brief(error)}"
        yield _rollout(attempt.kubectl)
        yield from _troubles(attempt.kubectl)
    elif sts.refusal:
        yield f"AWS rejects the token itself: {sts.refusal}"
        if sts.skew is not None and abs(sts.skew) > _MAX_SKEW:
            ahead = "ahead of" if sts.skew > 0 else "behind"
            yield f"the clock of this machine is {abs(sts.skew):.0f} seconds {ahead} that of AWS: correct it"
    else:
        yield from _of_daemons_no(attempt)


def _of_daemons_no(attempt: LoginAttempt) -> Iterator[str]:
    """The authenticator rejected the token, or the API server does not use one."""
    installation, expected = attempt.installation, attempt.expected
    version, now = installation.daemon_version, datetime.now(timezone.utc)
    token = inspect_token(attempt.token.text, now=now, partition=installation.partition)
    if refusal := token.verdict(version).refusal:
        yield f"authenticator {version} rejects such a token: {refusal}"
        return
    if attempt.sts.failure:
        yield f"the caller's identity is unknown: {attempt.sts.failure}"
    if asks_no_authenticator(attempt.reviewed.error):
        flags = installation.command("flags")
        yield f"the API server seems to use no authenticator: `{flags}` shows the flag that Tarmak sets on the masters"
    live = _live_answer(attempt)
    if expected is not None:
        yield _expected(expected)
    if live is not None and not live.authenticated:
        yield f"the cluster's objects do not map this caller: {live.reason}"
        if expected is not None and expected.authenticated:
            yield f"`{installation.command('diff')}` shows the difference, and `apply` applies the file"
    elif live is not None:
        yield (
            "the cluster's objects map the caller, so the running authenticator has other mappings, another cluster ID "
            f"or a wrong clock, or cannot reach AWS: {_rollout(attempt.kubectl)}"
        )
    yield from logged_refusal(attempt.kubectl, attempt.sts.identity)
    yield from _troubles(attempt.kubectl)


def _who(answer: Answer) -> tuple[object, ...]:
    return answer.authenticated, answer.username, answer.groups


def _troubles(kubectl: Kubectl) -> tuple[str, ...]:
    try:
        return pod_troubles(kubectl, DAEMONSET)
    except TarmakIamError as error:
        return (f"its pods cannot be read: {error.message}",)


def _rollout(kubectl: Kubectl) -> str:
    try:
        return read_rollout(kubectl, DAEMONSET).text
    except TarmakIamError as error:
        return f"{DAEMONSET} cannot be read: {error.message}"


def _live_answer(attempt: LoginAttempt) -> Answer | None:
    """Who the caller becomes by the cluster's own objects; None where that is unknown."""
    installation = attempt.installation
    with suppress(TarmakIamError):
        if attempt.sts.identity is not None:
            daemon = read_live(attempt.kubectl).authenticator(installation, installation.cluster_id)
            return daemon.whois(attempt.sts.identity)
    return None


def _expected(expected: Answer | None) -> str:
    if expected is None:
        return "the result of whois is unknown, because the caller's identity is unknown"
    if expected.authenticated:
        return f"whois expects {_named(expected.username or '', tuple(expected.groups or ()))}: {expected.reason}"
    return f"whois expects a rejection: {expected.reason}"


def _named(username: str, groups: tuple[str, ...]) -> str:
    if not groups:
        return f"{quoted(username)} without groups"
    return f"{quoted(username)} with group{'s' if len(groups) > 1 else ''} {', '.join(groups)}"
