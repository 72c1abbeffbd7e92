"""The access in a cluster compared with that of EKS access entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from tarmak_iam.access.diff import Effect, Standings, changes
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Grant
from tarmak_iam.mappings.access_entries import AccessEntry, possible_grants


def effects_on_eks(authenticator: Authenticator, entries: Iterable[AccessEntry]) -> tuple[Effect, ...]:
    """Every principal whose username or groups differ: in the order of the mappings, then the new ones. An access
    policy counts as a group, that of cluster admins as system:masters."""
    entries = tuple(entries)
    before = Standings(map(_comparable, authenticator.grants), partial(_possible, authenticator))
    after = Standings((entry.grant for entry in entries), partial(possible_grants, entries))
    return tuple(changes(before, after))


def _possible(authenticator: Authenticator, asked: Grant) -> tuple[Grant | None, ...]:
    possible = authenticator.possible_grants(asked)
    return tuple(None if grant is None else _comparable(grant) for grant in possible)


def _comparable(grant: Grant) -> Grant:
    """With the digits of {{AccountID}}, which an access entry has in its place."""
    account = grant.principal.split(":")[4] if grant.kind == "arn" and grant.principal.count(":") > 4 else ""
    if not account:
        return grant
    username, *groups = (name.replace("{{AccountID}}", account) for name in (grant.username, *grant.groups))
    return replace(grant, username=username, groups=tuple(groups))
