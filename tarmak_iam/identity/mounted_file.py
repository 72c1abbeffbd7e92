"""The backend MountedFile: mapRoles, mapUsers and mapAccounts of the configuration itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.identity.backend_support import MOUNTED_FILE
from tarmak_iam.identity.backend_table import (
    NOBODY,
    BackendTable,
    Found,
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
    version = config.version
    key_of = {"role": _role_key(version), "user": _user_key(version)}
    notes: list[str] = []
    stored: dict[str, dict[str, Found]] = {"role": {}, "sso": {}, "user": {}}
    for entry in (*config.roles, *config.users):
        if not entry.others and entry.sso is None:
            _store([(key_of[entry.kind](entry), entry)], stored[entry.kind])
            continue
        # The readings that do not end the process.
        possible, stops = take_each(entry.possible, lambda reading: (key_of[reading.kind](reading), reading))
        notes += stops
        _store([(None if reading.sso else key, reading) for key, reading in possible], stored[entry.kind])
        if any(reading.sso for _, reading in possible):
            _store([(key if reading.sso else None, reading) for key, reading in possible], stored["sso"])
    roles, users, folds = stored["role"], stored["user"], version.has(ReleaseFeature.EQUAL_FOLD)
    # v0.7.7 and later compare roles one by one, case-insensitively; v0.6.0 and v0.6.1 compare users one by one.
    if folds and not all(role is None or role.arn.isascii() for possible in roles.values() for role in possible):
        partitions = known_partitions(version)
        roles = compared_one_by_one(roles.values(), lambda role: fold(canonicalize(role.arn, partitions)[1]))
    if version.has(ReleaseFeature.USER_ARN_AS_WRITTEN):
        users = compared_one_by_one(users.values(), lambda user: to_lower(user.arn))
    patterns = tuple((arn_like_pattern(text), possible) for text, possible in stored["sso"].items())
    return BackendTable(
        backend=MOUNTED_FILE.name,
        roles=roles,
        users=users,
        patterns=patterns if config.matches_sso(MOUNTED_FILE) else (),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_in(MOUNTED_FILE),
        folds_roles=folds,
        place=place,
        written=tuple(reading for entry in (*config.roles, *config.users) for reading in entry.possible),
        notes=tuple(notes),
    )


def _store(possible: Sequence[tuple[str | None, IdentityMapping]], stored: dict[str, Found]) -> None:
    """Adds a mapping under every key that the daemon can read it as; None: it is skipped then. The last mapping for a
    key takes effect."""
    by_key: dict[str, list[IdentityMapping]] = {}
    for key, mapping in possible:
        if key is not None:
            by_key.setdefault(key, []).append(mapping)
    for key, mappings in by_key.items():
        rest = stored.get(key, NOBODY) if len(mappings) < len(possible) else ()
        stored[key] = (*mappings, *rest)


def _role_key(version: DaemonVersion) -> Callable[[IdentityMapping], str | None]:
    """What a release stores a role under: the ARN, or the pattern of an SSO mapping. Raises DaemonNotStarted."""
    validates = version.has(ReleaseFeature.CHECKS_ENTRIES)
    is_parsed = not version.has(ReleaseFeature.ROLE_ARN_NOT_PARSED)
    as_written = version.has(ReleaseFeature.ROLE_ARN_AS_WRITTEN)

    def key(role: IdentityMapping) -> str | None:
        if role.sso is UNREAD_SSO:
            what = f"{version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
            raise DaemonNotStarted(what, role.route, remedy="use a newer image, or map the role by its ARN")
        if validates:
            check_role_mapping(role, version)
        if role.sso is not None:
            return sso_pattern(role.sso)
        if not is_parsed:
            return to_lower(role.arn)
        if as_written:
            return to_lower(_canonical(role, role.arn, version) or "")
        return _canonical(role, to_lower(role.arn), version)

    return key


def _user_key(version: DaemonVersion) -> Callable[[IdentityMapping], str | None]:
    validates, as_written = version.has(ReleaseFeature.CHECKS_ENTRIES), version.has(ReleaseFeature.USER_ARN_AS_WRITTEN)

    def key(user: IdentityMapping) -> str | None:
        if validates and not user.arn:
            what = "a user mapping has no userarn"
            raise DaemonNotStarted(what, user.route, remedy="add userARN, or remove the mapping")
        return _canonical(user, user.arn if as_written else to_lower(user.arn), version)

    return key


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
