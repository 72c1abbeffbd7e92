"""The mappings that a backend has loaded, ready for look-ups, with the patterns of its SSO mappings. Every backend
becomes one of these tables.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property

from tarmak_iam.aws.arn import ArnError, canonicalize, is_account, is_permission_set, parse_arn
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, Locate, SsoRole
from tarmak_iam.identity.releases import DaemonVersion, known_partitions
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

Found = tuple[IdentityMapping | None, ...]
"""The mappings that match a caller: several where the authenticator picks one at random. None at the end: possibly none
of them, because the authenticator can read them as mappings of another principal."""

NOBODY: Found = (None,)


@dataclass(frozen=True)
class BackendTable:
    """Built once; a look-up costs the same however many ARNs are mapped (the authenticator itself scans them). `roles`
    and `users` are by what the authenticator compares: the canonical ARN in lower case (folded, where `folds_roles` and
    `folds_users` say so), or the caller's unique id where `by_user_id` is set. `place` leads from a mapping's route to
    its file, line and column."""

    backend: str
    roles: AnyMapping[str, Found]
    users: AnyMapping[str, Found]
    place: Locate = field(repr=False)
    written: tuple[IdentityMapping, ...] = field(default=(), repr=False)
    """Every mapping that was read, including those that never take effect."""
    notes: tuple[str, ...] = ()
    """The entries that were skipped on loading, or the reason why nothing was loaded."""
    patterns: tuple[tuple[re.Pattern[str], Found], ...] = ()
    accounts: frozenset[str] = frozenset()
    accounts_route: Route | None = None
    reserved_prefixes: tuple[str, ...] = ()
    by_user_id: bool = False
    folds_roles: bool = False
    """Whether the release compares them with strings.EqualFold."""
    folds_users: bool = False
    is_carried: bool = False
    """Whether these are the mappings of the mappings file that the backend supports."""
    uncarried_accounts: frozenset[str] = frozenset()
    """The accounts of the mappings file that such a backend does not support."""
    admits: Callable[[Caller | None, IdentityMapping], bool] | None = field(default=None, repr=False)
    """Whether a mapping that was found can be used for the caller, or for any (None); without a function: always."""

    def find(self, caller: Caller) -> Found:
        """Roles before users; the exact ARN before the patterns that match it too. Empty if nothing matches."""
        subject = to_lower(caller.canonical_arn)
        key = caller.user_id if self.by_user_id else subject
        matches = self.roles.get(fold(key) if self.folds_roles and not key.isascii() else key, ())
        if self.patterns:
            matches = _either(matches, *(roles for pattern, roles in self.patterns if pattern.match(subject)))
        if not matches or matches[-1] is None:
            matches = (*matches[:-1], *self.users.get(fold(key) if self.folds_users else key, matches[-1:]))
        if self.admits is not None:
            matches = tuple(mapping for mapping in matches if mapping is None or self.admits(caller, mapping))
        return matches if matches != NOBODY else ()

    def of_user_id(self, user_id: str) -> Found:
        """The mappings with a unique ID that a caller can use, whatever the caller's ARN."""
        matches = (self.roles.get(user_id) or self.users.get(user_id, ())) if self.by_user_id else ()
        admits = self.admits
        return tuple(mapping for mapping in matches if admits is None or mapping is None or admits(None, mapping))

    @property
    def entries(self) -> Iterator[tuple[str | None, IdentityMapping]]:
        """The mappings that can take effect, by what is compared (None for a pattern), without shadowed duplicates."""
        users = ((key, user) for key, user in self.users.items() if self.roles.get(key, NOBODY)[-1] is None)
        for key, possible in (*self.roles.items(), *((None, roles) for _, roles in self.patterns), *users):
            yield from ((key, mapping) for mapping in possible if mapping is not None)

    @cached_property
    def by_name(self) -> AnyMapping[str, list[IdentityMapping]]:
        """Every mapping by the last part of its ARN, however it is written: to find near misses."""
        named: dict[str, list[IdentityMapping]] = {}
        for mapping in self.written:
            named.setdefault(_bare_name(mapping.arn), []).append(mapping)
        return named

    @cached_property
    def unusual(self) -> tuple[list[IdentityMapping], list[IdentityMapping], list[str]]:
        """The mappings with a wildcard, those with an SSO section, and the accounts that are not valid account IDs, and
        so never match."""
        wildcards = [mapping for mapping in self.written if "*" in mapping.arn or "?" in mapping.arn]
        sso = [mapping for mapping in self.written if mapping.sso is not None]
        return wildcards, sso, sorted(account for account in self.accounts if not is_account(account))


