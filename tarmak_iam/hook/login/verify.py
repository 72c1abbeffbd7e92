"""Verifies a login: a token is made as the caller, the API server says who that is, and `whois` must agree."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tarmak_iam.access.diff import Loaded, who
from tarmak_iam.access.lockout import is_admin, is_for_nodes, is_instance
from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_sso_role
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.rollout import PodCheck, check_pods
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.login.caller import CallerToken, NoToken, StsAnswer, ask_sts, caller_token
from tarmak_iam.hook.login.diagnosis import LoginEvidence, diagnose_login
from tarmak_iam.hook.login.review import LoginOutcome, ReviewResult, UserInfo, judge, review
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.identity.model import Answer, Grant, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import one_line

_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` names the principal; `role` is its ARN where `--role` can assume it, else empty."""

    text: str
    role: str = ""


def candidates(installation: Installation) -> tuple[Candidate, ...]:
    """Roles that can be assumed come first, of those the admins. Nodes are left out: only instances log in as them."""
    if installation.mappings is None:
        return ()
    grants = [
        each for each in Loaded.of(installation).standings.grants if not (is_for_nodes(each) or is_instance(each))
    ]
    ordered = sorted(grants, key=lambda each: (not _role(each), not is_admin(each)))
    return tuple(Candidate(one_line(who(each.kind, each.principal)), _role(each)) for each in ordered)


def advice(found: tuple[Candidate, ...]) -> str:
    """What to do, in a few words."""
    if not found:
        return "the mappings name nobody to verify as"
    names = ", ".join(each.text for each in found[:_MAX_NAMED])
    more = f" or {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    which = "as" if len(found) == 1 else "as one of:"
    return f"verify {which} {names}{more}, with --role ARN or AWS_PROFILE"


def _role(grant: Grant) -> str:
    """IAM Identity Center's roles are assumed by its own login, and by nothing else."""
    if grant.kind != "arn" or is_sso_role(grant.principal.rpartition("/")[2]):
        return ""
    try:
        return grant.principal if canonicalize(grant.principal)[0] is Principal.ROLE else ""
    except ArnError:
        return ""


VERIFY_SECONDS = 60.0
"""For daemons that have just been replaced, and backends that take objects in some seconds later."""

_PAUSE = 3.0


@dataclass(frozen=True, slots=True)
class Verified:
    """What a login came to, by its `outcome`.

    `expected` is the answer of whois, None where it is not known who the caller is; `got` is who the API server says
    that the caller is, None for a refusal. `diagnosis` says in plain sentences what was found, and where a difference
    comes from; `why`, in one line, why the login is not verified, empty where it is. `candidates` are whom it could be
    verified as. `maker` made the token, `method` is how the API server was asked.
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
        """Of the command `verify`, for a login as somebody who is mapped; none where only other credentials do, or
        where there are none to assume a role with."""
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
    """The caller is whoever AWS's settings, and role and profile of the cluster's settings, say; `kubectl` is the
    admin's, whose certificate needs no authenticator.

    No login is verified while a pod runs another configuration than the cluster's. A login that fails is tried again
    for up to `seconds`, each time with a new token: the API server keeps an answer for two minutes by token. Where
    `kubectl.must_be_up`, an API server that cannot be reached is not waited for any longer either. Raises ToolError
    where the API server cannot be asked at all.
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


