"""The backend MountedFile: mapRoles, mapUsers and mapAccounts of the configuration itself."""

from __future__ import annotations

from tarmak_iam.identity.arn import ArnError, canonicalize
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Locate, Mapping
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.sso import arn_like, check_role, pattern_text
from tarmak_iam.identity.table import Found, Table, compared_one_by_one
from tarmak_iam.identity.versions import DaemonVersion, known_partitions
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

__all__ = ["load_mounted_file"]


def load_mounted_file(config: DaemonConfig, place: Locate) -> Table:
    """Raises NotStarted for a mapping that ends the process. `place` is that of the configuration."""
    version = config.version
    roles: dict[str, tuple[Mapping, ...]] = {}
    sso: dict[str, Mapping] = {}
    for role in config.roles:
        if version.has("MountedFile: roles are checked with Validate() (rolearn or sso must be given)"):
            check_role(role, version)
        if role.sso is not None:
            sso[pattern_text(role.sso)] = role
        elif (key := _role_key(role, version)) is not None:
            roles[key] = (role,)
    matches_sso = "SSORoleMatch" in config.gates and version.has("sso: MountedFile backend matches by pattern")
    return Table(
        backend="MountedFile",
        roles=roles,
        users=_users(config),
        patterns=tuple((arn_like(text), role) for text, role in sso.items()) if matches_sso else (),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_in("MountedFile"),
        place=place,
        written=(*config.roles, *config.users),
    )


def _role_key(role: Mapping, version: DaemonVersion) -> str | None:
    if version.has("roles: ARN not parsed at all (compared without case only)"):
        return role.arn.lower()
    as_written = version.has("roles: ARN parsed as written (Canonicalize(m.RoleARN))")
    return _canonical_key(role, role.arn if as_written else role.arn.lower(), version)


def _users(config: DaemonConfig) -> dict[str, Found]:
    version = config.version
    must_have_arn = version.has("MountedFile: roles are checked with Validate() (rolearn or sso must be given)")
    as_written = version.has("users: ARN parsed as written")
    users: dict[str, Mapping] = {}
    for user in config.users:
        if must_have_arn and not user.arn:
            raise NotStarted("a user mapping has no userarn", user.route)
        key = _canonical_key(user, user.arn if as_written else user.arn.lower(), version, lower=not as_written)
        if key is not None:
            users[key] = user
    # v0.6.0 and v0.6.1 find them by comparing one by one.
    return compared_one_by_one(users.values()) if as_written else {key: (user,) for key, user in users.items()}


def _canonical_key(mapping: Mapping, text: str, version: DaemonVersion, *, lower: bool = True) -> str | None:
    """None for an ARN that v0.4.0 logs and skips; later versions end."""
    try:
        canonical = canonicalize(text, known_partitions(version))[1]
    except ArnError as error:
        if version.known < DaemonVersion(0, 5, 0):
            return None
        raise NotStarted(f"{quoted(mapping.arn)} is not taken as an ARN: {error}", mapping.route) from None
    return canonical.lower() if lower else canonical
