"""The backend MountedFile: mapRoles, mapUsers and mapAccounts of the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.identity.backend_support import MOUNTED_FILE
from tarmak_iam.identity.backend_table import (
    BackendTable,
    Found,
    LastWins,
    arn_like_pattern,
    check_role_mapping,
    compared_one_by_one,
    sso_pattern,
)
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import UNREAD_SSO, DaemonNotStarted, IdentityMapping, Locate
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_partitions
from tarmak_iam.identity.viper import take_each
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened


def load_mounted_file(config: DaemonConfig, place: Locate) -> BackendTable:
    """Raises DaemonNotStarted for a mapping that ends the process. `place` finds places in the configuration."""
    loader = _MountedFileLoader(config.version)
    for role in config.roles:
        loader.add_role(role)
    for user in config.users:
        loader.add_user(user)
    return BackendTable(
        backend=MOUNTED_FILE.name,
        roles=loader.role_table,
        users=loader.user_table,
        patterns=loader.patterns if config.matches_sso(MOUNTED_FILE) else (),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_in(MOUNTED_FILE),
        folds_roles=loader.folds_roles,
        place=place,
        written=tuple(each for entry in (*config.roles, *config.users) for each in entry.possible),
        notes=tuple(loader.notes),
    )


class _MountedFileLoader:
    def __init__(self, version: DaemonVersion) -> None:
        self.notes: list[str] = []
        self.folds_roles = version.has(ReleaseFeature.EQUAL_FOLD)
        self._version = version
        self._partitions = known_partitions(version)
        self._validates = version.has(ReleaseFeature.CHECKS_ENTRIES)
        self._roles, self._sso, self._users = LastWins(), LastWins(), LastWins()
        self._role_key = _role_key(version)
        self._users_as_written = version.has(ReleaseFeature.USER_ARN_AS_WRITTEN)

    def add_role(self, role: IdentityMapping) -> None:
        if not role.others and role.sso is None:
            self._roles.put_one(self._role_keys(role), role)
            return
        possible = self._possible(role, self._role_keys)
        self._roles.put([(None if each.sso else key, each) for key, each in possible])
        if any(each.sso for _, each in possible):
            self._sso.put([(key if each.sso else None, each) for key, each in possible])

    def add_user(self, user: IdentityMapping) -> None:
        if not user.others:
            self._users.put_one(self._user_key(user), user)
            return
        self._users.put(self._possible(user, self._user_key))

    @property
    def role_table(self) -> dict[str, Found]:
        """v0.7.7 and later compare one by one, case-insensitively."""
        found = self._roles.found
        if not self.folds_roles or all(role is None or role.arn.isascii() for each in found.values() for role in each):
            return found
        return compared_one_by_one(found.values(), lambda role: fold(canonicalize(role.arn, self._partitions)[1]))

    @property
    def user_table(self) -> dict[str, Found]:
        """v0.6.0 and v0.6.1 compare one by one."""
        found = self._users.found
        return compared_one_by_one(found.values(), lambda user: to_lower(user.arn)) if self._users_as_written else found

    @property
    def patterns(self) -> tuple[tuple[re.Pattern[str], Found], ...]:
        return tuple((arn_like_pattern(text), found) for text, found in self._sso.found.items())

    def _possible(
        self, entry: IdentityMapping, key_of: Callable[[IdentityMapping], str | None]
    ) -> list[tuple[str | None, IdentityMapping]]:
        """The readings that do not end the process. Raises DaemonNotStarted if all of them do."""
        taken, stops = take_each(entry.possible, lambda each: (key_of(each), each))
        self.notes += stops
        return taken

    def _role_keys(self, role: IdentityMapping) -> str | None:
        if role.sso is UNREAD_SSO:
            what = f"{self._version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
            raise DaemonNotStarted(what, role.route, remedy="use a newer image, or map the role by its ARN")
        if self._validates:
            check_role_mapping(role, self._version)
        return self._role_key(role) if role.sso is None else sso_pattern(role.sso)

    def _user_key(self, user: IdentityMapping) -> str | None:
        if self._validates and not user.arn:
            what = "a user mapping has no userarn"
            raise DaemonNotStarted(what, user.route, remedy="add userARN, or remove the mapping")
        if self._users_as_written:
            return _canonical(user, user.arn, self._version)
        return _canonical(user, to_lower(user.arn), self._version)


def _role_key(version: DaemonVersion) -> Callable[[IdentityMapping], str | None]:
    if version.has(ReleaseFeature.ROLE_ARN_NOT_PARSED):
        return lambda role: to_lower(role.arn)
    if version.has(ReleaseFeature.ROLE_ARN_AS_WRITTEN):
        return lambda role: to_lower(_canonical(role, role.arn, version) or "")
    return lambda role: _canonical(role, to_lower(role.arn), version)


def _canonical(mapping: IdentityMapping, text: str, version: DaemonVersion) -> str | None:
    """None for an ARN that v0.4.0 logs and skips; later releases end."""
    try:
        return canonicalize(text, known_partitions(version))[1]
    except ArnError as error:
        if version.has(ReleaseFeature.INVALID_ARN_IGNORED):
            return None
        what = f"{quoted(mapping.arn)} is not accepted as an ARN: {error}"
        raise DaemonNotStarted(what, mapping.route, remedy=_arn_remedy(mapping, version)) from None


def _arn_remedy(mapping: IdentityMapping, version: DaemonVersion) -> str:
    """Only the name of a role or user can have capitals where a release reads ARNs as written."""
    head, colon, resource = mapping.arn.rpartition(":")
    kind, slash, name = resource.partition("/")
    lower = f"{to_lower(head)}{colon}{to_lower(kind)}{slash}{name}"
    example = f"write the ARN of a {mapping.kind}, such as arn:aws:iam::111122223333:{mapping.kind}/NAME"
    try:
        canonicalize(lower, known_partitions(version))
    except ArnError:
        return example
    return f"write {shortened(lower)}" if lower != mapping.arn else example
