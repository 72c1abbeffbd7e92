"""What a backend has loaded, ready to be asked, with the patterns of its SSO entries: every backend ends as one of
these tables.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property

from tarmak_iam.aws.arn import ArnError, canonicalize, is_account, is_permission_set, parse_arn
from tarmak_iam.document.go_case import fold, to_lower
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, Locate, SsoRole
from tarmak_iam.identity.releases import DaemonVersion, known_partitions
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

Found = tuple[IdentityMapping | None, ...]
"""The mappings that match a caller: more than one where the daemon picks one at random. None at the end: maybe none
of them, because the daemon may take their entries for somebody else's."""

NOBODY: Found = (None,)


@dataclass(frozen=True)
class BackendTable:
    """Built once; a look-up costs the same however many ARNs are mapped (the daemon itself scans them).

    `roles` and `users` are by what the daemon compares: the canonical ARN in lower case (folded, where
    `folds_roles` and `folds_users` say so), or the caller's unique id where `by_user_id` is set. `place` leads
    from a mapping's route to its file, line and column.
    """

    backend: str
    roles: AnyMapping[str, Found]
    users: AnyMapping[str, Found]
    place: Locate = field(repr=False)
    written: tuple[IdentityMapping, ...] = field(default=(), repr=False)
    """Every entry that was read, those that never count too."""
    notes: tuple[str, ...] = ()
    """What should be known of the loading: what was left out, or why there is nothing."""
    patterns: tuple[tuple[re.Pattern[str], Found], ...] = ()
    accounts: frozenset[str] = frozenset()
    accounts_route: Route | None = None
    reserved_prefixes: tuple[str, ...] = ()
    by_user_id: bool = False
    folds_roles: bool = False
    """Whether the release compares them with strings.EqualFold."""
    folds_users: bool = False
    is_carried: bool = False
    """Whether these are the entries of the mappings file, of which the backend gets what it can carry."""
    uncarried_accounts: frozenset[str] = frozenset()
    """The accounts of the mappings file that such a backend cannot admit."""
    admits: Callable[[Caller, IdentityMapping], bool] | None = field(default=None, repr=False)
    """Whether an entry that was found may be the caller's after all; None: it always may."""

    def find(self, caller: Caller) -> Found:
        """Roles before users; the exact ARN before the patterns that it also fits. Empty if nothing matches."""
        subject = to_lower(caller.canonical_arn)
        key = caller.user_id if self.by_user_id else subject
        found = self.roles.get(fold(key) if self.folds_roles and not key.isascii() else key, ())
        if self.patterns:
            found = _either(found, *(own for pattern, own in self.patterns if pattern.match(subject)))
        if not found or found[-1] is None:
            found = (*found[:-1], *self.users.get(fold(key) if self.folds_users else key, found[-1:]))
        if self.admits is not None:
            found = tuple(mapping for mapping in found if mapping is None or self.admits(caller, mapping))
        return found if found != NOBODY else ()

    def of_user_id(self, user_id: str) -> Found:
        """The entries for a unique id, whatever ARN they want beside it."""
        return (self.roles.get(user_id) or self.users.get(user_id, ())) if self.by_user_id else ()

    @property
    def entries(self) -> Iterator[tuple[str | None, IdentityMapping]]:
        """Those that can decide, by what is compared (None for a pattern): what a duplicate shadows is left out."""
        for key, found in self.roles.items():
            yield from ((key, role) for role in found if role is not None)
        for _, found in self.patterns:
            yield from ((None, role) for role in found if role is not None)
        for key, found in self.users.items():
            if self.roles.get(key, NOBODY)[-1] is None:
                yield from ((key, user) for user in found if user is not None)

    def has(self, caller: Caller) -> bool:
        """Whether an entry or account would admit the caller, were this table asked."""
        return bool(self.find(caller)) or caller.account in self.accounts

    @cached_property
    def by_name(self) -> AnyMapping[str, list[IdentityMapping]]:
        """Every entry by the name that its ARN ends in, however it is written: to find what was nearly right."""
        named: dict[str, list[IdentityMapping]] = {}
        for mapping in self.written:
            named.setdefault(_bare_name(mapping.arn), []).append(mapping)
        return named

    @cached_property
    def with_wildcards(self) -> tuple[IdentityMapping, ...]:
        return tuple(mapping for mapping in self.written if "*" in mapping.arn or "?" in mapping.arn)

    @cached_property
    def with_sso(self) -> tuple[IdentityMapping, ...]:
        return tuple(mapping for mapping in self.written if mapping.sso is not None)

    @cached_property
    def odd_accounts(self) -> tuple[str, ...]:
        """Those that are no account's number, and so match nobody."""
        return tuple(sorted(account for account in self.accounts if not is_account(account)))


