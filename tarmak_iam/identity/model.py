"""What goes in and comes out of `whois`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tarmak_iam.errors import Place
from tarmak_iam.routes import Route

__all__ = ["Answer", "Identity", "Mapping"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller as STS describes it (GetCallerIdentity): `user_id` is `AROA...:session` for a role session."""

    arn: str
    account: str = ""
    user_id: str = ""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One entry of mapRoles or mapUsers; `route` leads to it in its file. A role by its ARN, or by SSO."""

    kind: str
    arn: str
    username: str
    groups: tuple[str, ...]
    route: Route
    sso: SsoRole | None = None


@dataclass(frozen=True, slots=True)
class SsoRole:
    """An `sso:` matcher of a role mapping."""

    permission_set: str
    account: str
    partition: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon answers.

    `started`: whether the process runs with this configuration at all. `authenticated`, and then
    `username`, `groups` (None: the key is absent, no groups), `uid` and `extra` (None where the version
    sends none). `reason` tells which entry matched, or why nobody did; `route` and `place` lead to that
    entry. `alternatives`: what else the daemon may answer, where it picks at random. `notes`: what
    should be known about the answer itself.
    """

    started: bool
    authenticated: bool = False
    username: str | None = None
    groups: list[str] | None = None
    uid: str | None = None
    extra: dict[str, list[str]] | None = None
    reason: str = ""
    alternatives: tuple[Answer, ...] = ()
    route: Route | None = field(default=None, repr=False)
    place: Place | None = None
    notes: tuple[str, ...] = ()
