"""The backend MountedFile: mapRoles, mapUsers and mapAccounts of the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from tarmak_iam.errors import Place
from tarmak_iam.identity.arn import ArnError, canonicalize, is_account, parse_arn
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Mapping, SsoRole
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.table import Table
from tarmak_iam.identity.versions import DaemonVersion, known_partitions
from tarmak_iam.routes import Route

__all__ = ["load_mounted_file"]

_PERMISSION_SET = re.compile(r"[A-Za-z0-9_+=,.@-]{1,32}\Z", re.ASCII)


def load_mounted_file(config: DaemonConfig, place: Callable[[Route | None], Place | None]) -> Table:
    """Raises NotStarted for a mapping that ends the process. `place` is that of the configuration."""
    version = config.version
    roles: dict[str, tuple[Mapping, ...]] = {}
    sso: dict[str, Mapping] = {}
    for role in config.roles:
        if version.has("MountedFile: roles are checked with Validate() (rolearn or sso must be given)"):
            _validate(role, version)
        if role.sso is not None:
            sso[_pattern_text(role.sso)] = role
        elif (key := _role_key(role, version)) is not None:
            roles[key] = (role,)
    matches_sso = "SSORoleMatch" in config.gates and version.has("sso: MountedFile backend matches by pattern")
    return Table(
        backend="MountedFile",
        roles=roles,
        users={key: (user,) for user in config.users if (key := _user_key(user, version)) is not None},
        patterns=tuple((_glob(text), role) for text, role in sso.items()) if matches_sso else (),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_prefixes,
        place=place,
    )


def _validate(role: Mapping, version: DaemonVersion) -> None:
    sso = role.sso
    if not role.arn and sso is None:
        raise NotStarted("a role mapping has neither rolearn nor sso", role.route)
    if sso is None:
        return
    if role.arn:
        raise NotStarted("a role mapping has both rolearn and sso", role.route)
    if not is_account(sso.account):
        raise NotStarted(f"sso.accountID '{sso.account}' is no account of twelve digits", role.route)
    if not _PERMISSION_SET.match(sso.permission_set):
        raise NotStarted(f"sso.permissionSetName '{sso.permission_set}' is no name of a permission set", role.route)
    if sso.partition and sso.partition not in known_partitions(version):
        raise NotStarted(f"sso.partition '{sso.partition}' is not known", role.route)


def _role_key(role: Mapping, version: DaemonVersion) -> str | None:
    if version.has("roles: ARN not parsed at all (compared without case only)"):
        return role.arn.lower()
    as_written = version.has("roles: ARN parsed as written (Canonicalize(m.RoleARN))")
    return _canonical_key(role, role.arn if as_written else role.arn.lower(), version)


def _user_key(user: Mapping, version: DaemonVersion) -> str | None:
    if not user.arn and version.has("MountedFile: roles are checked with Validate() (rolearn or sso must be given)"):
        raise NotStarted("a user mapping has no userarn", user.route)
    if version.has("users: ARN parsed as written"):
        # v0.6.0 and v0.6.1 keep the case here and compare with the lower-cased caller.
        return _canonical_key(user, user.arn, version, lower=False)
    return _canonical_key(user, user.arn.lower(), version)


def _canonical_key(mapping: Mapping, text: str, version: DaemonVersion, *, lower: bool = True) -> str | None:
    """None for an ARN that v0.4.0 logs and skips; later versions end."""
    try:
        canonical = canonicalize(text, known_partitions(version))[1]
    except ArnError as error:
        if version.known < DaemonVersion(0, 5, 0):
            return None
        raise NotStarted(f"'{mapping.arn}' is not taken as an ARN: {error}", mapping.route) from None
    return canonical.lower() if lower else canonical


def _pattern_text(sso: SsoRole) -> str:
    """An explicit partition leaves the pattern's own empty (upstream's slip), so it never matches."""
    partition = "" if sso.partition else "aws"
    return f"arn:{partition}:iam::{sso.account}:role/AWSReservedSSO_{sso.permission_set}_*".lower()


def _glob(text: str) -> re.Pattern[str]:
    """ArnLike: section by section, `*` and `?` within one section."""
    arn = parse_arn(text)
    sections = (arn.partition, arn.service, arn.region, arn.account, arn.resource)
    translated = (re.escape(section).replace(r"\*", "[^:]*").replace(r"\?", "[^:]") for section in sections)
    return re.compile("arn:" + ":".join(translated) + r"\Z")