@dataclass(frozen=True, slots=True)
class _Attempt:
    token: CallerToken
    reviewed: ReviewResult
    sts: StsAnswer
    identity: Identity | None
    expected: Answer | None
    pods: PodCheck

    @property
    def outcome(self) -> LoginOutcome:
        return LoginOutcome.FAILED if self.pods.stale else judge(self.expected, self.reviewed)

    @property
    def is_final(self) -> bool:
        """Whether a moment later it would be the same: the cluster takes time, AWS's word for credentials does not."""
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
        identity = _identity_in(reviewed.seen)
        sts = StsAnswer()
        if identity is None:  # refused, or by a daemon that does not say (below v0.5.4)
            sts = ask_sts(token.text, made.cluster_id, self._kubectl.programs.environment)
            identity = sts.identity
        expected = self._expected(identity, reviewed.seen)
        return _Attempt(token, reviewed, sts, identity, expected, self._pods())

    def verified(self, found: _Attempt) -> Verified:
        evidence = LoginEvidence(self._made, self._kubectl, found.token.text, found.reviewed, found.sts, found.identity)
        diagnosis = (*diagnose_login(evidence, found.expected), *_lines(found.pods))
        open_to = candidates(self._made)
        return Verified(
            outcome=found.outcome,
            expected=found.expected,
            got=found.reviewed.seen,
            diagnosis=diagnosis,
            why=self._why(found, diagnosis, advice(open_to)),
            identity=found.identity,
            candidates=open_to,
            maker=found.token.maker,
            method=found.reviewed.method,
            recovery_hint=self._made.recovery_hint,
        )

    def without_token(self, error: NoToken) -> Verified:
        """Nobody has tried to log in; what runs in the cluster is looked at all the same."""
        pods, open_to = self._pods(), candidates(self._made)
        seen = _lines(pods)
        if pods.stale:
            outcome, diagnosis = LoginOutcome.FAILED, (str(error), *seen)
            why = "; ".join(diagnosis)
        else:  # the reason is all there is to say, and `why` says it
            outcome, diagnosis, why = LoginOutcome.CALLER_UNKNOWN, seen, f"{error}; {advice(open_to)}"
        return Verified(outcome, None, None, diagnosis, why, candidates=open_to, recovery_hint=self._made.recovery_hint)

    def _why(self, found: _Attempt, diagnosis: tuple[str, ...], advised: str) -> str:
        if found.outcome is LoginOutcome.VERIFIED:
            return ""
        if found.outcome is LoginOutcome.FAILED:
            return "; ".join(diagnosis)
        if found.outcome is LoginOutcome.CALLER_UNKNOWN:
            reason = found.sts.refusal and f"AWS does not take the token: {found.sts.refusal}"
            return f"{reason or f'it is not known who you are: {found.sts.failure}'}; {advised}"
        who = found.identity.arn if found.identity else "the caller"
        by_chance = found.expected is not None and any(
            each.authenticated for each in (found.expected, *found.expected.alternatives)
        )
        if by_chance:
            return f"the authenticator picks at random whether you ({who}) may log in; {advised}"
        role = self._made.settings.role
        of_role = f", and `role` is set to {role}" if role else ""
        return f"you ({who}) are not mapped{of_role}; {advised}"

    def _pods(self) -> PodCheck:
        try:
            return check_pods(Server.of(self._kubectl))
        except TarmakIamError as error:
            return PodCheck(notes=(f"which configuration the pods run could not be looked up: {error.message}",))

    def _expected(self, identity: Identity | None, seen: UserInfo | None) -> Answer | None:
        if identity is None:
            return None
        if self._made.mappings is None:
            return Answer(started=True, reason="there is no mappings file")
        # What EC2 would say of an instance is known to the daemon alone: its word for the name is taken.
        session = identity.user_id.rpartition(":")[2]
        names = {session: seen.username.rpartition(":")[2]} if seen is not None and session.startswith("i-") else {}
        return self._made.authenticator(private_dns_names=names).whois(identity)


def _lines(pods: PodCheck) -> tuple[str, ...]:
    """Of each pod that runs another configuration than the cluster's, and of what could not be looked at."""
    return (*(each.text for each in pods.stale), *pods.notes)


def _identity_in(seen: UserInfo | None) -> Identity | None:
    """Who the daemon says that STS says: in the answer's extra from v0.5.4 on."""
    arn = _first(seen, "arn")
    if seen is None or not arn:
        return None
    _, _, service, _, account, resource = (*arn.split(":", 5), "", "", "", "", "")[:6]
    # uid is aws-iam-authenticator:ACCOUNT:USERID, without the session name that STS puts behind a role's.
    unique = seen.uid.rpartition(":")[2]
    session = resource.rpartition("/")[2] if service == "sts" and resource.startswith("assumed-role/") else ""
    return Identity(arn, account, f"{unique}:{session}" if session else unique, _first(seen, "accessKeyId"))


def _first(seen: UserInfo | None, name: str) -> str:
    values = (seen.extra.get(name) if seen is not None else None) or ("",)
    return values[0]
