"""What a backend has loaded, ready to be asked: every backend ends as one of these tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field

from tarmak_iam.errors import Place
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Mapping
from tarmak_iam.routes import Route

__all__ = ["Table"]

Found = tuple[Mapping, ...]
"""The mappings that match a caller: more than one where the daemon picks one at random."""


@dataclass(frozen=True)
class Table:
    """Built once; a look-up costs the same however many ARNs are mapped (the daemon itself scans them).

    `roles` and `users` are by what the daemon compares: the canonical ARN in lower case, or the caller's
    user id where `by_user_id` is set. `place` leads from a mapping's route to its file, line and column.
    """

    backend: str
    roles: AnyMapping[str, Found]
    users: AnyMapping[str, Found]
    place: Callable[[Route | None], Place | None] = field(repr=False)
    patterns: tuple[tuple[re.Pattern[str], Mapping], ...] = ()
    accounts: frozenset[str] = frozenset()
    accounts_route: Route | None = None
    reserved_prefixes: tuple[str, ...] = ()
    by_user_id: bool = False

    def find(self, caller: Caller) -> Found:
        """Roles before users; the exact ARN before the patterns that it also fits."""
        subject = caller.canonical_arn.lower()
        key = caller.user_id if self.by_user_id else subject
        found = self.roles.get(key, ())
        if self.patterns:
            found += tuple(role for pattern, role in self.patterns if pattern.match(subject))
        return found or self.users.get(key, ())

    @property
    def mappings(self) -> Iterator[Mapping]:
        """Those that can decide: a duplicate that another one shadows is left out."""
        shadowing = self.roles.keys()
        for found in self.roles.values():
            yield from found
        for _, role in self.patterns:
            yield role
        for key, found in self.users.items():
            if key not in shadowing:
                yield from found
