"""Why an entry matched, or why none did: in words that tell a person what to change."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.identity.arn import ArnError, canonicalize, parse_arn
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Mapping
from tarmak_iam.identity.refusal import Denied
from tarmak_iam.identity.table import Table

__all__ = ["matched", "unmatched"]


def matched(mapping: Mapping) -> str:
    if mapping.sso is not None:
        return f"the SSO entry for permission set {mapping.sso.permission_set} of account {mapping.sso.account} matches"
    return f"the entry for {mapping.arn} matches"


def unmatched(caller: Caller, config: DaemonConfig, tables: Iterable[Table]) -> Denied:
    """Why nobody matched, with the nearest entry that would have, had it been written otherwise."""
    del tables
    reason = f"no entry maps {caller.canonical_arn}, and account {caller.account} is not in mapAccounts"
    for mapping in (*config.roles, *config.users):
        hint = _hint(mapping, caller, config)
        if hint:
            return Denied(f"{reason}; {hint}")
    return Denied(reason)


def _hint(mapping: Mapping, caller: Caller, config: DaemonConfig) -> str:
    if mapping.sso is not None:
        gate = "SSORoleMatch" in config.gates
        fits = f"/awsreservedsso_{mapping.sso.permission_set}_".lower() in caller.canonical_arn.lower()
        if fits and mapping.sso.account == caller.account:
            return _sso_hint(mapping, gate)
        return ""
    try:
        wanted = parse_arn(canonicalize(mapping.arn.strip())[1])
        own = parse_arn(caller.canonical_arn)
    except ArnError:
        return ""
    same_name = wanted.name.lower() == own.name.lower() and wanted.parts[0].lower() == own.parts[0].lower()
    if not same_name:
        return ""
    if wanted.account != own.account:
        return f"{mapping.arn} is the same name in another account"
    if wanted.path != own.path and own.parts[0] == "role":
        return f"the entry for {mapping.arn} has a path, which STS leaves out: map {wanted.without_path} instead"
    if wanted.path != own.path:
        return f"the entry for {mapping.arn} has another path: a user's path counts"
    if wanted.partition != own.partition:
        return f"the entry for {mapping.arn} is of another partition"
    return ""


def _sso_hint(mapping: Mapping, gate: bool) -> str:
    assert mapping.sso is not None
    if not gate:
        return "its SSO entry needs the feature gate SSORoleMatch"
    if mapping.sso.partition:
        return "its SSO entry has a partition, and an entry with one never matches: leave it out"
    return ""
