"""Why an entry matched, or why none did: in words that tell a person what to change.

What is worked out here is asked for with every review, so nothing scans the entries: those that are nearly
right are found by the name that their ARN ends in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from tarmak_iam.go_case import equal_fold, fold, to_lower
from tarmak_iam.identity.arn import Arn, ArnError, canonicalize, parse_arn
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Mapping
from tarmak_iam.identity.refusal import Denied
from tarmak_iam.identity.table import Table
from tarmak_iam.text import quoted, shortened

__all__ = ["by_account", "literal", "matched", "unmatched"]

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")


def matched(mapping: Mapping, caller: Caller, table: Table, tables: Sequence[Table]) -> str:
    """With what the entry keeps from counting: duplicates before it, and backends behind its own."""
    if mapping.sso is not None:
        text = f"the SSO entry for permission set {mapping.sso.permission_set} of account {mapping.sso.account} matches"
    elif table.by_user_id:
        text = f"the entry for the unique id {mapping.user_id} matches"
    else:
        text = f"the entry for {mapping.arn} matches"
        if len(table.by_name.get(_name(caller), ())) > 1:
            text += _among(mapping, caller, table)
    return text + _behind(caller, table, tables)


def by_account(caller: Caller, table: Table, tables: Sequence[Table]) -> str:
    reason = f"account {caller.account} is in mapAccounts: the username is the ARN, without groups"
    return reason + _behind(caller, table, tables)


def literal(username: str) -> str:
    """What is said of a username that still has a template in it."""
    left = _TEMPLATE.search(username)
    return f"; {left.group()} is no template of this release and stays as it is" if left else ""


def unmatched(caller: Caller, config: DaemonConfig, tables: Sequence[Table]) -> Denied:
    """Why nobody matched, with the nearest entry that would have, had it been written otherwise."""
    reason = f"no entry maps {caller.canonical_arn}, and account {caller.account} is not in mapAccounts"
    for table in tables:
        if caller.account in table.uncarried_accounts:
            what = f"no entry maps {caller.canonical_arn}, and the backend {table.backend} admits no accounts"
            hint = f"the file has account {caller.account} in mapAccounts, so add MountedFile"
            return Denied(f"{what}: {hint}", table.accounts_route, table.place)
    for table in tables:
        for mapping, hint in _hints(caller, config, table):
            return Denied(f"{reason}; {hint}", mapping.route, table.place)
        hint = _account_hint(caller, table)
        if hint:
            return Denied(f"{reason}; {hint}", table.accounts_route, table.place)
    if all(table.backend != "MountedFile" for table in tables):
        for mapping in (each for entry in (*config.roles, *config.users) for each in entry.possible):
            if _same(mapping.arn, caller.canonical_arn):
                hint = "the configuration's own entry for it is not asked: MountedFile is not among the backends"
                return Denied(f"{reason}; {hint}", mapping.route)
    return Denied(reason)


def _among(mapping: Mapping, caller: Caller, table: Table) -> str:
    """An entry that the daemon may take in several ways is one of them all the same."""
    picked_from = {each.route for each in table.find(caller) if each is not None}
    if len(picked_from) > 1:
        objects = " objects" if table.backend == "CRD" and not table.is_carried else ""
        return f" (one of {len(picked_from)}{objects} for it: the daemon picks one at random)"
    same = {each.route: each for each in table.by_name[_name(caller)] if _is_for(caller, each, table)}
    if len(same) < 2:
        return ""
    if mapping.kind == "role" and any(rival.kind == "user" for rival in same.values()):
        return f" (one of {len(same)} for it: the last role counts, roles before users)"
    return f" (the last of {len(same)} for it: the others do not count)"


def _is_for(caller: Caller, mapping: Mapping, table: Table) -> bool:
    """Whether the release takes the entry's ARN for the caller's."""
    folds = table.folds_roles if mapping.kind == "role" else table.folds_users
    compared = fold if folds else to_lower
    try:
        return compared(canonicalize(mapping.arn)[1]) == compared(caller.canonical_arn)
    except ArnError:
        return False


def _behind(caller: Caller, table: Table, tables: Sequence[Table]) -> str:
    """Whether a later backend maps the caller too, in vain."""
    if len(tables) < 2:
        return ""
    later = tables[[each is table for each in tables].index(True) + 1 :]
    for other in later:
        if other.has(caller) and other.place is not table.place:  # else it is the same entry
            return f"; what {other.backend} has for it is not asked, {table.backend} comes first"
    return ""


def _hints(caller: Caller, config: DaemonConfig, table: Table) -> Iterator[tuple[Mapping, str]]:
    own = parse_arn(caller.canonical_arn)
    for mapping in table.by_name.get(_name(caller), ()):
        hint = _id_hint(mapping, caller, table) if table.by_user_id else _arn_hint(mapping, own, table)
        if hint:
            yield mapping, hint
    for mapping in table.with_wildcards:
        if fnmatchcase(fold(caller.canonical_arn), fold(mapping.arn)):
            yield mapping, f"the entry for {mapping.arn} has a wildcard, and wildcards are taken literally"
    for mapping in table.with_sso:
        hint = _sso_hint(mapping, caller, table, gate="SSORoleMatch" in config.gates)
        if hint:
            yield mapping, hint


def _name(caller: Caller) -> str:
    return fold(caller.canonical_arn.rpartition("/")[2])


def _arn_hint(mapping: Mapping, own: Arn, table: Table) -> str:
    text = mapping.arn
    if _same(text, str(own)):
        return _written_hint(text, own, table)
    try:
        wanted = parse_arn(canonicalize(text.strip().rstrip("/"))[1])
    except ArnError:
        return ""
    for differs, hint in _DIFFERENCES:
        if differs(wanted, own):
            return hint.format(text=text, instead=wanted.without_path)
    return f"the entry for {shortened(text)!r} has blanks or a slash around its ARN, which count"


# In this order: of several differences the first one is told.
_DIFFERENCES: tuple[tuple[Callable[[Arn, Arn], bool], str], ...] = (
    (
        lambda wanted, own: not equal_fold(wanted.parts[0], own.parts[0]),
        "{text} is another kind of principal of that name",
    ),
    (lambda wanted, own: wanted.account != own.account, "{text} is the same name in another account"),
    (
        lambda wanted, own: wanted.path != own.path and equal_fold(own.parts[0], "role"),
        "the entry for {text} has a path, which STS leaves out: map {instead} instead",
    ),
    (
        lambda wanted, own: wanted.path != own.path,
        "the entry for {text} has another path: a user's path counts",
    ),
    (lambda wanted, own: wanted.partition != own.partition, "the entry for {text} is of another partition"),
)


def _written_hint(text: str, own: Arn, table: Table) -> str:
    """An ARN that means the caller, in a backend or release that compares it as it is written."""
    if not (text + str(own)).isascii():
        return f"the entry for {text} has letters that this release does not take for those of {own}"
    if text.lower() == str(own).lower():
        return f"the entry for {text} is compared with its capitals by this release: write it in lower case"
    return f"the entry for {text} is compared as it is written by {table.backend}: map {own} instead"


def _id_hint(mapping: Mapping, caller: Caller, table: Table) -> str:
    if not _same(mapping.arn, caller.canonical_arn) and not _same(_pathless(mapping.arn), caller.canonical_arn):
        if mapping.user_id == caller.user_id:
            return f"the entry for the unique id {mapping.user_id} is for {mapping.arn}"
        return ""
    if mapping.user_id == caller.user_id:
        return f"the entry for {mapping.arn} has the caller's unique id, but the ARN is not taken for the same"
    return (
        f"the entry for {mapping.arn} has the unique id {mapping.user_id}, the caller {caller.user_id}: "
        f"{table.backend} asks for the id, and a role that was made anew has another one"
    )


def _sso_hint(mapping: Mapping, caller: Caller, table: Table, *, gate: bool) -> str:
    sso = mapping.sso
    assert sso is not None
    if fold(f"/AWSReservedSSO_{sso.permission_set}_") not in fold(caller.canonical_arn):
        return ""
    if sso.account != caller.account:
        return f"the SSO entry for permission set {sso.permission_set} is for account {sso.account}"
    if not gate:
        return "its SSO entry needs the feature gate SSORoleMatch"
    if sso.partition:
        return "its SSO entry has a partition, and an entry with one never matches: leave it out"
    if table.is_carried and not table.patterns:
        return f"its SSO entry is not carried by the backend {table.backend}: add MountedFile"
    return ""


def _account_hint(caller: Caller, table: Table) -> str:
    """Accounts that lost their leading zeros, or have dashes, dots or blanks in them."""
    for account in table.odd_accounts:
        digits = "".join(filter(str.isdigit, account))
        if digits.zfill(12) == caller.account or _octal(caller.account) == account:
            return (
                f"mapAccounts has {shortened(account)!r}, which is not compared as a number: "
                f"write {quoted(caller.account)} in quotes"
            )
    return ""


def _octal(account: str) -> str:
    """What an unquoted account becomes whose digits after a leading zero are all octal ones."""
    return str(int(account, 8)) if account.startswith("0") and not set(account) - set("01234567") else ""


def _same(left: str, right: str) -> bool:
    """Whether two ARNs mean one principal, however the releases compare them."""
    try:
        return equal_fold(canonicalize(left)[1], canonicalize(right)[1])
    except ArnError:
        return False


def _pathless(text: str) -> str:
    try:
        return str(parse_arn(text).without_path)
    except ArnError:
        return text