def matches_in(
    tables: Iterable[BackendTable], find: Callable[[BackendTable], Found], account: str
) -> list[tuple[BackendTable | None, IdentityMapping | None]]:
    """What decides about a caller, in the order of the backends: a mapping, an account of a table (no mapping), or
    nothing (no table). Several where the authenticator picks one at random, the likeliest first."""
    matches: list[tuple[BackendTable | None, IdentityMapping | None]] = []
    for table in tables:
        mappings = find(table)
        matches += [(table, mapping) for mapping in mappings if mapping is not None]
        if mappings and mappings[-1] is not None:
            return matches
        if account in table.accounts:
            return [*matches, (table, None)]
    return [*matches, (None, None)]


def compared_one_by_one(filed: Iterable[Found], compared: Callable[[IdentityMapping], str]) -> dict[str, Found]:
    """By what the authenticator compares, where it uses the first match of its mappings in random order."""
    matches: dict[str, list[Found]] = {}
    for possible in filed:
        by_key: dict[str, list[IdentityMapping]] = {}
        for mapping in filter(None, possible):
            by_key.setdefault(compared(mapping), []).append(mapping)
        for key, mappings in by_key.items():
            matches.setdefault(key, []).append((*mappings, *(NOBODY if len(mappings) < len(possible) else ())))
    return {key: _either(*several) for key, several in matches.items()}


def compared_as_written(mappings: Iterable[IdentityMapping], compared: Callable[[str], str]) -> dict[str, Found]:
    """Of releases that file users under their ARNs as written, roles in lower case, and then compare all of them."""
    filed = {mapping.arn if mapping.kind == "user" else to_lower(mapping.arn): (mapping,) for mapping in mappings}
    return compared_one_by_one(filed.values(), lambda mapping: compared(mapping.arn))


def _either(*several: Found) -> Found:
    """Of all that match, one at random; those spelled as IAM does come first."""
    several = tuple(filter(None, several))
    if len(several) < 2:
        return several[0] if several else ()
    mappings = dict.fromkeys(mapping for possible in several for mapping in possible if mapping is not None)
    is_sure = any(possible[-1] is not None for possible in several)
    return (*sorted(mappings, key=lambda mapping: not mapping.arn.isascii()), *(() if is_sure else NOBODY))


def _bare_name(arn: str) -> str:
    """The last part of an ARN (for an assumed role: the role name), without spaces and slashes, folded."""
    with contextlib.suppress(ArnError):
        arn = canonicalize(arn.strip())[1]
    return fold(arn.strip().rstrip("/").rpartition("/")[2].strip())


def check_role_mapping(role: IdentityMapping, version: DaemonVersion) -> None:
    """Raises DaemonNotStarted for a role mapping with neither an ARN nor a valid SSO section."""
    sso = role.sso
    if sso is None and role.arn:
        return
    if sso is None:
        what, remedy = "a role mapping has neither rolearn nor sso", "add roleARN, or remove the mapping"
    elif role.arn:
        what, remedy = (
            "a role mapping has both rolearn and sso",
            "write two mappings, one with roleARN and one with sso",
        )
    elif not is_account(sso.account):
        what = f"sso.accountID {quoted(sso.account)} must have 12 digits"
        remedy = 'write it in quotes, as in "111122223333"'
    elif not is_permission_set(sso.permission_set):
        what = f"sso.permissionSetName {quoted(sso.permission_set)} is not a valid name of a permission set"
        remedy = "write the name as in IAM Identity Center: 1 to 32 letters, digits and +=,.@_-"
    elif sso.partition and sso.partition not in known_partitions(version):
        what = f"sso.partition {quoted(sso.partition)} is unknown"
        remedy = "remove sso.partition: a mapping with one never matches"
    else:
        return
    raise DaemonNotStarted(what, role.route, remedy=remedy)


def sso_pattern(sso: SsoRole) -> str:
    """With an explicit partition, upstream's pattern has an empty partition by mistake, so it never matches."""
    partition = "" if sso.partition else "aws"
    return to_lower(f"arn:{partition}:iam::{sso.account}:role/AWSReservedSSO_{sso.permission_set}_*")


def sso_patterns(roles: Iterable[IdentityMapping]) -> tuple[tuple[re.Pattern[str], Found], ...]:
    """Of the roles with a permission set; of two with the same one the last takes effect."""
    patterns = {sso_pattern(role.sso): role for role in roles if role.sso}
    return tuple((arn_like_pattern(text), (role,)) for text, role in patterns.items())


def arn_like_pattern(text: str) -> re.Pattern[str]:
    """ArnLike: section by section, with `.*` and `.?` for `*` and `?`; the last section is everything after that."""
    arn = parse_arn(text)
    sections = (arn.partition, arn.service, arn.region, arn.account)
    before = (re.escape(section).replace(r"\*", "[^:\n]*").replace(r"\?", "[^:\n]?") for section in sections)
    resource = re.escape(arn.resource).replace(r"\*", ".*").replace(r"\?", ".?")
    return re.compile(f"arn:{':'.join(before)}:{resource}\\Z")
