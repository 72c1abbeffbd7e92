"""Who gets what from a loaded configuration: every principal once, with the entry that decides for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tarmak_iam.identity.arn import canonicalize, is_account, parse_arn
from tarmak_iam.identity.model import Grant, Mapping
from tarmak_iam.identity.reach import is_reachable
from tarmak_iam.identity.table import Table

__all__ = ["grants_of"]


def grants_of(tables: Iterable[Table], takes_partition: Callable[[str], bool]) -> Iterator[Grant]:
    """In the order of the backends; entries that match nobody are left out.

    `takes_partition`: whether the daemon takes tokens of a partition at all.
    """
    taken: set[tuple[str, str]] = set()
    admitted: set[str] = set()  # an earlier backend's accounts are asked before a later one's entries
    for table in tables:
        for mapping in table.mappings:
            grant = _grant(mapping, table, takes_partition)
            if grant is None or grant.key in taken or _account_of(grant) in admitted:
                continue
            taken.add(grant.key)
            yield grant
        for account in sorted(filter(is_account, table.accounts - admitted)):
            yield Grant("account", account, "", (), table.backend, table.place(table.accounts_route))
        admitted |= table.accounts


def _grant(mapping: Mapping, table: Table, takes_partition: Callable[[str], bool]) -> Grant | None:
    if any(prefix and mapping.username.startswith(prefix) for prefix in table.reserved_prefixes):
        return None
    named = _named(mapping, table, takes_partition)
    if named is None:
        return None
    return Grant(*named, mapping.username, mapping.groups, table.backend, table.place(mapping.route))


def _named(mapping: Mapping, table: Table, takes_partition: Callable[[str], bool]) -> tuple[str, str] | None:
    if mapping.sso is not None:
        # An explicit partition leaves the pattern without one, which matches nobody.
        return None if mapping.sso.partition else ("sso", f"{mapping.sso.account}/{mapping.sso.permission_set}")
    if table.by_user_id:
        return "userid", mapping.user_id
    if not is_reachable(mapping.arn) or not takes_partition(parse_arn(mapping.arn).partition):
        return None
    return "arn", canonicalize(mapping.arn)[1]


def _account_of(grant: Grant) -> str:
    if grant.kind == "arn":
        return parse_arn(grant.principal).account
    return grant.principal.partition("/")[0] if grant.kind == "sso" else ""
