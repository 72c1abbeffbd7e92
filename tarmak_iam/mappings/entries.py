"""The entries of a mappings file as the daemon reads them, in whatever form they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tarmak_iam.identity.model import SsoRole
from tarmak_iam.identity.viper import ViperSettings, field_value, field_values, weak_list, weak_text
from tarmak_iam.mappings.principals import SSO_PREFIX, principal_key
from tarmak_iam.routes import Route

_KINDS = ("role", "user")

_FIELDS = ("username", "groups", "userid", "sso")

_NO_ROUTE = Route()


class MappingEntry(NamedTuple):
    """An entry as the daemon reads it. `kind` is `role`, `user` or `account`. `arn` is empty for a role that `sso_role`
    names, and the account ID for an account. `user_id` is used by the backend DynamicFile only."""

    kind: str
    arn: str
    username: str
    groups: tuple[str, ...]
    route: Route
    sso_role: SsoRole | None = None
    user_id: str = ""

    @property
    def sso(self) -> str:
        """`ACCOUNT/PERMISSION SET` of an SSO entry, else empty."""
        return f"{self.sso_role.account}/{self.sso_role.permission_set}" if self.sso_role else ""

    @property
    def principal(self) -> str:
        """An ARN, an account or `sso:ACCOUNT/PERMISSION SET`, as on the command line; empty if there is none."""
        return self.arn or (f"{SSO_PREFIX}{self.sso}" if self.sso_role else "")

    @property
    def principal_kind(self) -> str:
        """The kind of the principal: `role`, `user`, `account` or `sso`."""
        return "sso" if self.sso_role is not None and not self.arn else self.kind

    @property
    def key(self) -> str:
        """Equal for the same principal; empty for an entry without a principal."""
        return principal_key(self.principal) if self.principal else ""


def listed_items(settings: ViperSettings) -> Iterator[tuple[MappingEntry, Any]]:
    """The entries in the order in which the daemon searches them (roles, users, accounts), each with its value in the
    file."""
    for kind in _KINDS:
        key = f"server.map{kind.capitalize()}s"
        route = settings.route(key)
        for item, index in weak_list(settings.get(key), splits=True):
            if isinstance(item, dict):
                yield _mapping_entry(kind, item, route if index is None else route / index), item
    accounts = settings.route("server.mapAccounts")
    for account, index in weak_list(settings.get("server.mapAccounts"), splits=True):
        route = accounts if index is None else accounts / index  # a single value in place of a list is its own item
        yield MappingEntry("account", _as_daemon_text(account), "", (), route), account


def listed_entries(settings: ViperSettings) -> Iterator[MappingEntry]:
    """As `listed_items`, without the values."""
    return (entry for entry, _ in listed_items(settings))


def _mapping_entry(kind: str, item: dict[str, Any], route: Route) -> MappingEntry:
    arn, username, groups, user_id, sso = field_values(item, (f"{kind}ARN", *_FIELDS))
    return MappingEntry(
        kind,
        arn if type(arn) is str else _as_daemon_text(arn),
        username if type(username) is str else _as_daemon_text(username),
        _groups(groups),
        route,
        _sso(sso) if isinstance(sso, dict) and kind == "role" else None,
        _as_daemon_text(user_id),
    )


def _groups(value: Any) -> tuple[str, ...]:
    if type(value) is list and all(type(group) is str for group in value):
        return tuple(value)
    return tuple(_as_daemon_text(group) for group, _ in weak_list(value, splits=True))


def _sso(sso: dict[str, Any]) -> SsoRole:
    names = ("permissionSetName", "accountID", "partition")
    return SsoRole(*(_as_daemon_text(field_value(sso, name)) for name in names))


def _as_daemon_text(value: Any) -> str:
    """A string as the daemon reads it; a value that it would not accept, unchanged."""
    return str(value) if isinstance(value, (list, dict)) else weak_text(value, "", _NO_ROUTE)
