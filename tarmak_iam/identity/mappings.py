"""A cluster's mappings file, in the authenticator's own format: listed and edited without losing a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.document import Document, Remove, Set
from tarmak_iam.document.intent import value_at
from tarmak_iam.errors import ConfigError, EditRefused
from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.reach import canonical_text, checked_arn
from tarmak_iam.identity.viper import Settings, lookup, weak_list, weak_text
from tarmak_iam.routes import Route

__all__ = ["MAPPINGS_NAME", "Listed", "Mappings"]

MAPPINGS_NAME = "aws-iam-authenticator.yaml"

_HEADER = """\
# Who may log in to this cluster with AWS IAM, and as whom: the AWS IAM Authenticator's own format.
# Edit it by hand or with `tarmak-iam map add/remove`; `tarmak-iam check` looks for lock-outs.
"""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KINDS = ("role", "user")


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry as the daemon takes it: kind `role`, `user` or `account`; `arn` is the account's number for the
    last, and empty for a role that `sso` names (`account/permission set`)."""

    kind: str
    arn: str
    username: str
    groups: tuple[str, ...]
    route: Route
    sso: str = ""


@dataclass(frozen=True, slots=True)
class Mappings:
    """The file as a value."""

    document: Document

    @classmethod
    def parse(cls, data: bytes | str, filename: str = MAPPINGS_NAME) -> Mappings:
        """Raises ParseError, and ConfigError where the file is no mapping."""
        document = Document.parse(data, filename, json=False)
        if document.data is not None and not isinstance(document.data, dict):
            raise ConfigError(
                "the mappings file is no mapping",
                remedy="begin it with clusterID and server",
                place=document.position(()),
            )
        return cls(document)

    @classmethod
    def create(cls, cluster_id: str, filename: str = MAPPINGS_NAME) -> Mappings:
        """A new file: a short header and the cluster id."""
        return cls(Document.parse(_HEADER, filename, json=False).set(("clusterID",), cluster_id))

    @property
    def cluster_id(self) -> str | None:
        """The file's own clusterID, None where it has none."""
        value = lookup(self.document.data or {}, "clusterID")
        return None if value is None else str(value)

    @property
    def cluster_id_route(self) -> Route:
        return self._settings.route("clusterID")

    @property
    def entries(self) -> tuple[Listed, ...]:
        """In the order that the daemon asks them: roles, users, accounts. Odd entries show what can be shown."""
        return tuple(self._entries())

    def arn_route(self, entry: Listed) -> Route:
        """Where an entry's ARN stands; the entry itself where it has none (or is an account)."""
        item = value_at(self.document.data, entry.route.plain)
        name = _own_key(item, f"{entry.kind}ARN") if isinstance(item, dict) else ""
        return entry.route / name if isinstance(item, dict) and name in item else entry.route

    def with_cluster_id(self, cluster_id: str) -> Mappings:
        """The same with a clusterID where it has none. Raises ConfigError where it has another."""
        own = self.cluster_id
        if own is None or own == "":
            return replace(self, document=self.document.set(self.cluster_id_route, cluster_id))
        if own != cluster_id:
            raise ConfigError(
                f"clusterID is '{own}', but this cluster's id is '{cluster_id}': every login would be refused",
                remedy=f"write clusterID: {cluster_id}",
                place=self.document.position(self.cluster_id_route),
            )
        return self

    def add(self, arn: str, username: str, groups: Sequence[str] | None) -> Mappings:
        """Maps an ARN (or, with neither username nor groups, an account); the same value if it is mapped so.

        An entry for the same ARN is brought up to date; its groups stay where None are given. Raises
        ConfigError for an ARN, username or group that the daemon could not use, and EditRefused.
        """
        if is_account(arn):
            return self._add_account(arn, username, groups)
        kind = checked_arn(arn)
        _check_names(username, groups or ())
        existing = self._matching(arn)
        if len(existing) > 1:
            places = ", ".join(str(self.document.position(entry.route).line) for entry in existing)
            raise ConfigError(
                f"{arn} is mapped more than once (lines {places}); the last one wins",
                remedy="remove all but one by hand",
                place=self.document.position(existing[-1].route),
            )
        if existing:
            return self._update(existing[0], username, groups)
        entry = {f"{kind}ARN": arn, "username": username, "groups": list(groups or ())}
        return self._with(self.document.append(self._settings.route(f"server.map{kind.capitalize()}s"), entry))

    def remove(self, arn: str) -> Mappings:
        """Takes every entry for the ARN or account out; the same value if there is none.

        Raises ConfigError for an empty text, and EditRefused.
        """
        if not arn.strip():
            raise ConfigError("the ARN is empty", remedy="name the ARN or account whose entry goes")
        entries, removals = self.entries, []
        for entry in reversed(self._matching(arn)):
            if sum(other.route == entry.route for other in entries) > 1:
                raise EditRefused(
                    f"{arn} shares one text with others, which would go with it",
                    remedy="write them as a list first",
                    place=self.document.position(entry.route),
                )
            removals.append(Remove(entry.route))
        return self._with(self.document.edit(*removals))

    def _add_account(self, account: str, username: str, groups: Sequence[str] | None) -> Mappings:
        if username or groups:
            raise ConfigError(
                "an account has no username or groups: its callers log in under their ARN",
                remedy="leave --username and --group out",
            )
        if self._matching(account):
            return self
        return self._with(self.document.append(self._settings.route("server.mapAccounts"), account))

    def _update(self, entry: Listed, username: str, groups: Sequence[str] | None) -> Mappings:
        item = value_at(self.document.data, entry.route.plain)
        edits = []
        if entry.username != username:
            edits.append(Set(entry.route / _own_key(item, "username"), username))
        if groups is not None and list(entry.groups) != list(groups):
            edits.append(Set(entry.route / _own_key(item, "groups"), list(groups)))
        return self._with(self.document.edit(*edits))

    def _with(self, document: Document) -> Mappings:
        return self if document is self.document else replace(self, document=document)

    @property
    def _settings(self) -> Settings:
        return Settings(self.document.data, {}, {})

    def _matching(self, arn: str) -> list[Listed]:
        wanted = canonical_text(arn)
        return [entry for entry in self.entries if entry.arn and canonical_text(entry.arn) == wanted]

    def _entries(self) -> Iterator[Listed]:
        settings = self._settings
        for kind in _KINDS:
            key = f"server.map{kind.capitalize()}s"
            for item, index in weak_list(settings.get(key), splits=True):
                if isinstance(item, dict):
                    yield _listed(kind, item, _item_route(settings.route(key), index))
        accounts = settings.route("server.mapAccounts")
        for account, index in weak_list(settings.get("server.mapAccounts"), splits=True):
            yield Listed("account", _shown(account), "", (), _item_route(accounts, index))


