"""Who gets what from a loaded configuration: every principal once, with the mapping that takes effect for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from tarmak_iam.aws.arn import ArnError, canonicalize, is_account, is_role_name, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text, in_ascii, is_reachable, sound_partition
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.identity.backend_table import BackendTable, Found, matches_in
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Grant, IdentityMapping
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.identity.templates import DNS_CHARACTER, PRIVATE_DNS

_TEMPLATE = re.compile(r"\{\{[A-Za-z0-9]+\}\}", re.ASCII)
# Any suffix works: the daemon's pattern ends in a star.
_SUFFIX = "ffffffffffffffff"


class Granting(NamedTuple):
    """The tables of a daemon as grants. `takes_partition`: whether it accepts tokens of a partition. `names_instances`:
    whether it can ask EC2 for the names of instances."""

    tables: Sequence[BackendTable]
    version: DaemonVersion
    takes_partition: Callable[[str], bool]
    names_instances: bool = True

    def all(self) -> Iterator[Grant]:
        """In the order of the backends, without principals that no caller can be and those that are always denied."""
        taken: set[tuple[str, str]] = set()
        for named, is_granted in self._named():
            if (key := named.key) not in taken:
                taken.add(key)
                grant = named if is_granted else self.of(named)
                # A principal with access through its account in an earlier backend keeps it, even if a later backend
                # maps it.
                if grant is not None and not (grant.kind in ("arn", "sso") and grant.is_by_account):
                    yield grant

    def of(self, asked: Grant) -> Grant | None:
        """The access of a grant's principal, independent of the other fields of the grant; None if it cannot log in."""
        return likeliest_grant(self.possible_grants(asked))

    def possible_grants(self, asked: Grant) -> tuple[Grant | None, ...]:
        """Every access that the principal of a grant can get, the likeliest first: several if the daemon picks at
        random. None stands for a denial."""
        caller = _caller(asked)

        def find(table: BackendTable) -> Found:
            if asked.kind == "account":
                return ()
            # The ARN next to a unique ID is compared with that of a caller, and here there is none.
            matches = table.of_user_id(asked.principal) if asked.kind == "userid" else table.find(caller)
            return tuple(sorted(matches, key=lambda mapping: not _is_of_permission_set(mapping, asked)))

        account = asked.principal if asked.kind == "account" else caller.account
        return tuple(self._grant(asked, *match) for match in matches_in(self.tables, find, account))

    def _grant(self, asked: Grant, table: BackendTable | None, mapping: IdentityMapping | None) -> Grant | None:
        if table is None or (mapping is not None and self._is_refused(asked, mapping, table)):
            return None
        named = asked.kind, asked.principal
        if mapping is None:
            username, route = asked.principal if asked.kind == "arn" else "", table.accounts_route
            return Grant(*named, username, (), table.backend, route, is_by_account=True, locate=table.place)
        names = mapping.username, mapping.groups
        return Grant(*named, *names, table.backend, mapping.route, locate=table.place)

    def _is_refused(self, asked: Grant, mapping: IdentityMapping, table: BackendTable) -> bool:
        """Whether the review fails for every caller. A principal that is denied sometimes only has a grant."""
        if any(prefix and mapping.username.startswith(prefix) for prefix in table.reserved_prefixes):
            return True
        names = (mapping.username, *mapping.groups)
        if mapping.kind != "role" and not self.version.has(ReleaseFeature.USER_TEMPLATES):
            return False
        # A user or root has no session, so it cannot be an instance either.
        resource = asked.principal.rpartition("::")[2].partition(":")[2] if asked.kind == "arn" else ""
        is_instance = self.names_instances and resource != "root" and not resource.startswith("user/")
        if not is_instance and any("{{" in name and PRIVATE_DNS in name for name in names):
            return True
        return self.version.has(ReleaseFeature.NAMES_NEED_DNS_CHARACTER) and any(
            not _TEMPLATE.search(name) and not DNS_CHARACTER.search(name) for name in names
        )

    def _named(self) -> Iterator[tuple[Grant, bool]]:
        """Every principal of a mapping or account that a caller can be; True if the grant is what it gets."""
        for number, table in enumerate(self.tables):
            decides = not number and not table.patterns and table.admits is None
            for key, mapping in table.entries:
                named = self._principal(key, mapping, table)
                if named is None:
                    continue
                names = mapping.username, mapping.groups
                grant = Grant(*named, *names, table.backend, mapping.route, locate=table.place)
                # Whether callers with the key have one mapping in the table, and certainly that one.
                matches = () if key is None else table.roles.get(key) or table.users.get(key, ())
                yield grant, decides and len(matches) == 1 and not self._is_refused(grant, mapping, table)
            for account in sorted(filter(is_account, table.accounts)):
                yield Grant("account", account, "", (), table.backend), False

    def _principal(self, key: str | None, mapping: IdentityMapping, table: BackendTable) -> tuple[str, str] | None:
        """Kind and principal; None if there is no such caller."""
        sso = mapping.sso
        if sso is not None:
            # The pattern is for the partition aws; with an explicit one it has none, and never matches.
            never = sso.partition or is_role_name(sso.permission_set) or not self.takes_partition("aws")
            return None if never else ("sso", f"{sso.account}/{sso.permission_set}")
        if table.by_user_id:
            return "userid", mapping.user_id
        partition, principal = ("", "") if key is None else _reachable(mapping.arn, key)
        return ("arn", principal) if principal and self.takes_partition(partition) else None