class LastWins:
    """Entries by what the daemon files them under: of two for one key the last counts."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}

    def put(self, possible: Sequence[tuple[str | None, IdentityMapping]]) -> None:
        """An entry, by all that the daemon may take it for; under None it is left out."""
        own: dict[str, list[IdentityMapping]] = {}
        for key, mapping in possible:
            if key is not None:
                own.setdefault(key, []).append(mapping)
        for key, mappings in own.items():
            rest = self.found.get(key, NOBODY) if len(mappings) < len(possible) else ()
            self.found[key] = (*mappings, *rest)


def compared_one_by_one(filed: Iterable[Found], compared: Callable[[IdentityMapping], str]) -> dict[str, Found]:
    """By what the daemon compares where it goes through its entries in random order: of all that match it picks one."""
    found: dict[str, list[Found]] = {}
    for each in filed:
        own: dict[str, list[IdentityMapping]] = {}
        for mapping in filter(None, each):
            own.setdefault(compared(mapping), []).append(mapping)
        for key, mappings in own.items():
            found.setdefault(key, []).append((*mappings, *(NOBODY if len(mappings) < len(each) else ())))
    return {key: _either(*several) for key, several in found.items()}


def _either(*several: Found) -> Found:
    """Of all that match, one at random; those as they are spelled by IAM first."""
    several = tuple(filter(None, several))
    if len(several) < 2:
        return several[0] if several else ()
    mappings = dict.fromkeys(mapping for found in several for mapping in found if mapping is not None)
    is_sure = any(found[-1] is not None for found in several)
    return (*sorted(mappings, key=lambda mapping: not mapping.arn.isascii()), *(() if is_sure else NOBODY))


def _bare_name(arn: str) -> str:
    """The name that an ARN ends in (of an assumed role: the role's), without blanks and slashes, folded."""
    with contextlib.suppress(ArnError):
        arn = canonicalize(arn.strip())[1]
    return fold(arn.strip().rstrip("/").rpartition("/")[2].strip())


def check_role_mapping(role: IdentityMapping, version: DaemonVersion) -> None:
    """Raises NotStarted for a role mapping that is neither one by ARN nor a well-formed one by SSO."""
    sso = role.sso
    if not role.arn and sso is None:
        what = "a role mapping has neither rolearn nor sso"
        raise DaemonNotStarted(what, role.route, remedy="add roleARN, or remove the entry")
    if sso is None:
        return
    if role.arn:
        what = "a role mapping has both rolearn and sso"
        raise DaemonNotStarted(what, role.route, remedy="write two entries, one with roleARN and one with sso")
    if not is_account(sso.account):
        what = f"sso.accountID {quoted(sso.account)} is no account of twelve digits"
        raise DaemonNotStarted(what, role.route, remedy='write it in quotes, as in "111122223333"')
    if not is_permission_set(sso.permission_set):
        what = f"sso.permissionSetName {quoted(sso.permission_set)} is no name of a permission set"
        remedy = "write the name as IAM Identity Center has it: 1 to 32 letters, digits and +=,.@_-"
        raise DaemonNotStarted(what, role.route, remedy=remedy)
    if sso.partition and sso.partition not in known_partitions(version):
        what = f"sso.partition {quoted(sso.partition)} is not known"
        raise DaemonNotStarted(what, role.route, remedy="remove sso.partition: an entry with one never matches")


def sso_pattern(sso: SsoRole) -> str:
    """An explicit partition leaves the pattern's own empty (upstream's slip), so it never matches."""
    partition = "" if sso.partition else "aws"
    return to_lower(f"arn:{partition}:iam::{sso.account}:role/AWSReservedSSO_{sso.permission_set}_*")


def sso_patterns(roles: Iterable[IdentityMapping]) -> tuple[tuple[re.Pattern[str], Found], ...]:
    """Of the roles that have a permission set; of two with the same one the last counts."""
    patterns = {sso_pattern(role.sso): role for role in roles if role.sso}
    return tuple((arn_like_pattern(text), (role,)) for text, role in patterns.items())


def arn_like_pattern(text: str) -> re.Pattern[str]:
    """ArnLike: section by section, with `.*` and `.?` for `*` and `?`; the last section is all that follows."""
    arn = parse_arn(text)
    sections = (arn.partition, arn.service, arn.region, arn.account)
    before = (re.escape(section).replace(r"\*", "[^:\n]*").replace(r"\?", "[^:\n]?") for section in sections)
    resource = re.escape(arn.resource).replace(r"\*", ".*").replace(r"\?", ".?")
    return re.compile(f"arn:{':'.join(before)}:{resource}\\Z")
