"""Who gets what from a loaded configuration: every principal once, with the entry that decides for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tarmak_iam.identity.arn import ArnError, canonicalize, is_account, parse_arn
from tarmak_iam.identity.model import Grant, Mapping
from tarmak_iam.identity.reach import canonical_text, is_reachable
from tarmak_iam.identity.table import Table

__all__ = ["grants_of"]


def grants_of(tables: Iterable[Table], takes_partition: Callable[[str], bool]) -> Iterator[Grant]:
    """In the order of the backends; entries that match nobody are left out.

    `takes_partition`: whether the daemon takes tokens of a partition at all.
    """
    taken: set[tuple[str, str]] = set()
    admitted: set[str] = set()  # an earlier backend's accounts are asked before a later one's entries
    for table in tables:
        for key, mapping in table.entries:
            named = _named(key, mapping, table, takes_partition)
            if named is None or _is_reserved(mapping, table) or _account_of(*named) in admitted:
                continue
            grant = Grant(*named, mapping.username, mapping.groups, table.backend, table.place(mapping.route))
            if grant.key not in taken:
                taken.add(grant.key)
                yield grant
        for account in sorted(filter(is_account, table.accounts - admitted)):
            yield Grant("account", account, "", (), table.backend, table.place(table.accounts_route))
        admitted |= table.accounts


def _is_reserved(mapping: Mapping, table: Table) -> bool:
    return any(prefix and mapping.username.startswith(prefix) for prefix in table.reserved_prefixes)


def _named(
    key: str | None, mapping: Mapping, table: Table, takes_partition: Callable[[str], bool]
) -> tuple[str, str] | None:
    """Kind and principal, None for an entry that matches nobody."""
    if mapping.sso is not None:
        # The pattern is for the partition aws; an explicit one leaves it without any, and it matches nobody.
        if mapping.sso.partition or not takes_partition("aws"):
            return None
        return "sso", f"{mapping.sso.account}/{mapping.sso.permission_set}"
    if table.by_user_id:
        return "userid", mapping.user_id
    # A backend that compares ARNs as they are written has keys that are no caller's.
    if key is None or canonical_text(key) != key or not is_reachable(key):
        return None
    return ("arn", _written(mapping.arn, key)) if takes_partition(parse_arn(key).partition) else None


def _written(arn: str, key: str) -> str:
    """With its capitals, where the ARN as it is written is one."""
    try:
        principal = canonicalize(arn)[1]
    except ArnError:
        return key
    return principal if principal.lower() == key else key


def _account_of(kind: str, principal: str) -> str:
    if kind == "arn":
        return parse_arn(principal).account
    return principal.partition("/")[0] if kind == "sso" else ""
