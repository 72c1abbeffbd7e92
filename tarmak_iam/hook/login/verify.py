"""Verifies a login: creates a token as the caller, has the API server identify it, and compares with `whois`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tarmak_iam.access.diff import Loaded, who
from tarmak_iam.access.lockout import is_admin, is_for_nodes, is_instance
from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_sso_role
from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.rollout import PodCheck, check_pods
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.login.caller import NoToken, ask_sts, caller_token, with_wrong_signature
from tarmak_iam.hook.login.diagnosis import LoginAttempt, diagnose_login
from tarmak_iam.hook.login.review import LoginOutcome, UserInfo, accepts, review
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
    installation.check_masters()
    deadline, is_announced = kubectl.clock() + seconds, False
    asked = replace(kubectl, until=deadline) if kubectl.must_be_up else kubectl
    version = asked.versions()[1]
    while True:
        try:
            attempt = _attempted(installation, asked, version)
        except NoToken as error:
            return _without_token(installation, asked, error)
        if attempt.is_final or kubectl.clock() + pause > deadline:
            break
        if not is_announced:
            tell(f"the login is not as expected yet; trying again for up to {seconds:.0f} seconds")
            is_announced = True
        kubectl.sleep(pause)
    diagnosis, possible = (*diagnose_login(attempt), *_lines(attempt.pods)), candidates(installation)
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
        recovery_hint=installation.recovery_hint,
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


def _without_token(installation: Installation, kubectl: Kubectl, error: NoToken) -> Verified:
    """No login was tried; the pods of the cluster are checked anyway."""
    pods, possible = _pods(kubectl), candidates(installation)
    if pods.stale:
        outcome, diagnosis = LoginOutcome.FAILED, (str(error), *_lines(pods))
        why = "; ".join(diagnosis)
    else:  # `why` contains the reason
        outcome, diagnosis, why = LoginOutcome.CALLER_UNKNOWN, _lines(pods), f"{error}; {advice(possible)}"
    hint = installation.recovery_hint
    return Verified(outcome, None, None, diagnosis, why, candidates=possible, recovery_hint=hint)


def _why(attempt: LoginAttempt, diagnosis: tuple[str, ...], advised: str) -> str:
    if attempt.outcome is LoginOutcome.VERIFIED:
        return ""
    if attempt.outcome is LoginOutcome.FAILED:
        return "; ".join(diagnosis)
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
