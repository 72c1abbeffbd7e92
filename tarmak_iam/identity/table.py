"""What a backend has loaded, ready to be asked: every backend ends as one of these tables."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property

from tarmak_iam.identity.arn import ArnError, canonicalize, is_account
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Locate, Mapping
from tarmak_iam.routes import Route

__all__ = ["Found", "Table", "compared_one_by_one"]

Found = tuple[Mapping, ...]
"""The mappings that match a caller: more than one where the daemon picks one at random."""


@dataclass(frozen=True)
class Table:
    """Built once; a look-up costs the same however many ARNs are mapped (the daemon itself scans them).

    `roles` and `users` are by what the daemon compares: the canonical ARN in lower case, or the caller's
    unique id where `by_user_id` is set. `place` leads from a mapping's route to its file, line and column.
    """

    backend: str
    roles: AnyMapping[str, Found]
    users: AnyMapping[str, Found]
    place: Locate = field(repr=False)
    written: tuple[Mapping, ...] = field(default=(), repr=False)
    """Every entry that was read, those that never count too."""
    notes: tuple[str, ...] = ()
    """What should be known of the loading: what was left out, or why there is nothing."""
    patterns: tuple[tuple[re.Pattern[str], Mapping], ...] = ()
    accounts: frozenset[str] = frozenset()
    accounts_route: Route | None = None
    reserved_prefixes: tuple[str, ...] = ()
    by_user_id: bool = False
    is_carried: bool = False
    """Whether these are the entries of the mappings file, of which the backend gets what it can carry."""
    uncarried_accounts: frozenset[str] = frozenset()
    """The accounts of the mappings file that such a backend cannot admit."""
    admits: Callable[[Caller, Mapping], bool] | None = field(default=None, repr=False)
    """Whether an entry that was found may be the caller's after all; None: it always may."""

    def find(self, caller: Caller) -> Found:
        """Roles before users; the exact ARN before the patterns that it also fits."""
        subject = caller.canonical_arn.lower()
        key = caller.user_id if self.by_user_id else subject
        found = self.roles.get(key, ())
        if self.patterns:
            found += tuple(role for pattern, role in self.patterns if pattern.match(subject))
        found = found or self.users.get(key, ())
        if self.admits is not None:
            found = tuple(mapping for mapping in found if self.admits(caller, mapping))
        return found

    def of_user_id(self, user_id: str) -> Found:
        """The entries for a unique id, whatever ARN they want beside it."""
        return (self.roles.get(user_id) or self.users.get(user_id, ())) if self.by_user_id else ()

    @property
    def entries(self) -> Iterator[tuple[str | None, Mapping]]:
        """Those that can decide, by what is compared (None for a pattern): what a duplicate shadows is left out."""
        for key, found in self.roles.items():
            yield from ((key, role) for role in found)
        for _, role in self.patterns:
            yield None, role
        for key, found in self.users.items():
            if key not in self.roles:
                yield from ((key, user) for user in found)

    def has(self, caller: Caller) -> bool:
        """Whether an entry or account would admit the caller, were this table asked."""
        return bool(self.find(caller)) or caller.account in self.accounts

    @cached_property
    def by_name(self) -> AnyMapping[str, list[Mapping]]:
        """Every entry by the name that its ARN ends in, however it is written: to find what was nearly right."""
        named: dict[str, list[Mapping]] = {}
        for mapping in self.written:
            named.setdefault(_bare_name(mapping.arn), []).append(mapping)
        return named

    @cached_property
    def with_wildcards(self) -> tuple[Mapping, ...]:
        return tuple(mapping for mapping in self.written if "*" in mapping.arn or "?" in mapping.arn)

    @cached_property
    def with_sso(self) -> tuple[Mapping, ...]:
        return tuple(mapping for mapping in self.written if mapping.sso is not None)

    @cached_property
    def odd_accounts(self) -> tuple[str, ...]:
        """Those that are no account's number, and so match nobody."""
        return tuple(sorted(account for account in self.accounts if not is_account(account)))


def compared_one_by_one(users: Iterable[Mapping]) -> dict[str, Found]:
    """By their ARNs as they are written, without case: two in different case both stay, and one is picked at random."""
    found: dict[str, Found] = {}
    for user in users:
        key = user.arn.lower()
        found[key] = (*found.get(key, ()), user)
    return found


def _bare_name(arn: str) -> str:
    """The name that an ARN ends in (of an assumed role: the role's), without blanks and slashes, in lower case."""
    with contextlib.suppress(ArnError):
        arn = canonicalize(arn.strip())[1]
    return arn.strip().rstrip("/").rpartition("/")[2].strip().lower()
