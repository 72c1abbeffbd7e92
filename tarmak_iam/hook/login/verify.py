"""Proves a login: a token is made as the caller, the API server says who that is, and `whois` has foretold it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.accounts import Evidence, accounts, agree
from tarmak_iam.hook.login.caller import CallerToken, StsAnswer, ask_sts, caller_token
from tarmak_iam.hook.login.review import Reviewed, Seen, review
from tarmak_iam.hook.telling import Tell, silent
from tarmak_iam.identity.model import Answer, Identity
from tarmak_iam.installation import Installation

__all__ = ["VERIFY_SECONDS", "Verified", "verify"]

VERIFY_SECONDS = 60.0
"""For daemons that have just been replaced, and backends that take objects in some seconds later."""

_PAUSE = 3.0


@dataclass(frozen=True, slots=True)
class Verified:
    """`ok`: the API server answers as foretold, for somebody whom nobody maps as well (`got` is None then).

    `expected` is the answer of whois, None where it is not known who the caller is; `account` says in plain
    sentences what was found, and where the difference comes from. `maker` made the token, `method` is how the API
    server was asked.
    """

    ok: bool
    expected: Answer | None
    got: Seen | None
    account: tuple[str, ...]
    identity: Identity | None = None
    maker: str = ""
    method: str = ""
    way_in: str = field(default="", repr=False)


def verify(
    installation: Installation,
    kubectl: Kubectl,
    *,
    seconds: float = VERIFY_SECONDS,
    tell: Tell = silent,
    pause: float = _PAUSE,
) -> Verified:
    """The caller is whoever AWS's settings, and role and profile of the cluster's settings, say; `kubectl` is the
    admin's, whose certificate needs no authenticator.

    While the answer is another than the foretold one it is asked for again, for up to `seconds`, each time with a
    new token: the API server keeps an answer for two minutes by token. Raises ToolError where no token can be made
    or the API server cannot be asked at all.
    """
    run = _Run(installation, kubectl)
    deadline, is_told = kubectl.clock() + seconds, False
    while True:
        found = run.attempt()
        if found.is_as_foretold or kubectl.clock() + pause > deadline:
            return run.verified(found)
        if not is_told:
            tell(f"the API server does not answer as foretold yet; asking for up to {seconds:.0f} seconds more")
            is_told = True
        kubectl.sleep(pause)


@dataclass(frozen=True, slots=True)
class _Found:
    token: CallerToken
    reviewed: Reviewed
    sts: StsAnswer
    identity: Identity | None
    expected: Answer | None

    @property
    def is_as_foretold(self) -> bool:
        return self.expected is not None and agree(self.expected, self.reviewed)


class _Run:
    def __init__(self, installation: Installation, kubectl: Kubectl) -> None:
        installation.check_masters()
        self._made, self._kubectl = installation, kubectl
        self._server = kubectl.versions()[1]

    def attempt(self) -> _Found:
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
        return _Found(token, reviewed, sts, identity, self._foretold(identity, reviewed.seen))

    def verified(self, found: _Found) -> Verified:
        evidence = Evidence(self._made, self._kubectl, found.token.text, found.reviewed, found.sts, found.identity)
        return Verified(
            ok=found.is_as_foretold,
            expected=found.expected,
            got=found.reviewed.seen,
            account=tuple(accounts(evidence, found.expected)),
            identity=found.identity,
            maker=found.token.maker,
            method=found.reviewed.method,
            way_in=self._made.way_in,
        )

    def _foretold(self, identity: Identity | None, seen: Seen | None) -> Answer | None:
        if identity is None:
            return None
        if self._made.mappings is None:
            return Answer(started=False, reason="there is no mappings file")
        # What EC2 would say of an instance is known to the daemon alone: its word for the name is taken.
        session = identity.user_id.rpartition(":")[2]
        names = {session: seen.username.rpartition(":")[2]} if seen is not None and session.startswith("i-") else {}
        return self._made.authenticator(private_dns_names=names).whois(identity)


def _identity_in(seen: Seen | None) -> Identity | None:
    """Who the daemon says that STS says: in the answer's extra from v0.5.4 on."""
    arn = _first(seen, "arn")
    if seen is None or not arn:
        return None
    _, _, service, _, account, resource = (*arn.split(":", 5), "", "", "", "", "")[:6]
    # uid is aws-iam-authenticator:ACCOUNT:USERID, without the session name that STS puts behind a role's.
    unique = seen.uid.rpartition(":")[2]
    session = resource.rpartition("/")[2] if service == "sts" and resource.startswith("assumed-role/") else ""
    return Identity(arn, account, f"{unique}:{session}" if session else unique, _first(seen, "accessKeyId"))


def _first(seen: Seen | None, name: str) -> str:
    values = (seen.extra.get(name) if seen is not None else None) or ("",)
    return values[0]
