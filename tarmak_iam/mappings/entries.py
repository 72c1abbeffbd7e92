"""The entries of a mappings file as the authenticator reads them, and principals as users name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tarmak_iam.aws.arn import (
    Principal,
    canonicalize,
    is_account,
    is_permission_set,
    is_role_name,
    is_sso_role,
    parse_arn,
    permission_set_like,
    permission_set_of,
    with_plain_account,
)
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.model import SsoRole
from tarmak_iam.identity.viper import ViperSettings, field_value, field_values, weak_list, weak_text
from tarmak_iam.routes import Route
from tarmak_iam.text import LIKELY, bare, closest, likeness, quoted, shortened

SSO_PREFIX = "sso:"


class NamedPrincipal(NamedTuple):
    """`kind` is `role`, `user`, `account` or `sso`; `text` is an ARN, 12 digits or `ACCOUNT/PERMISSION SET`. `notes`
    say which part of the given text was omitted, and what the principal matches that is not obvious."""

    kind: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return principal_key(str(self))

    @property
    def partition(self) -> str | None:
        """None for an account: its callers may be in any partition. An SSO entry is always in `aws`."""
        if self.kind == "account":
            return None
        return "aws" if self.kind == "sso" else parse_arn(self.text).partition

    def __str__(self) -> str:
        """As it is written on the command line, and as `map list` shows it."""
        return f"{SSO_PREFIX}{self.text}" if self.kind == "sso" else self.text


def parse_principal(text: str, *, strip_path: bool = False) -> NamedPrincipal:
    """Reads an ARN, the 12 digits of an account or `sso:ACCOUNT/PERMISSION SET`. The path of a role is removed with
    `strip_path`, and always for a role that IAM Identity Center created. Raises ConfigError for a principal that would
    never match, or would match more than it says."""
    if is_account(text):
        return NamedPrincipal("account", text)
    if to_lower(text).startswith(SSO_PREFIX):
        return _permission_set(text)
    if is_account(with_plain_account(text)):
        raise ConfigError(f"{quoted(text)} is not a valid account ID", remedy=f'write "{with_plain_account(text)}"')
    notes = []
    flaw = arn_flaw(text)
    if flaw is not None and text.isdigit():
        remedy = "write all 12 digits; in YAML, put an account with a leading zero in quotes"
        raise ConfigError(f"{quoted(text)} is not a valid account ID", remedy=remedy)
    if flaw is not None and flaw.kind is FlawKind.PATH and flaw.likely_arn:
        arn = parse_arn(text)
        is_reserved = arn.path.startswith("aws-reserved/") and is_sso_role(arn.name)
        if not strip_path and not is_reserved:
            raise ConfigError(flaw.what, remedy=f"{flaw.remedy}, or use --strip-path")
        notes.append(
            f"{shortened(text)} is mapped as {shortened(flaw.likely_arn)}: STS omits the path of a role, "
            "so the entry matches every role of that name in the account, whatever its path"
        )
        text = flaw.likely_arn
    elif flaw is not None:
        raise ConfigError(flaw.what, remedy=flaw.remedy)
    kind, arn = "role" if canonicalize(text)[0] is Principal.ROLE else "user", parse_arn(text)
    permission_set = permission_set_of(arn.name) if to_lower(arn.parts[0]) == "role" else ""
    if permission_set:
        # https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        what = f"the suffix {arn.name.rpartition('_')[2]} changes if all assignments of the permission set in the "
        what += "account are removed and a new one is created; the entry never matches again then; "
        what += f"{SSO_PREFIX}{arn.account}/{permission_set} does not need it, with authenticator v0.6.30 or later"
        notes.append(what)
    return NamedPrincipal(kind, text, tuple(notes))


def check_principal(text: str) -> None:
    """As `parse_principal`, but an ARN that never matches is accepted: the file may contain an entry for it."""
    try:
        parse_principal(text)
    except ConfigError:
        flaw = arn_flaw(text)
        if flaw is None or flaw.kind in (FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL, FlawKind.PARTITION):
            raise


def principal_key(text: str) -> str:
    """Equal for the same principal, as the authenticator compares: ignoring case, an assumed role as its role."""
    return to_lower(text) if to_lower(text).startswith(SSO_PREFIX) else canonical_text(text)


def _permission_set(text: str) -> NamedPrincipal:
    account, slash, name = text[len(SSO_PREFIX) :].partition("/")
    if not slash or not name:
        what = f"{quoted(text)} does not name a permission set"
        raise ConfigError(what, remedy="use the form sso:111122223333/Admin")
    if not is_account(account):
        what = f"the account {quoted(account)} of {shortened(text)} must have 12 digits"
        plain = with_plain_account(text)
        raise ConfigError(what, remedy=f"write {shortened(plain)}" if plain != text else "check the account")
    if not is_permission_set(name):
        what = f"{quoted(name)} is not a valid name of a permission set"
        raise ConfigError(what, remedy="use up to 32 letters, digits and _+=,.@-")
    if is_role_name(name):
        what = f"{quoted(name)} is the name of a role, not of a permission set"
        raise ConfigError(what, remedy=f"write {SSO_PREFIX}{account}/{permission_set_like(name)}")
    also = f"{shortened(text)} also matches every permission set of the account whose name begins with {name}_"
    return NamedPrincipal("sso", f"{account}/{name}", (also,))


def closest_principal(text: str, known: Iterable[str]) -> str | None:
    """The known principal with the same name, in any account, else one with a similar name in the same account; of
    several the most alike. Of accounts, the one with nearly the same digits."""
    (account, name), names = _account_and_name(text), dict[str, str]()
    for other in sorted(filter(None, known), key=lambda other: likeness(canonical_text(text), canonical_text(other))):
        other_account, other_name = _account_and_name(other)
        if other_name == name or account in ("", other_account):
            names[other_name] = other
    return names.get(closest(name, names, LIKELY) or "")


def _account_and_name(principal: str) -> tuple[str, str]:
    """The account and the bare name of a role, user or permission set; of an account its digits are the name."""
    above, _, name = canonical_text(principal).rpartition("/")
    account = re.search("[0-9]{12}", above)
    return account[0] if account else "", bare(permission_set_of(name) or name)


class MappingEntry(NamedTuple):
    """An entry as the authenticator reads it. `kind` is `role`, `user` or `account`. `arn` is empty for a role that
    `sso_role` names, and the account ID for an account. `user_id` is used by the backend DynamicFile only."""

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
    """In the order in which the authenticator searches them (roles, users, accounts), with the values in the file."""
    for kind in ("role", "user"):
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
    return (entry for entry, _ in listed_items(settings))


def _mapping_entry(kind: str, item: dict[str, Any], route: Route) -> MappingEntry:
    arn, username, groups, user_id, sso = field_values(item, (f"{kind}ARN", "username", "groups", "userid", "sso"))
    if type(groups) is not list or not all(type(group) is str for group in groups):
        groups = [_as_daemon_text(group) for group, _ in weak_list(groups, splits=True)]
    sso_role = None
    if isinstance(sso, dict) and kind == "role":
        keys = ("permissionSetName", "accountID", "partition")
        sso_role = SsoRole(*(_as_daemon_text(field_value(sso, key)) for key in keys))
    arn, username = (text if type(text) is str else _as_daemon_text(text) for text in (arn, username))
    return MappingEntry(kind, arn, username, tuple(groups), route, sso_role, _as_daemon_text(user_id))


def _as_daemon_text(value: Any) -> str:
    """A string as the authenticator reads it; a value that it would not accept, unchanged."""
    return str(value) if isinstance(value, (list, dict)) else weak_text(value, "", Route())
