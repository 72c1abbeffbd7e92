"""What goes in and comes out of `whois`: callers, entries, grants, answers, and why a daemon does not start or
denies a caller.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field

from tarmak_iam.document import Document
from tarmak_iam.document.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.routes import Route
from tarmak_iam.text import capped

Locate = Callable[[Route | None], Place | None]
"""From a route to the place in the file that it leads through; None where there is none."""


def no_place(_: Route | None) -> None:
    """The Locate of what is in no file."""
    return


def place_in(document: Document, route: Route | None) -> Place | None:
    """The Locate of what is in a document, once it is bound."""
    return document.position(route) if route is not None else None


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller as STS describes it (GetCallerIdentity): `user_id` is `AROA...:session` for a role session."""

    arn: str
    account: str = ""
    user_id: str = ""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class DaemonInput:
    """What a daemon of a release is started with, and what it finds then.

    `filename`'s extension selects the format; `files` are other files that it reads, by their last path component, and
    the cluster's objects that it watches (see `load_tables`); `cluster_id` is the token's (None: the configuration's
    own); `private_dns_names`: by instance id, what ec2:DescribeInstances would answer.
    """

    config_text: str
    version: str
    cluster_id: str | None = None
    args: tuple[str, ...] = ()
    files: AnyMapping[str, str] = field(default_factory=dict)
    filename: str = "config.yaml"
    private_dns_names: AnyMapping[str, str] = field(default_factory=dict)
    shown_as: str | None = None
    """The file's name in places, where it is not `filename`."""
    is_carried: bool = False
    """Whether no objects are looked at: every backend has what it can carry of the configuration's own lists."""


@dataclass(frozen=True, slots=True)
class IdentityMapping:
    """One entry of mapRoles or mapUsers; `route` leads to it in its file. A role by its ARN, or by SSO."""

    kind: str
    arn: str
    username: str
    groups: tuple[str, ...]
    route: Route
    sso: SsoRole | None = None
    user_id: str = ""
    others: tuple[IdentityMapping, ...] = ()
    """What the daemon may take the entry for instead, where its keys differ in case only: one at random."""

    @property
    def possible(self) -> tuple[IdentityMapping, ...]:
        """All that the daemon may take it for, the likeliest first."""
        return (self, *self.others)


@dataclass(frozen=True, slots=True)
class SsoRole:
    """An `sso:` matcher of a role mapping."""

    permission_set: str
    account: str
    partition: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one principal gets: the entry that decides for it, of all that name it, templates not rendered.

    `kind`: `arn` (then `principal` is the canonical ARN), `account` (its twelve digits: everyone of the
    account that no entry names; the username is then the caller's ARN), `sso` (`ACCOUNT/PERMISSION SET`)
    or `userid` (a dynamic file that asks for the unique id). `place` leads to the entry.
    """

    kind: str
    principal: str
    username: str
    groups: tuple[str, ...]
    backend: str
    place: Place | None = field(default=None, compare=False)
    is_by_account: bool = field(default=False, compare=False)
    """Whether an account admits the principal that no entry names."""
    is_sure: bool = field(default=True, compare=False)
    """False where the daemon may give something else instead, or nothing: it takes an entry or a key at random."""

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same principal: the daemon compares without case."""
        return self.kind, to_lower(self.principal)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon answers.

    `started`: whether the process runs with this configuration at all. `authenticated`, and then
    `username`, `groups` (None: the key is absent, no groups), `uid` and `extra` (None where the version
    sends none). `reason` tells which entry matched, or why nobody did; `route` and `place` lead to that
    entry, and `remedy` says what to write where the process would end. `alternatives`: what else the daemon may answer,
    where it picks at random; one of them may be that it lets nobody in. `notes`: what should be known about the answer
    itself.
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
    notes: tuple[str, ...] = ()
    locate: Locate | None = field(default=None, repr=False, compare=False)
    remedy: str = field(default="", repr=False, compare=False)

    @property
    def place(self) -> Place | None:
        """File, line and column of the entry or of the cause, where it is known; worked out when it is asked for."""
        return self.locate(self.route) if self.locate is not None else None


class DaemonNotStarted(Exception):
    """The process would end; `route` leads to the cause in the configuration, if it lies there, or `place` where no
    route does. `remedy` says what to write instead; empty where nothing in the configuration helps."""

    def __init__(
        self, reason: str, route: Route | None = None, *, remedy: str = "", place: Place | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.remedy = remedy
        self.place = place


class Denied(Exception):
    """The token review would be answered with a denial; `locate` where the cause is not in the configuration."""

    def __init__(self, reason: str, route: Route | None = None, locate: Locate | None = None) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.locate = locate
