"""Input and output of `whois`: callers, mappings, grants, answers, and the reasons for a denial or a failed start."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.routes import Route
from tarmak_iam.text import capped

Locate = Callable[[Route | None], Place | None]
"""Returns the place in the file for a route; None if there is none."""


def no_place(_: Route | None) -> None:
    """The Locate of something that is not in a file."""
    return


def place_in(document: Document, route: Route | None) -> Place | None:
    """The Locate of a document, once the document is bound."""
    return document.position(route) if route is not None else None


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller as STS returns it (GetCallerIdentity). `user_id` is `AROA...:session` for a role session."""

    arn: str
    account: str = ""
    user_id: str = ""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class DaemonInput:
    """What the authenticator of a release is started with, and what it reads then. The extension of `filename` selects
    the format. `files` are other files that it reads, by their last path component, and the cluster's objects that it
    watches (see `load_tables`). `cluster_id` is that of the token (None: that of the configuration).
    `private_dns_names`: what ec2:DescribeInstances would return, by instance ID."""

    config_text: str
    version: str
    cluster_id: str | None = None
    args: tuple[str, ...] = ()
    files: AnyMapping[str, str] = field(default_factory=dict)
    filename: str = "config.yaml"
    private_dns_names: AnyMapping[str, str] = field(default_factory=dict)
    shown_as: str | None = None
    """The file name that places show, where it is not `filename`."""
    is_carried: bool = False
    """Whether objects are ignored: every backend has the mappings of the configuration itself that it supports."""
    document: Document | None = field(default=None, repr=False, compare=False)
    """`config_text`, if it has been read as YAML already. None: it is read as `filename` says."""


class IdentityMapping(NamedTuple):
    """One entry of mapRoles or mapUsers, at `route` in its file. A role has an ARN or an SSO section."""

    kind: str
    arn: str
    username: str
    groups: tuple[str, ...]
    route: Route
    sso: SsoRole | None = None
    user_id: str = ""
    others: tuple[IdentityMapping, ...] = ()
    """What the authenticator can read the entry as instead, where its keys differ in case only: one at random."""

    @property
    def possible(self) -> tuple[IdentityMapping, ...]:
        """Everything that the authenticator can read it as, the likeliest first."""
        return (self, *self.others)


class SsoRole(NamedTuple):
    """An `sso:` matcher of a role mapping."""

    permission_set: str
    account: str
    partition: str = ""


UNREAD_SSO = SsoRole("", "")
"""Of a mapping without an ARN, in a release that does not read `sso:`."""


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class Grant:
    """What one principal gets: the mapping that takes effect for it. Templates are not rendered. `kind` is `arn`
    (`principal` is the canonical ARN), `account` (12 digits: every principal of the account without a mapping of its
    own; the username is then the caller's ARN), `sso` (`ACCOUNT/PERMISSION SET`) or `userid` (of a dynamic file that
    compares unique IDs). `route` and `place` are those of the mapping."""

    kind: str
    principal: str
    username: str
    groups: tuple[str, ...]
    backend: str
    route: Route | None = field(default=None, repr=False, compare=False)
    is_by_account: bool = field(default=False, compare=False)
    """Whether the principal has access through its account, without a mapping of its own."""
    is_sure: bool = field(default=True, compare=False)
    """False where the authenticator picks a mapping or key at random, and can return another answer or a denial."""
    locate: Locate | None = field(default=None, repr=False, compare=False)

    @cached_property
    def place(self) -> Place | None:
        """File, line and column of the mapping, where known; computed on access."""
        return self.locate(self.route) if self.locate is not None else None

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same principal: the authenticator compares case-insensitively."""
        return self.kind, to_lower(self.principal)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of the authenticator about one caller.

    `started`: whether the authenticator starts with this configuration; if not, `remedy` says what to write.
    `authenticated`: whether it accepts the caller, with `username`, `groups` (None: the key is absent, no groups),
    `uid` and `extra` (None if the release sends none). `reason`: which mapping matched, or why none did; `route` and
    `place` are those of the mapping or the cause. `alternatives`: other possible answers if the authenticator picks at
    random, which can include a denial. `notes` are remarks about the answer itself.
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
        """File, line and column of the mapping or the cause, where known; computed on access."""
        return self.locate(self.route) if self.locate is not None else None


class DaemonNotStarted(Exception):
    """The process would end. `route` leads to the cause if it is in the configuration, `place` where no route does.
    `remedy` says what to write instead; empty if nothing in the configuration helps."""

    def __init__(
        self, reason: str, route: Route | None = None, *, remedy: str = "", place: Place | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.remedy = remedy
        self.place = place


class Denied(Exception):
    """The token review would be denied. `locate` is set where the cause is not in the configuration."""

    def __init__(self, reason: str, route: Route | None = None, locate: Locate | None = None) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.locate = locate
