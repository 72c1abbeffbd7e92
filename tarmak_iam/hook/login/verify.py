"""Verifies a login: creates a token as the caller, has the API server identify it, and compares with `whois`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tarmak_iam.access.diff import Loaded, who
from tarmak_iam.access.lockout import is_admin, is_for_nodes, is_instance
from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_sso_role
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.rollout import PodCheck, check_pods
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.login.caller import CallerToken, NoToken, StsAnswer, ask_sts, caller_token, with_wrong_signature
from tarmak_iam.hook.login.diagnosis import LoginEvidence, diagnose_login
from tarmak_iam.hook.login.review import LoginOutcome, ReviewResult, UserInfo, accepts, judge, review
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.identity.model import Answer, Grant, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import one_line

_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A principal for a verification. `text` names it; `role` is its ARN if `--role` can assume it, else empty."""

    text: str
    role: str = ""


def candidates(installation: Installation) -> tuple[Candidate, ...]:
    """Roles that can be assumed come first, admins among them before others. Nodes are skipped: only instances log in
    as nodes."""
    if installation.mappings is None:
        return ()
    grants = Loaded.of(installation).standings.grants
    usable = [(grant, _role(grant)) for grant in grants if not (is_for_nodes(grant) or is_instance(grant))]
    ordered = sorted(usable, key=lambda pair: (not pair[1], not is_admin(pair[0])))
    return tuple(Candidate(one_line(who(grant.kind, grant.principal)), role) for grant, role in ordered)


def advice(found: tuple[Candidate, ...]) -> str:
    """The remedy, as part of a message."""
    if not found:
        return "no mapping can be used for a verification"
    names = ", ".join(each.text for each in found[:_MAX_NAMED])
    more = f" or {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    which = "as" if len(found) == 1 else "as one of:"
    return f"verify {which} {names}{more}, with --role ARN or AWS_PROFILE"


def _role(grant: Grant) -> str:
    """Roles of IAM Identity Center can only be assumed through its own login."""
    if grant.kind != "arn" or is_sso_role(grant.principal.rpartition("/")[2]):
        return ""
    try:
        return grant.principal if canonicalize(grant.principal)[0] is Principal.ROLE else ""
    except ArnError:
        return ""


VERIFY_SECONDS = 60.0
"""Enough for daemons that have just been replaced, and for backends that read objects some seconds later."""

