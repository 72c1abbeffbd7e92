"""What a backend has loaded, ready to be asked: every backend ends as one of these tables."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property

from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.arn import ArnError, canonicalize, is_account
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Locate, Mapping
from tarmak_iam.routes import Route

__all__ = ["NOBODY", "Found", "LastWins", "Table", "compared_one_by_one"]

Found = tuple[Mapping | None, ...]
"""The mappings that match a caller: more than one where the daemon picks one at random. None at the end: maybe none
of them, because the daemon may take their entries for somebody else's."""

NOBODY: Found = (None,)


@dataclass(frozen=True)
class Table:
    """Built once; a look-up costs the same however many ARNs are mapped (the daemon itself scans them).

    `roles` and `users` are by what the daemon compares: the canonical ARN in lower case (folded, where
    `folds_roles` and `folds_users` say so), or the caller's unique id where `by_user_id` is set. `place` leads
    from a mapping's route to its file, line and column.
    """

    backend: str
    roles: AnyMapping[str, Found]
    users: AnyMapping[str, Found]
    place: Locate = field(repr=False)
    written: tuple[Mapping, ...] = field(default=(), repr=False)
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
    admits: Callable[[Caller, Mapping], bool] | None = field(default=None, repr=False)
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
    def entries(self) -> Iterator[tuple[str | None, Mapping]]:
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


class LastWins:
    """Entries by what the daemon files them under: of two for one key the last counts."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}

    def put(self, possible: Sequence[tuple[str | None, Mapping]]) -> None:
        """An entry, by all that the daemon may take it for; under None it is left out."""
        own: dict[str, list[Mapping]] = {}
        for key, mapping in possible:
            if key is not None:
                own.setdefault(key, []).append(mapping)
        for key, mappings in own.items():
            rest = self.found.get(key, NOBODY) if len(mappings) < len(possible) else ()
            self.found[key] = (*mappings, *rest)


def compared_one_by_one(filed: Iterable[Found], compared: Callable[[Mapping], str]) -> dict[str, Found]:
    """By what the daemon compares where it goes through its entries in random order: of all that match it picks one."""
    found: dict[str, list[Found]] = {}
    for each in filed:
        own: dict[str, list[Mapping]] = {}
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