def _item_route(route: Route, index: int | None) -> Route:
    """An item of a list; a single value that stands for a list of one is its own item."""
    return route if index is None else route / index


def _listed(kind: str, item: dict[str, Any], route: Route) -> Listed:
    groups = tuple(_shown(group) for group, _ in weak_list(lookup(item, "groups"), splits=True))
    sso = lookup(item, "sso") if kind == "role" else None
    named = (
        f"{_shown(lookup(sso, 'accountID'))}/{_shown(lookup(sso, 'permissionSetName'))}"
        if isinstance(sso, dict)
        else ""
    )
    return Listed(kind, _shown(lookup(item, f"{kind}ARN")), _shown(lookup(item, "username")), groups, route, named)


def _check_names(username: str, groups: Sequence[str]) -> None:
    if not username.strip():
        raise ConfigError("the username is empty", remedy="give one with --username")
    for name in (username, *groups):
        if not name.strip() or _CONTROL.search(name):
            raise ConfigError(f"{name!r} cannot be a username or group", remedy="write it without control characters")


def _shown(value: Any) -> str:
    """A text as the daemon takes it; what it would not take, as it is."""
    return str(value) if isinstance(value, (list, dict)) else weak_text(value, "", Route())


def _own_key(item: dict[str, Any], name: str) -> str:
    """The key in the spelling that the entry has, the documented one where it has none."""
    return next((key for key in item if str(key).lower() == name.lower()), name)