_PAUSE = 3.0


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a test login, by its `outcome`.

    `expected` is the answer of whois, None where the caller's identity is unknown. `got` is whom the API server
    identified, None for a rejection. `diagnosis` explains in plain sentences what was found, and the cause of a
    difference. `why` says in one line why the login is not verified; empty if it is. `candidates`: principals for a
    verification. `maker` created the token; `method` is how the API server was asked.
    """

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
        """Options of the command `verify` for a login as a mapped role; none if other credentials are required, or if
        there are none with which to assume a role."""
        role = self.candidates[0].role if self.candidates and self.maker else ""
        return ("--role", role) if role else ()


def verify_login(
    installation: Installation,
    kubectl: Kubectl,
    *,
    seconds: float = VERIFY_SECONDS,
    tell: Progress = no_progress,
    pause: float = _PAUSE,
) -> Verified:
    """The caller is chosen by the AWS settings, and by `role` and `profile` in the cluster's settings. `kubectl` uses
    the admin's kubeconfig, whose certificate needs no authenticator.

    No login is verified while a pod runs another configuration than the cluster's. A failed login is tried again for up
    to `seconds`, each time with a new token, because the API server caches the answer for a token for two minutes. With
    `kubectl.must_be_up`, `seconds` also limits the wait for an API server that cannot be reached. Raises ToolError if
    the API server cannot be asked at all.
    """
    deadline, is_announced = kubectl.clock() + seconds, False
    run = _Verification(installation, replace(kubectl, until=deadline) if kubectl.must_be_up else kubectl)
    while True:
        try:
            found = run.attempt()
        except NoToken as error:
            return run.without_token(error)
        if found.is_final or kubectl.clock() + pause > deadline:
            return run.verified(found)
        if not is_announced:
            tell(f"the login is not as expected yet; trying again for up to {seconds:.0f} seconds")
            is_announced = True
        kubectl.sleep(pause)


class _Attempt(NamedTuple):
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


class _Verification:
    def __init__(self, installation: Installation, kubectl: Kubectl) -> None:
        installation.check_masters()
        self._made, self._kubectl = installation, kubectl
        self._server = kubectl.versions()[1]

    def attempt(self) -> _Attempt:
        made, settings = self._made, self._made.settings
        token = caller_token(
            self._kubectl.programs,
            made.cluster_id,
            role=settings.role,
            profile=settings.profile,
            region=made.region,
        )
        reviewed = review(self._kubectl, self._server, token.text)
        # Not from the answer: what answers may be another program than the authenticator.
        sts = ask_sts(token.text, made.cluster_id, self._kubectl.programs.environment)
        if reviewed.seen is not None:
            forged = with_wrong_signature(token.text)
            is_accepted = bool(sts.refusal) or accepts(self._kubectl, self._server, reviewed.method, forged)
            reviewed = replace(reviewed, accepts_forged=is_accepted)
        expected = self._expected(sts.identity, reviewed.seen)
        return _Attempt(token, reviewed, sts, expected, self._pods())

    def verified(self, found: _Attempt) -> Verified:
        evidence = LoginEvidence(self._made, self._kubectl, found.token.text, found.reviewed, found.sts)
        diagnosis = (*diagnose_login(evidence, found.expected), *_lines(found.pods))
        open_to = candidates(self._made)
        return Verified(
            outcome=found.outcome,
            expected=found.expected,
            got=found.reviewed.seen,
            diagnosis=diagnosis,
            why=self._why(found, diagnosis, advice(open_to)),
            identity=found.sts.identity,
            candidates=open_to,
            maker=found.token.maker,
            method=found.reviewed.method,
            recovery_hint=self._made.recovery_hint,
        )

    def without_token(self, error: NoToken) -> Verified:
        """No login was tried; the pods of the cluster are checked anyway."""
        pods, open_to = self._pods(), candidates(self._made)
        seen = _lines(pods)
        if pods.stale:
            outcome, diagnosis = LoginOutcome.FAILED, (str(error), *seen)
            why = "; ".join(diagnosis)
        else:  # `why` contains the reason
            outcome, diagnosis, why = LoginOutcome.CALLER_UNKNOWN, seen, f"{error}; {advice(open_to)}"
        return Verified(outcome, None, None, diagnosis, why, candidates=open_to, recovery_hint=self._made.recovery_hint)

    def _why(self, found: _Attempt, diagnosis: tuple[str, ...], advised: str) -> str:
        if found.outcome is LoginOutcome.VERIFIED:
            return ""
        if found.outcome is LoginOutcome.FAILED:
            return "; ".join(diagnosis)
        if found.outcome is LoginOutcome.CALLER_UNKNOWN:
            reason = found.sts.refusal and f"AWS rejects the token: {found.sts.refusal}"
            return f"{reason or f'your identity is unknown: {found.sts.failure}'}; {advised}"
        who = found.sts.identity.arn if found.sts.identity else "the caller"
        possible = () if found.expected is None else (found.expected, *found.expected.alternatives)
        if any(answer.authenticated for answer in possible):
            return f"the authenticator decides at random whether you ({who}) can log in; {advised}"
        role = self._made.settings.role
        of_role = f", and `role` is set to {role}" if role else ""
        return f"you ({who}) are not mapped{of_role}; {advised}"

    def _pods(self) -> PodCheck:
        try:
            return check_pods(Server.of(self._kubectl))
        except TarmakIamError as error:
            return PodCheck(notes=(f"the configuration that the pods run could not be read: {error.message}",))

    def _expected(self, identity: Identity | None, seen: UserInfo | None) -> Answer | None:
        if identity is None:
            return None
        if self._made.mappings is None:
            return Answer(started=True, reason="the mappings file does not exist")
        # Only the daemon can ask EC2 for the name of an instance: the name that it returns is used.
        session = identity.user_id.rpartition(":")[2]
        names = {session: seen.username.rpartition(":")[2]} if seen is not None and session.startswith("i-") else {}
        return self._made.authenticator(private_dns_names=names).whois(identity)


def _lines(pods: PodCheck) -> tuple[str, ...]:
    """Lines about pods that run another configuration than the cluster's, and about what could not be checked."""
    return (*(each.text for each in pods.stale), *pods.notes)
