"""What the forms of a review say in the same words."""

from __future__ import annotations

from tarmak_iam.identity.principals import SSO_PREFIX
from tarmak_iam.report.history import Change
from tarmak_iam.report.rights import Right

__all__ = ["change_text", "entry_name", "right_text", "short_commit"]

_SHORT = 12


def short_commit(commit: str) -> str:
    return commit[:_SHORT]


def change_text(change: Change) -> str:
    """As in `0123456789ab 2026-11-03 Alice Example: Give the auditors read access`."""
    if change.state == "unknown":
        return f"not known: {change.unknown}"
    if change.state == "uncommitted":
        return "not committed yet"
    return f"{short_commit(change.commit)} {change.date[:10]} {change.author}: {change.summary}"


def entry_name(kind: str, principal: str) -> str:
    """What an entry is for, as its author wrote it."""
    if kind == "account":
        return f"account {principal}"
    return f"{SSO_PREFIX}{principal}" if kind == "sso" else principal or f"a {kind} without an ARN"


def right_text(right: Right) -> str:
    """As in `get, list on pods in payments (RoleBinding payments/readers, ClusterRole view)`."""
    where = f" in {right.namespace}" if right.namespace else ""
    by = f"({right.binding}, {right.role})"
    if right.rules is None:
        return f"nothing{where}: there is no {right.role} {by}"
    rules = "everything" if right.is_everything else "; ".join(rule.text for rule in right.rules) or "nothing"
    return f"{rules}{where} {by}"