# Cached for the next authenticator, which has nearly the same mappings if one of them was edited.
@lru_cache(maxsize=1 << 14)
def _reachable(arn: str, key: str) -> tuple[str, str]:
    """The partition and the ARN of the principal that callers with the key can be; empty if there is no such caller.

    A backend that compares ARNs as written can have keys that match no caller. So can one with letters outside ASCII:
    the release does not treat them as ASCII letters.
    """
    if (partition := sound_partition(arn)) and key == arn.lower():
        return partition, arn
    if not key.isascii() or canonical_text(key) != key or not is_reachable(key):
        return "", ""
    # With the capitals of the ARN as written, if it is valid; letters that are treated as ASCII become ASCII.
    principal = key
    with suppress(ArnError):
        principal = canonicalize(in_ascii(arn))[1]
    return parse_arn(key).partition, principal if to_lower(principal) == key else key


def likeliest_grant(possible: Iterable[Grant | None]) -> Grant | None:
    """The likeliest grant; None if there is none."""
    possible = tuple(possible)
    first = next(filter(None, possible), None)
    if first is None or len(possible) == 1:
        return first
    names = (first.username, first.groups)
    is_sure = all(grant is not None and (grant.username, grant.groups) == names for grant in possible)
    return first if is_sure else replace(first, is_sure=False)


def other_grants(possible: Iterable[Grant | None]) -> tuple[Grant, ...]:
    """The alternatives to the likeliest grant, each once."""
    different: dict[tuple[str, tuple[str, ...]], Grant] = {}
    for grant in filter(None, possible):
        different.setdefault((grant.username, grant.groups), grant)
    return tuple(different.values())[1:]


def _caller(asked: Grant) -> Caller:
    """A caller that is the principal; for a permission set any of its roles."""
    if asked.kind == "sso":
        account, _, permission_set = asked.principal.partition("/")
        arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
        return Caller(arn, arn, "aws", account, "", "", "")
    arn = asked.principal if asked.kind == "arn" else ""
    sections = arn.split(":", 5)
    return Caller(arn, arn, sections[1], sections[4], "", "", "") if len(sections) == 6 else Caller(*[""] * 7)


def _is_of_permission_set(mapping: IdentityMapping | None, asked: Grant) -> bool:
    """Of several that match the role of a permission set, its own mapping comes first; for an ARN the exact one does
    anyway."""
    sso = mapping.sso if mapping is not None else None
    return asked.kind == "sso" and sso is not None and f"{sso.account}/{sso.permission_set}" == asked.principal
