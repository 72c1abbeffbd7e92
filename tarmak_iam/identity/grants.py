"""Who gets what from a loaded configuration: every principal once, with the mapping that takes effect for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from tarmak_iam.aws.arn import ArnError, canonicalize, is_account, is_role_name, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text, in_ascii, is_reachable, sound_partition
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.identity.backend_table import BackendTable, Found
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Grant, IdentityMapping
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.identity.templates import DNS_CHARACTER, PRIVATE_DNS
from tarmak_iam.late_dataclass import dataclass

_TEMPLATE = re.compile(r"\{\{[A-Za-z0-9]+\}\}", re.ASCII)
# Any suffix works: the daemon's pattern ends in a star.
_SUFFIX = "ffffffffffffffff"


@dataclass(frozen=True)
class Granting:
    """The tables of a daemon as grants. `takes_partition`: whether it accepts tokens of a partition. `names_instances`:
    whether it can ask EC2 for the names of instances."""

    tables: Sequence[BackendTable]
    version: DaemonVersion
    takes_partition: Callable[[str], bool]
    names_instances: bool = True

    @cached_property
    def _renders_users(self) -> bool:
        return self.version.has(ReleaseFeature.USER_TEMPLATES)

    @cached_property
    def _accepts(self) -> Callable[[str], bool]:
        """`takes_partition`, asked once for each partition."""
        return lru_cache(maxsize=64)(self.takes_partition)

    @cached_property
    def _needs_dns(self) -> bool:
        return self.version.has(ReleaseFeature.NAMES_NEED_DNS_CHARACTER)

    def all(self) -> Iterator[Grant]:
        """In the order of the backends, without principals that no caller can be and those that are always denied."""
        taken: set[tuple[str, str]] = set()
        for named, is_own in self._named():
            if (key := named.key) not in taken:
                taken.add(key)
                grant = named if is_own else self.of(named)
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
        possible: list[Grant | None] = []
        caller = _caller(asked)
        for table in self.tables:
            if asked.kind == "account":
                if asked.principal in table.accounts:
                    return (self._by_account(asked, table),)
                continue
            found = _found(asked, caller, table)
            possible += [self._granted(asked, each, table) for each in _own_first(asked, found) if each is not None]
            if found and found[-1] is not None:
                return tuple(possible)
            if caller.account in table.accounts:
                return (*possible, self._by_account(asked, table))
        return (*possible, None)

    def _granted(self, asked: Grant, mapping: IdentityMapping, table: BackendTable) -> Grant | None:
        if self._is_refused(asked, mapping, table):
            return None
        return Grant(
            asked.kind,
            asked.principal,
            mapping.username,
            mapping.groups,
            table.backend,
            mapping.route,
            locate=table.place,
        )

    def _by_account(self, asked: Grant, table: BackendTable) -> Grant:
        username = asked.principal if asked.kind == "arn" else ""
        return Grant(
            asked.kind,
            asked.principal,
            username,
            (),
            table.backend,
            table.accounts_route,
            is_by_account=True,
            locate=table.place,
        )

    def _is_refused(self, asked: Grant, mapping: IdentityMapping, table: BackendTable) -> bool:
        """Whether the review fails for every caller. A principal that is denied sometimes only has a grant."""
        prefixes = table.reserved_prefixes
        if prefixes and any(prefix and mapping.username.startswith(prefix) for prefix in prefixes):
            return True
        names = (mapping.username, *mapping.groups)
        if mapping.kind != "role" and not self._renders_users:
            return False
        if any(map(_asks_ec2, names)) and (_has_no_session(asked) or not self.names_instances):
            return True
        return self._needs_dns and any(not _TEMPLATE.search(name) and not DNS_CHARACTER.search(name) for name in names)

    def _named(self) -> Iterator[tuple[Grant, bool]]:
        """Every principal of a mapping or account that a caller can be; True if the grant is what it gets."""
        for number, table in enumerate(self.tables):
            decides = not number and not table.patterns and table.admits is None
            for key, mapping in table.entries:
                named = self._principal(key, mapping, table)
                if named is None:
                    continue
                grant = Grant(
                    *named, mapping.username, mapping.groups, table.backend, mapping.route, locate=table.place
                )
                is_own = decides and _is_only_one(key, table)
                yield grant, is_own and not self._is_refused(grant, mapping, table)
            for account in sorted(filter(is_account, table.accounts)):
                yield Grant("account", account, "", (), table.backend), False

    def _principal(self, key: str | None, mapping: IdentityMapping, table: BackendTable) -> tuple[str, str] | None:
        if mapping.sso is not None:
            # The pattern is for the partition aws; with an explicit one it has none, and never matches.
            if mapping.sso.partition or is_role_name(mapping.sso.permission_set) or not self._accepts("aws"):
                return None
            return "sso", f"{mapping.sso.account}/{mapping.sso.permission_set}"
        if table.by_user_id:
            return "userid", mapping.user_id
        partition, principal = _NO_PRINCIPAL if key is None else _reachable(mapping.arn, key)
        return ("arn", principal) if principal and self._accepts(partition) else None


def _is_only_one(key: str | None, table: BackendTable) -> bool:
    """Whether callers with the key have one mapping in the table, and certainly that one; None: not known by a key."""
    found = () if key is None else table.roles.get(key) or table.users.get(key, ())
    return len(found) == 1


_NO_PRINCIPAL = ("", "")


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
        return _NO_PRINCIPAL
    return parse_arn(key).partition, _written(arn, key)


def _found(asked: Grant, caller: Caller, table: BackendTable) -> Found:
    # The ARN next to the unique ID is compared with that of a caller, and here there is none.
    return table.of_user_id(asked.principal) if asked.kind == "userid" else table.find(caller)


def likeliest_grant(possible: Iterable[Grant | None]) -> Grant | None:
    """The likeliest grant; None if there is none."""
    possible = tuple(possible)
    first = next((each for each in possible if each is not None), None)
    if first is None or len(possible) == 1:
        return first
    is_sure = all(
        each is not None and (each.username, each.groups) == (first.username, first.groups) for each in possible
    )
    return first if is_sure else replace(first, is_sure=False)


def other_grants(possible: Iterable[Grant | None]) -> tuple[Grant, ...]:
    """The alternatives to the likeliest grant, each once."""
    different: dict[tuple[str, tuple[str, ...]], Grant] = {}
    for each in filter(None, possible):
        different.setdefault((each.username, each.groups), each)
    return tuple(different.values())[1:]


def _own_first(asked: Grant, found: Sequence[IdentityMapping | None]) -> list[IdentityMapping | None]:
    """Of several that match the role of a permission set, its own mapping first."""
    return sorted(found, key=lambda each: each is None or not _is_own(each, asked)) if len(found) > 1 else [*found]


def _caller(asked: Grant) -> Caller:
    """A caller that is the principal; for a permission set any of its roles."""
    if asked.kind == "sso":
        account, _, permission_set = asked.principal.partition("/")
        arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
        return Caller(arn, arn, "aws", account, "", "", "")
    if asked.kind == "arn":
        arn = asked.principal
        sections = arn.split(":", 5)
        return Caller(arn, arn, sections[1], sections[4], "", "", "") if len(sections) == 6 else _NOBODY
    return _NOBODY


_NOBODY = Caller("", "", "", "", "", "", "")


def _asks_ec2(name: str) -> bool:
    return "{{" in name and PRIVATE_DNS in name


def _has_no_session(asked: Grant) -> bool:
    """True for a user or root, which cannot be an instance either."""
    resource = asked.principal.rpartition("::")[2].partition(":")[2] if asked.kind == "arn" else ""
    return resource == "root" or resource.startswith("user/")


def _is_own(mapping: IdentityMapping, asked: Grant) -> bool:
    """Of several that match the role of a permission set, its own mapping; for an ARN the exact one comes first
    anyway."""
    sso = mapping.sso
    return asked.kind == "sso" and sso is not None and f"{sso.account}/{sso.permission_set}" == asked.principal


def _written(arn: str, key: str) -> str:
    """With the capitals of the ARN as written, if it is valid; letters that are treated as ASCII become ASCII."""
    try:
        principal = canonicalize(in_ascii(arn))[1]
    except ArnError:
        return key
    return principal if to_lower(principal) == key else key
