"""The backend MountedFile: mapRoles, mapUsers and mapAccounts of the configuration itself."""

from __future__ import annotations

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
    notes: list[str] = []
    stored: dict[str, dict[str, Found]] = {"role": {}, "sso": {}, "user": {}}
    for entry in (*config.roles, *config.users):
        # The readings that do not end the process, under every key that the daemon can read the entry as; of two
        # entries with one key the last takes effect.
        readings, stops = take_each(entry.possible, lambda reading: (_key(reading, version), reading))
        notes += stops
        by_key: dict[tuple[str, str], list[IdentityMapping]] = {}
        for key, reading in readings:
            if key is not None:
                by_key.setdefault(("sso" if reading.sso else entry.kind, key), []).append(reading)
        for (kind, key), mappings in by_key.items():
            rest = stored[kind].get(key, NOBODY) if len(mappings) < len(readings) else ()
            stored[kind][key] = (*mappings, *rest)
    roles, users, folds = stored["role"], stored["user"], version.has(ReleaseFeature.EQUAL_FOLD)
    # v0.7.7 and later compare roles one by one, case-insensitively; v0.6.0 and v0.6.1 compare users one by one.
    if folds and not all(role is None or role.arn.isascii() for possible in roles.values() for role in possible):
        partitions = known_partitions(version)
        roles = compared_one_by_one(roles.values(), lambda role: fold(canonicalize(role.arn, partitions)[1]))
    if version.has(ReleaseFeature.USER_ARN_AS_WRITTEN):
        users = compared_one_by_one(users.values(), lambda user: to_lower(user.arn))
    sso = stored["sso"] if config.matches_sso(MOUNTED_FILE) else {}
    return BackendTable(
        backend=MOUNTED_FILE.name,
        roles=roles,
        users=users,
        patterns=tuple((arn_like_pattern(text), possible) for text, possible in sso.items()),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_in(MOUNTED_FILE),
        folds_roles=folds,
        place=place,
        written=tuple(reading for entry in (*config.roles, *config.users) for reading in entry.possible),
        notes=tuple(notes),
    )


def _key(mapping: IdentityMapping, version: DaemonVersion) -> str | None:
    """What a release stores a mapping under: the ARN, or the pattern of an SSO mapping; None: it is skipped. Raises
    DaemonNotStarted."""
    validates = version.has(ReleaseFeature.CHECKS_ENTRIES)
    if mapping.kind == "user":
        if validates and not mapping.arn:
            what = "a user mapping has no userarn"
            raise DaemonNotStarted(what, mapping.route, remedy="add userARN, or remove the mapping")
        as_written = version.has(ReleaseFeature.USER_ARN_AS_WRITTEN)
        return _canonical(mapping, mapping.arn if as_written else to_lower(mapping.arn), version)
    if mapping.sso is UNREAD_SSO:
        what = f"{version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
        raise DaemonNotStarted(what, mapping.route, remedy="use a newer image, or map the role by its ARN")
    if validates:
        check_role_mapping(mapping, version)
    if mapping.sso is not None:
        return sso_pattern(mapping.sso)
    if version.has(ReleaseFeature.ROLE_ARN_NOT_PARSED):
        return to_lower(mapping.arn)
    if version.has(ReleaseFeature.ROLE_ARN_AS_WRITTEN):
        return to_lower(_canonical(mapping, mapping.arn, version) or "")
    return _canonical(mapping, to_lower(mapping.arn), version)


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
